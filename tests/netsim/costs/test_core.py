"""The core network: its distributions, and that a round-trip time counts once an exchange, or once a stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from netsim.costs.core import CoreNetwork, GammaJitter, Jitter, LogNormalJitter, NoJitter
from netsim.errors import InputError
from netsim.point import Point
from netsim.results.rows import Row
from netsim.scenario import load_scenario

SECONDS = {"slm": 0.01, "llm": 0.02, "propagation": 0.005}


def row(policy: Any, engine: str, core: dict[str, Any], **content: Any) -> Row:
    scenario = {
        "name": "core",
        "trace": "tiny",
        "policy": policy,
        "eos": "ignore",
        "latency": SECONDS,
        **content,
    }
    return Point.of(load_scenario({**scenario, "core": core})).row(0, engine)


@pytest.mark.parametrize("engine", ["arrays", "events"])
@pytest.mark.parametrize(
    "policy",
    ["hlm", {"name": "spec", "gamma": 4}, {"name": "u-hlm", "threshold": 0.3}],
    ids=["hlm", "spec", "u-hlm"],
)
def test_a_round_trip_time_counts_once_an_exchange(policy: Any, engine: str) -> None:
    """Not once a transfer or a draft: a known mistake."""
    one = row(policy, engine, {"rtt_s": 0.05})
    assert isinstance(one["llm_calls"], float)
    assert one["core_s"] == pytest.approx(0.05 * one["llm_calls"], rel=1e-12)


@pytest.mark.parametrize("engine", ["arrays", "events"])
def test_and_once_for_the_stream_of_llm(engine: str) -> None:
    one = row("llm", engine, {"rtt_s": 0.05})
    assert one["core_s"] == pytest.approx(0.05 / 48, rel=1e-12)
    assert row("slm", engine, {"rtt_s": 0.05})["core_s"] == 0


def test_without_a_core_network_nothing_changes() -> None:
    far = row("hlm", "arrays", {"rtt_s": 0.05}, channel={"fading": "none"})
    near = row("hlm", "arrays", {}, channel={"fading": "none"})
    assert near["core_s"] == 0
    assert far["latency_mean_s"] == pytest.approx(near["latency_mean_s"] + 0.05, rel=1e-12)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("jitter", "law"),
    [
        (GammaJitter(0.02), stats.gamma(4.0, scale=0.01)),
        (LogNormalJitter(0.02), stats.lognorm(np.sqrt(np.log(1.25)), scale=0.04 / np.sqrt(1.25))),
    ],
    ids=["gamma", "lognormal"],
)
def test_round_trip_times_have_their_law(jitter: Jitter, law: Any) -> None:
    """scipy's own quantiles; mean 0.04 s and standard deviation 0.02 s in both."""
    uniform = np.linspace(0, 0.999, 200)
    np.testing.assert_allclose(jitter.round_trip_s(0.04, uniform), law.ppf(uniform), rtol=1e-9)
    assert (law.mean(), law.std()) == (pytest.approx(0.04), pytest.approx(0.02))


def test_both_ways_share_a_round_trip_time_and_lose_independently() -> None:
    core = CoreNetwork(0.04, NoJitter(), loss=0.3, timeout_s=0.5)
    up_s, down_s = core.crossings_s(1, 0, 0, 100_000)
    lost = np.stack([up_s, down_s]) - 0.02
    tries = np.rint(lost / 0.5)
    np.testing.assert_allclose(lost, tries * 0.5, atol=1e-12)
    # Geometric, mean loss / (1 - loss) and variance loss / (1 - loss)^2: five standard errors.
    room = 5 * np.sqrt(0.3 / 0.7**2 / 100_000)
    np.testing.assert_allclose(tries.mean(axis=1), 0.3 / 0.7, atol=room)
    # The correlation of independent columns: five standard errors.
    assert abs(np.corrcoef(tries)[0, 1]) < 5 / np.sqrt(100_000)


def test_draws_are_found_by_their_place() -> None:
    core = CoreNetwork(0.04, GammaJitter(0.02), loss=0.1)
    few, many = core.crossings_s(3, 1, 7, 5), core.crossings_s(3, 1, 7, 50)
    np.testing.assert_array_equal(few[0], many[0][:5])
    assert not np.array_equal(many[0], core.crossings_s(3, 2, 7, 50)[0])


@pytest.mark.parametrize("engine", ["arrays", "events"])
def test_jitter_and_loss_reach_the_columns(engine: str) -> None:
    core = {"rtt_s": 0.05, "jitter": {"name": "gamma", "std_s": 0.03}, "loss": 0.05, "timeout_s": 0.2}
    one = row("hlm", engine, core, seeds=1)
    expected = 0.05 + 2 * 0.2 * 0.05 / 0.95
    rounds = one["tokens"]
    assert isinstance(rounds, int)
    # Variances of the round-trip time and of two geometric waits: five standard errors.
    room = 5 * np.sqrt((0.03**2 + 2 * 0.2**2 * 0.05 / 0.95**2) / rounds)
    assert one["core_s"] == pytest.approx(expected, abs=room)
    assert one["core_s"] != pytest.approx(0.05, abs=1e-6)


def test_jitter_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"core\.jitter: a round-trip time of 0 does not vary"):
        row("hlm", "arrays", {"jitter": {"name": "gamma", "std_s": 0.01}})
