"""Intervals over prompts against closed forms, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from netsim.results import over_prompts
from netsim.results.over_prompts import (
    paired_difference_over_prompts,
    paired_ratio_over_prompts,
    ratio_over_prompts,
)
from netsim.results.statistics import paired_ratio_interval, token_seed_interval

REPLICATES = 1000
#: Two-sided at four standard deviations of a binomial share: sqrt(0.95 * 0.05 / 1000) = 0.0069.
FOUR_SIGMA = 4 * np.sqrt(0.95 * 0.05 / REPLICATES)


def prompts_of(rng: np.random.Generator, *, num_prompts: int, num_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and seconds of prompts that differ much, under draws that differ little; 24 tokens take 1 s a token.

    The true throughput of the population is 1: both tables' means are 24.
    """
    lengths = rng.integers(8, 41, num_prompts)
    pace_s = rng.gamma(4.0, 1 / 4.0, num_prompts)  # seconds a token, mean 1, standard deviation 0.5
    noise = 1 + 0.05 * rng.standard_normal((num_rows, num_prompts))
    tokens = np.broadcast_to(lengths, (num_rows, num_prompts)).astype(float)
    return tokens, tokens * pace_s * noise


@pytest.mark.parametrize("num_prompts", [16, 32])
def test_other_prompts_are_covered_and_draws_alone_do_not_cover_them(num_prompts: int) -> None:
    rng = np.random.default_rng(1)
    covered = by_draws = 0
    for _ in range(REPLICATES):
        tokens, seconds = prompts_of(rng, num_prompts=num_prompts, num_rows=8)
        interval = ratio_over_prompts(tokens, seconds)
        covered += interval.low <= 1 <= interval.high
        rows = token_seed_interval(tokens.sum(axis=1) / seconds.sum(axis=1), np.arange(8))
        by_draws += rows.low <= 1 <= rows.high
    # Below 0.95 by what the skew of 16 prompts costs, 0.02 at most (Hesterberg, figure 10), and the noise of 1000.
    assert 0.93 - FOUR_SIGMA < covered / REPLICATES < 0.95 + FOUR_SIGMA
    assert by_draws / REPLICATES < 0.5


def test_a_speed_up_over_other_prompts_is_covered_and_paired() -> None:
    """Two policies on the same prompts: the second's pace is the first's times a factor that differs by prompt.

    The factor is gamma distributed with mean 1.5 and independent of the pace, so that the true speed-up of the first
    over the second is E[tokens pace factor] / E[tokens pace] = 1.5.
    """
    rng = np.random.default_rng(4)
    covered = by_draws = 0
    for _ in range(REPLICATES):
        tokens, seconds = prompts_of(rng, num_prompts=24, num_rows=4)
        slower = seconds * rng.gamma(9.0, 1.5 / 9.0, 24) * (1 + 0.05 * rng.standard_normal(seconds.shape))
        interval = paired_ratio_over_prompts(tokens, seconds, tokens, slower)
        covered += interval.low <= 1.5 <= interval.high
        own, other = (tokens.sum(axis=1) / spent.sum(axis=1) for spent in (seconds, slower))
        rows = paired_ratio_interval(own, other, np.arange(4))
        by_draws += rows.low <= 1.5 <= rows.high
    # As above: what the skew of 24 prompts costs, and the noise of 1000.
    assert 0.93 - FOUR_SIGMA < covered / REPLICATES < 0.95 + FOUR_SIGMA
    assert by_draws / REPLICATES < 0.5


def test_its_width_is_the_closed_form_of_a_ratio_of_means() -> None:
    """Linearised: the standard error of sum a / sum b is that of (a - R b) / mean(b), over prompts."""
    rng = np.random.default_rng(2)
    tokens, seconds = prompts_of(rng, num_prompts=200, num_rows=1)
    mean, low, high = ratio_over_prompts(tokens, seconds)
    ratio = tokens.sum() / seconds.sum()
    influence = (tokens[0] - ratio * seconds[0]) / seconds.mean()
    assert mean == pytest.approx(ratio, rel=1e-12)
    # 2000 resamples know an end to about 3 % of the half width: 1.7 quantile errors of 4 %.
    assert high - low == pytest.approx(2 * 1.972 * influence.std(ddof=1) / np.sqrt(200), rel=0.07)


def test_a_speed_up_is_paired_and_the_same_both_ways() -> None:
    rng = np.random.default_rng(3)
    tokens, seconds = prompts_of(rng, num_prompts=32, num_rows=4)
    twice = paired_ratio_over_prompts(tokens, seconds / 2, tokens, seconds)
    assert twice == pytest.approx((2, 2, 2), rel=1e-12)
    other = seconds * np.exp(0.1 * rng.standard_normal(seconds.shape))
    up = paired_ratio_over_prompts(tokens, other, tokens, seconds)
    down = paired_ratio_over_prompts(tokens, seconds, tokens, other)
    assert (1 / down.mean, 1 / down.high, 1 / down.low) == pytest.approx(up, rel=1e-3)
    assert (
        up.high - up.low < ratio_over_prompts(tokens, seconds).high - ratio_over_prompts(tokens, seconds).low
    )


def test_a_difference_is_paired_and_as_wide_as_that_of_two_ratios_of_means() -> None:
    """Linearised as above: the standard error is that of the difference of both figures' influences."""
    rng = np.random.default_rng(5)
    tokens, nll = prompts_of(rng, num_prompts=200, num_rows=1)
    shifted = paired_difference_over_prompts(nll + 0.25 * tokens, tokens, nll, tokens)
    assert shifted == pytest.approx((0.25, 0.25, 0.25), rel=1e-12)
    other = nll * (1 + 0.2 * rng.standard_normal(nll.shape))
    mean, low, high = paired_difference_over_prompts(other, tokens, nll, tokens)
    figures = [own.sum() / tokens.sum() for own in (other, nll)]
    assert mean == pytest.approx(figures[0] - figures[1], rel=1e-12)
    influence = ((other - nll)[0] - (figures[0] - figures[1]) * tokens[0]) / tokens.mean()
    # As above.
    assert high - low == pytest.approx(2 * 1.972 * influence.std(ddof=1) / np.sqrt(200), rel=0.07)


@pytest.mark.parametrize(("at_once", "in_a_call"), [(1, 1), (700, 3), (2**30, 8)])
@pytest.mark.parametrize("num_groups", [1, 3, 50])
def test_an_interval_does_not_depend_on_how_much_is_worked_out_at_a_time(
    monkeypatch: pytest.MonkeyPatch, at_once: int, in_a_call: int, num_groups: int
) -> None:
    rng = np.random.default_rng(6)
    tokens, seconds = prompts_of(rng, num_prompts=16, num_rows=50)
    seconds = seconds[np.arange(50) % num_groups]
    seconds[0, :8] = seconds[-1, 8:] = 0.0
    interval = ratio_over_prompts(tokens, seconds)
    monkeypatch.setattr(over_prompts, "PRODUCTS_AT_ONCE", at_once)
    monkeypatch.setattr(over_prompts, "PRODUCTS_IN_A_CALL", in_a_call)
    # Sums of 50 numbers in another order, at the most.
    assert ratio_over_prompts(tokens, seconds) == pytest.approx(interval, rel=1e-13)


def test_rows_with_one_denominator_are_as_each_alone() -> None:
    rng = np.random.default_rng(7)
    tokens, seconds = prompts_of(rng, num_prompts=16, num_rows=6)
    together = ratio_over_prompts(seconds, tokens)
    assert (tokens == tokens[0]).all()
    # The mean of ratios with one denominator is the ratio of the means.
    assert together == pytest.approx(ratio_over_prompts(seconds.mean(axis=0)[None], tokens[:1]), rel=1e-12)


def test_what_is_undefined_stays_empty() -> None:
    assert np.isnan(ratio_over_prompts([[1.0] * 7], [[2.0] * 7])[1:]).all()
    assert ratio_over_prompts([[1.0] * 8], [[2.0] * 8]) == (0.5, 0.5, 0.5)
    assert np.isnan(ratio_over_prompts([[0.0, 0.0]], [[0.0, 0.0]])).all()
    # A row without a denominator is left out.
    assert ratio_over_prompts([[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [2.0, 2.0]]).mean == 0.5
    with pytest.raises(ValueError, match="num_rows, num_prompts"):
        ratio_over_prompts([1.0, 2.0], [1.0, 2.0])
