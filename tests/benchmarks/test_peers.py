"""The peers do the same work as our engines: what they are compared at is then their speed alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.drafters import drawn_rounds, play
from benchmarks.monte_carlo import monte_carlo, one_by_one, seconds_per_token, tokens_of_round
from benchmarks.peers import (
    ACCEPTANCE,
    COHERENCE_S,
    FAR,
    GAMMA,
    SLM_S,
    alone_agreement,
    alone_link,
    alone_scenario,
    drafters_agreement,
    drafters_scenario,
    drafters_shape,
)
from netsim.point import Point


@pytest.mark.parametrize("devices", [1, 20])
def test_drafters_with_the_same_rounds_take_the_same_time(devices: int) -> None:
    """To rounding: every time is a sum of fewer than 1000 terms, each off by half a step of the sum."""
    point = Point.of(drafters_scenario(24, devices))
    _, work = point.plan(0)
    rounds = [
        list(zip(work.drafted[own, :length].tolist(), work.tokens[own, :length].tolist(), strict=True))
        for own, length in enumerate(work.length.tolist())
    ]
    ends_s = play(drafters_shape(devices), rounds)
    ours = point.row(0)["latency_mean_s"]
    assert ours == pytest.approx(sum(ends_s) / (24 * devices), rel=1000 * 2**-53)


def test_a_round_of_drafters_gives_the_tokens_that_the_law_says() -> None:
    mean, deviation = tokens_of_round(GAMMA, ACCEPTANCE)
    assert mean == pytest.approx((1 - ACCEPTANCE ** (GAMMA + 1)) / (1 - ACCEPTANCE))
    rounds = list(drawn_rounds(drafters_shape(), 20_000, random.Random(0)))
    assert sum(tokens for _, tokens in rounds) == 20_000
    # The last rounds of a prompt have fewer drafts.
    full = [tokens for drafts, tokens in rounds if drafts == GAMMA]
    assert abs(np.mean(full) - mean) < FAR * deviation / math.sqrt(len(full))


@pytest.mark.parametrize(
    "agreement",
    [lambda: drafters_agreement(30, 64), lambda: alone_agreement(128, 8)],
    ids=["drafters", "alone"],
)
def test_with_their_own_draws_they_agree(agreement: Callable[[], tuple[float, float, float]]) -> None:
    ours, theirs, allowed = agreement()
    assert abs(ours / theirs - 1) < allowed


def test_the_monte_carlo_in_numpy_and_in_python_agree() -> None:
    link, num_rounds = alone_link(fading=False), 4000
    mean, deviation = tokens_of_round(GAMMA, ACCEPTANCE)
    looped = one_by_one(link, num_rounds, random.Random(0))
    vectorised = seconds_per_token(link, 1, np.random.default_rng(0))
    assert abs(looped / vectorised - 1) < FAR * deviation / mean / math.sqrt(num_rounds)


def test_under_fading_the_seconds_of_a_round_have_the_same_distribution() -> None:
    """But for uploads that reach into the next block, and the last rounds of a prompt, which have fewer drafts.

    Either moves no more of the distribution than its share. The rest is sampling: Dvoretzky, Kiefer and Wolfowitz's
    inequality with Massart's constant, once for each sample, at one chance in a million.
    """
    point = Point.of(alone_scenario(256, 16))
    _, work = point.plan(0)
    [run] = point.network.run(0)
    air_s = run.timings.air_s
    round_s = work.slm_s + air_s + work.llm_s
    starts_s = np.cumsum(round_s, axis=1) - round_s + work.drafted * SLM_S
    crossing = (starts_s % COHERENCE_S + air_s > COHERENCE_S)[work.valid].mean()
    fewer = (work.drafted < GAMMA)[work.valid].mean()
    ours = np.sort(round_s[work.valid])
    theirs = np.sort(monte_carlo(alone_link(), 20_000, np.random.default_rng(0)))
    both = np.concatenate([ours, theirs])
    shares = [np.searchsorted(sample, both, side="right") / sample.size for sample in (ours, theirs)]
    sampling = sum(math.sqrt(math.log(2 / 1e-6) / (2 * sample.size)) for sample in (ours, theirs))
    assert crossing + fewer < 0.1
    assert np.abs(shares[0] - shares[1]).max() < crossing + fewer + sampling
