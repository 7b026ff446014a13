"""The short form of the validation table: every line agrees, and a line that is wrong would say so."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from analysis.validation import page as page_module
from analysis.validation.check import Check, exact, markdown, of_means, of_share
from analysis.validation.page import SECTIONS, TEMPLATE, main, page
from analysis.validation.queues import closed_throughput


@pytest.mark.parametrize("name", SECTIONS)
def test_every_line_of_the_short_table_agrees(name: str) -> None:
    make, _, small = SECTIONS[name]
    lines = make(small)
    assert lines
    assert all(line.agrees for line in lines), markdown([line for line in lines if not line.agrees])


def test_a_wrong_figure_differs() -> None:
    assert not exact("a", "b", 1.0, 1.0 + 1e-8).agrees
    assert not of_means("a", "b", 0.5, np.random.default_rng(0).normal(size=100)).agrees
    assert not of_share("a", "b", 0.5, 700, 1000).agrees
    text = markdown([Check("what", "source", 1.0, 2.0, 0.5, "reason")])
    assert "| what | source | 1 | 2 | 0.5 (reason) | **differs** |" in text


def test_the_page_has_a_place_for_every_section() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    for name in SECTIONS:
        assert f"<!-- {name} -->" in text
    wrong = Check("what", "source", 1.0, 2.0, 0.5, "reason")
    filled = page({name: [wrong] for name in SECTIONS})
    assert f"0 of {len(SECTIONS)} lines agree." in filled
    assert "<!--" not in filled


def test_mean_value_analysis_by_hand() -> None:
    """Two devices, two stations of 1 s each, no thinking: X(2) = 2 / (2 * 1.5), the classic example."""
    assert closed_throughput(1, 0.0, (1.0, 1.0)) == pytest.approx(0.5)
    assert closed_throughput(2, 0.0, (1.0, 1.0)) == pytest.approx(2 / 3)


def test_the_command_writes_the_page_and_fails_where_a_line_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["validation", "--short", "--out", str(tmp_path)])
    few = {name: SECTIONS[name] for name in ("path_loss", "rates", "upload")}
    monkeypatch.setattr(page_module, "SECTIONS", few)
    main()
    path = tmp_path / "validation.md"
    assert capsys.readouterr().out == f"{path}\n"
    count = sum(len(make(small)) for make, _, small in few.values())
    assert f"{count} of {count} lines agree." in path.read_text("utf-8")
    wrong = [Check("what", "source", 1.0, 2.0, 0.5, "reason")]
    monkeypatch.setattr(page_module, "SECTIONS", few | {"rates": (lambda _: wrong, 0, 0)})
    with pytest.raises(SystemExit, match="1"):
        main()
    assert "**differs**" in path.read_text("utf-8")
