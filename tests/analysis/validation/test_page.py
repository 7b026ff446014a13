"""The short form of the validation table: every line agrees, and a line that is wrong would say so."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.validation.check import Check, exact, markdown, of_means, of_share
from analysis.validation.page import SECTIONS, TEMPLATE, page
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
