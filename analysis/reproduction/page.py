"""Write ``docs/reproduction.md``: the papers' headline figures beside what the simulator gives.

``python -m analysis.reproduction`` runs the scenarios of ``scenarios/papers`` and writes the page and its pictures. Nothing
is tuned to make figures agree. The prose holds no figure of ours: those are in the tables, which are made anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from analysis.reproduction import checks, sampling, tables, texts

PAGE = Path(__file__).with_name("template.md")


#: What is put in the place of each mark of the page: of the results, the number of jobs, and the folder of pictures.
SECTIONS: dict[str, Callable[[tables.Reproduced, int, Path], str]] = {
    "u_hlm": lambda results, *_: tables.u_hlm_section(results),
    "held_draw": lambda *_: checks.held_draw_section(),
    "cu_hlm": lambda results, *_: tables.cu_hlm_section(results),
    "compression": lambda results, *_: tables.compression_section(results),
    "full_vocabulary": lambda *_: checks.full_vocabulary_section(),
    "texts": lambda *_: texts.texts_section(),
    "sampling": lambda *_: sampling.sampling_section(),
    "testbed": lambda results, *_: tables.testbed_section(results),
    "theory": lambda results, *_: checks.theory_section(results),
    "neglected": lambda _, jobs, pictures: tables.neglected_section(
        jobs, pictures / "reproduction-neglected.png"
    ),
    "conventions": lambda *_: checks.conventions_section(),
    "calibration": lambda _results, _jobs, pictures: checks.calibration_section(
        pictures / "reproduction-line.png"
    ),
}


def page(jobs: int, pictures: Path) -> str:
    """Run everything; the page's text, with pictures written beside it."""
    results = tables.Reproduced.simulate(jobs)
    text = PAGE.read_text(encoding="utf-8")
    for name, section in SECTIONS.items():
        text = text.replace(f"<!-- {name} -->", section(results, jobs, pictures))
    return text


def main() -> None:
    """Command line: ``--jobs N --out FOLDER``."""
    parser = argparse.ArgumentParser(description="Write docs/reproduction.md and its pictures.")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--out", type=Path, default=tables.ROOT / "docs", help="folder (default: docs)")
    options = parser.parse_args()
    path = options.out / "reproduction.md"
    path.write_text(page(options.jobs, options.out), encoding="utf-8")
    sys.stdout.write(f"{path}\n")
