"""Write ``docs/validation.md``: every check beside what is known without this code.

``python -m analysis.validation`` runs all of them in some minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from analysis.validation import decisions, intervals, queues, radio, testbed
from analysis.validation.check import Check, markdown

TEMPLATE = Path(__file__).with_name("template.md")
DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Size of each section: the page's, and the short one's of the tests. What takes no size is the same in both.
SECTIONS: dict[str, tuple[Callable[[int], list[Check]], int, int]] = {
    "throughput": (lambda _: decisions.throughput(), 0, 0),
    "speculative": (lambda size: decisions.speculative_sampling(size, 4000), 40, 4),
    "shares": (decisions.shares, 200, 12),
    "moments": (radio.fading_moments, 2000, 60),
    "correlation": (radio.correlation, 2000, 60),
    "path_loss": (lambda _: radio.path_loss(), 0, 0),
    "rates": (lambda _: radio.rates(), 0, 0),
    "upload": (lambda _: radio.upload(), 0, 0),
    "open_queues": (queues.open_queues, 40, 4),
    "closed_network": (queues.closed_network, 40, 6),
    "proportional_fair": (queues.proportional_fair, 102_000, 12_000),
    "coverage": (intervals.coverage, 400, 40),
    "testbed": (testbed.testbed, 20, 4),
}


def checks(*, short: bool) -> dict[str, list[Check]]:
    """Every section's lines."""
    return {name: make(small if short else size) for name, (make, size, small) in SECTIONS.items()}


def page(sections: dict[str, list[Check]]) -> str:
    """The text of the page."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, lines in sections.items():
        text = text.replace(f"<!-- {name} -->", markdown(lines))
    every = [line for lines in sections.values() for line in lines]
    agreeing = sum(line.agrees for line in every)
    return text.replace("<!-- count -->", f"{agreeing} of {len(every)} lines agree.")


def main() -> None:
    """Command line: ``--short``, ``--out FOLDER``; exit 1 if a line differs."""
    parser = argparse.ArgumentParser(description="Write docs/validation.md.")
    parser.add_argument(
        "--short", action="store_true", help="the sizes of the tests, seconds instead of minutes"
    )
    parser.add_argument("--out", type=Path, default=DOCS, help="folder (default: docs)")
    options = parser.parse_args()
    sections = checks(short=options.short)
    path = options.out / "validation.md"
    path.write_text(page(sections), encoding="utf-8")
    sys.stdout.write(f"{path}\n")
    if not all(line.agrees for lines in sections.values() for line in lines):
        sys.exit(1)
