from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.stats

from analysis.reproduction.checks import conventions_section, held_draw_section
from analysis.reproduction.page import PAGE, SECTIONS
from analysis.reproduction.runs import NEGLECTED, PAPERS, Run
from analysis.reproduction.tables import CU_HLM_LINE, DENSITIES, U_HLM_LINE, clipped, density, percent, table
from netsim.scenario import load_scenario

#: The papers' profiles replaced by numbers, which are none of the page's.
QUICK = ("latency.slm=0.1", "latency.llm=0.5", "seeds=2", "sweep.channel.snr_db=[0, 20]")


@pytest.fixture(scope="module")
def published() -> Run:
    return Run.of("published-u-hlm", QUICK)


def test_gain_is_the_ratio_of_paired_throughputs(published: Run) -> None:
    among = density(1.0, 1.4)
    policy = {"name": "u-hlm", "threshold": clipped(U_HLM_LINE, "risk-prone"), **among}
    own, hlm = (
        published.rows(p, 20.0)["throughput_tok_s"].to_numpy() for p in (policy, {"name": "hlm", **among})
    )
    assert published.gain(policy, 20.0).mean == pytest.approx(own.mean() / hlm.mean(), rel=1e-12)
    assert published.gain({"name": "hlm", **among}, 0.0).mean == 1


def test_skipping_gains_less_than_one_over_its_transmission_rate(published: Run) -> None:
    """What the page says of 2.54x: it bounds every SNR where both policies meet the same channel."""
    for name in ("risk-averse", "risk-prone"):
        policy = {"name": "u-hlm", "threshold": clipped(U_HLM_LINE, name), **density(1.0, 1.4)}
        _, gain = published.best_gain(policy)
        assert 1 < gain.mean < 1 / published.mean(policy, "transmission_rate")


def test_policies_are_told_apart_by_their_settings(published: Run) -> None:
    assert set(published.rows({"skip_probability": 0.4593})["policy.name"]) == {"rand-hlm"}
    # Two densities, two seeds.
    assert len(published.rows({"skip_probability": 0.4593}, 0.0)) == 4
    assert len(published.rows({"skip_probability": 0.4593, **density(1.0, 1.4)}, 0.0)) == 2


def test_each_papers_thresholds_follow_from_its_own_line() -> None:
    """Published: 0.073 and 0.43 (arXiv 2412.12687), 0.081 and 0.8117 (arXiv 2505.11788, v2)."""
    assert clipped(U_HLM_LINE, "risk-averse") == pytest.approx(0.073, abs=5e-4)
    assert clipped(U_HLM_LINE, "risk-prone") == pytest.approx(0.43, abs=5e-3)
    assert clipped(CU_HLM_LINE, "risk-averse") == pytest.approx(0.081, abs=5e-4)
    assert clipped(CU_HLM_LINE, "risk-prone") == pytest.approx(0.8117, abs=5e-5)


def test_the_hypothesised_density_gives_the_three_published_shares() -> None:
    """45.93 % and 60.6 % (2.54x) of arXiv 2412.12687, 74.8 % of arXiv 2505.11788: of the density, not of counts."""
    shape = DENSITIES["Beta(0.149, 0.265), hypothesis"]
    shares = scipy.stats.beta(*shape).cdf([0.073, 0.43, 0.8117])
    # Both parameters are given to three digits.
    np.testing.assert_allclose(shares, [0.459, 0.625, 0.748], atol=2e-3)


def test_every_neglected_cost_is_off_in_the_papers_scenarios_and_can_be_switched_on() -> None:
    scenario = load_scenario(PAPERS / "published-u-hlm.yaml", QUICK)
    assert not scenario.payload.count_indices
    assert not scenario.latency.catch_up
    assert scenario.latency.uncertainty == 0
    everything = load_scenario(PAPERS / "published-u-hlm.yaml", (*QUICK, *NEGLECTED["all three"]))
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
    assert sorted(places) == sorted(SECTIONS)


def test_tables_are_markdown() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert percent(0.4593) == "45.9 %"
    assert percent(float("nan")) == "n/a"
