from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from traces.speculative.verify import accepts, choose, resample_each


def rows(weights: list[list[float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ends = np.cumsum([len(row) for row in weights])
    return (
        np.concatenate([np.array(row, float) for row in weights]),
        ends - [len(row) for row in weights],
        ends,
    )


def test_choice_is_the_inverse_cdf_in_token_order() -> None:
    # Cumulative weights 0.2, 0.5, 1.0 by hand; the second row is not normalised.
    weights, starts, ends = rows([[0.2, 0.3, 0.5], [2.0, 0.0, 2.0]])
    for draw, expected in [
        (0.0, (0, 3)),
        (0.1999, (0, 3)),
        (0.2001, (1, 3)),
        (0.4999, (1, 3)),
        (0.51, (2, 5)),
    ]:
        assert choose(weights, starts, ends, np.array([draw, draw])).tolist() == list(expected)


def test_choice_never_falls_off_the_end_of_a_row_that_rounds_low() -> None:
    weights, starts, ends = rows([[0.1] * 10 + [0.0]])
    assert choose(weights, starts, ends, np.array([np.nextafter(1.0, 0.0)])).tolist() == [9]


def test_acceptance_follows_min_one_ratio() -> None:
    rng = np.random.default_rng(1)
    draws = rng.random(200_000)
    for x, y in [(0.5, 0.2), (0.3, 0.3), (0.1, 0.4), (0.8, 0.0)]:
        share = accepts(np.full(draws.shape, x), np.full(draws.shape, y), draws).mean()
        expected = min(1.0, y / x)
        # Five standard deviations of a binomial share.
        assert abs(share - expected) <= 5 * np.sqrt(expected * (1 - expected) / len(draws))


def test_a_draft_that_the_server_gives_no_mass_is_accepted() -> None:
    assert accepts(np.array([0.0]), np.array([0.0]), np.array([0.5])).tolist() == [True]


@pytest.mark.parametrize("seed", range(3))
def test_resampling_follows_the_normalised_residual(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
    count = 100_000
    starts, ends = np.zeros(count, np.int64), np.full(count, 6)
    chosen = resample_each(x, y, starts, ends, rng.random(count))
    residual = np.maximum(y - x, 0)
    expected = count * residual / residual.sum()
    observed = np.bincount(chosen, minlength=6)
    assert observed[expected == 0].sum() == 0
    used = expected > 0
    # One in a thousand correct implementations would fail; the seed is fixed, so this one never does.
    assert stats.chisquare(observed[used], expected[used]).pvalue > 1e-3


def test_resampling_from_equal_distributions_falls_back_to_y() -> None:
    x = np.array([0.25, 0.75])
    assert resample_each(x, x, np.array([0]), np.array([2]), np.array([0.5])).tolist() == [1]
