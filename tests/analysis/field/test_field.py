"""The scenarios of the field: every method on one trace, each row an exact replay, and the page that shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.field.figure import METHODS, by_method
from analysis.field.page import formula_section
from analysis.figures.kinds import RTT
from analysis.figures.results import Results
from netsim.point import Point
from netsim.scenario import load_grid, load_scenario
from netsim.sweeps.run import sweep
from traces.format.trace import Trace

ROOT = Path(__file__).resolve().parents[3]
SCENARIOS = sorted((ROOT / "scenarios" / "field").glob("*.yaml"))
#: What replays on the recorded nodes alone; a choice by rates or energy may draft past what was recorded.
RECORDED = [
    "everyone",
    "everyone-rtt",
    "dsd",
    "qs",
    "sqs",
    "dssd",
    "picospec",
    "hat",
    "pipesd",
    "bridge",
    "overlap",
]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_says_what_it_is_and_can_be_had(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# ")
    assert "assumed" in text
    Point.of(load_grid(path).scenario)


def test_every_method_has_a_scenario() -> None:
    assert len(SCENARIOS) >= 16


@pytest.mark.parametrize("name", RECORDED)
def test_methods_replay_exactly(name: str) -> None:
    one_point = ("sweep.core.rtt_s=[0.05]",) if name == "everyone-rtt" else ("sweep.channel.snr_db=[10]",)
    table = sweep(load_scenario(ROOT / "scenarios" / "field" / f"{name}.yaml", ("seeds=[0, 3]", *one_point)))
    assert (table["on_trace"] == 1).all()
    assert (table["engine"] == "arrays").all()


def test_the_methods_of_the_page_are_those_of_the_scenario() -> None:
    table = sweep(
        load_scenario(
            ROOT / "scenarios" / "field" / "everyone-rtt.yaml", ("seeds=2", "sweep.core.rtt_s=[0, 0.1]")
        )
    )
    axes = tuple(map(str, table.columns[: table.columns.get_loc("seed")]))
    methods = by_method(Results(table, axes), RTT)
    assert tuple(methods) == METHODS
    # The SLM alone does not cross; the LLM's stream crosses once in 48 tokens of 50 ms; HLM once a token.
    near, far = (np.array([own["mean"].iloc[at] for own in methods.values()]) for at in (0, 1))
    extra_s = dict(zip(METHODS, 1 / far - 1 / near, strict=True))
    assert extra_s["SLM alone"] == 0
    assert extra_s["LLM alone"] == pytest.approx(0.1 / 48, rel=1e-9)
    # A mean of two rows' ratios: near 0.1 s a token, and not an RTT for each transfer.
    assert extra_s["HLM"] == pytest.approx(0.1, rel=0.01)


def test_the_formula_is_beside_replay() -> None:
    lines = formula_section(Trace.open(ROOT / "traces" / "field")).splitlines()[2:]
    for line in lines:
        gamma, formula, replay, _ = (cell.strip() for cell in line.strip("|").split("|"))
        assert 1 < float(replay) < float(formula) < int(gamma) + 1
    page = (ROOT / "docs" / "field.md").read_text("utf-8")
    assert all(line in page for line in lines), "python -m analysis.field"
