from __future__ import annotations

import re

import numpy as np
import pytest

from analysis.reproduction.checks import conventions_section, held_draw_section
from analysis.reproduction.page import PAGE
from analysis.reproduction.runs import NEGLECTED, PAPERS, Run
from analysis.reproduction.tables import PUBLISHED, clipped, percent, table
from netsim.scenario import load_scenario

#: The papers' profiles replaced by numbers, which are none of the page's.
QUICK = ("latency.slm=0.1", "latency.llm=0.5", "seeds=2", "sweep.channel.snr_db=[0, 20]")


@pytest.fixture(scope="module")
def published() -> Run:
    return Run.of("published-line", QUICK)


def test_gain_is_the_ratio_of_paired_throughputs(published: Run) -> None:
    policy = {"name": "u-hlm", "threshold": clipped(PUBLISHED, "risk-prone")}
    own, hlm = (published.rows(p, 20.0)["throughput_tok_s"].to_numpy() for p in (policy, {"name": "hlm"}))
    assert published.gain(policy, 20.0).mean == pytest.approx(np.exp(np.log(own / hlm).mean()))
    assert published.gain({"name": "hlm"}, 0.0).mean == 1


def test_skipping_gains_less_than_one_over_its_transmission_rate(published: Run) -> None:
    """What the page says of 2.54x: it bounds every SNR where both policies meet the same channel."""
    for name in ("risk-averse", "risk-prone"):
        policy = {"name": "u-hlm", "threshold": clipped(PUBLISHED, name)}
        _, gain = published.best_gain(policy)
        assert 1 < gain.mean < 1 / published.mean(policy, "transmission_rate")


def test_policies_are_told_apart_by_their_settings(published: Run) -> None:
    assert set(published.rows({"name": "cu-hlm", "k": 30.0})["policy.k"]) == {30.0}
    assert len(published.rows({"name": "cu-hlm", "k": 30.0}, 0.0)) == 2


def test_every_neglected_cost_is_off_in_the_papers_scenarios_and_can_be_switched_on() -> None:
    scenario = load_scenario(PAPERS / "published-line.yaml", QUICK)
    assert not scenario.payload.count_indices
    assert not scenario.latency.catch_up
    assert scenario.latency.uncertainty == 0
    everything = load_scenario(PAPERS / "published-line.yaml", (*QUICK, *NEGLECTED["all three"]))
    assert everything.payload.count_indices
    assert everything.latency.catch_up
    assert everything.latency.uncertainty == 0.16


def test_bits_of_a_full_upload_by_convention() -> None:
    """736 000 bit against 30 entries of 23 bits: arXiv 2505.11788, eq. 5."""
    assert "| 736000 | 38.46x | 1066.7x |" in conventions_section()


def test_a_draw_held_for_a_whole_upload_never_settles() -> None:
    """The share of experiments at 2.54x or more stays, though a hundred times longer; the median is the bound."""
    shares = [float(share) for share in re.findall(r"([0-9.]+) % \|$", held_draw_section(), re.MULTILINE)]
    assert len(shares) == 3
    assert min(shares) > 5


def test_the_page_has_a_place_for_every_section() -> None:
    places = re.findall(r"<!-- (\w+) -->", PAGE.read_text(encoding="utf-8"))
    assert sorted(places) == sorted(
        [
            *("u_hlm", "held_draw", "cu_hlm", "compression", "full_vocabulary"),
            *("theory", "neglected", "conventions", "calibration"),
        ]
    )


def test_tables_are_markdown() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert percent(0.4593) == "45.9 %"
    assert percent(float("nan")) == "n/a"
