"""Quantiles of values in order against numpy's own, of the values that are left."""

from __future__ import annotations

import numpy as np
import pytest

from netsim.results.order import quantile

#: Both interpolate between the same two values; numpy turns its formula round above the middle, some roundings of 1e-16.
ROUNDINGS = 1e-14
LEVELS = (0.0, 0.05, 0.5, 0.95, 0.99, 1.0)


@pytest.mark.parametrize("level", LEVELS)
def test_all_values(level: float) -> None:
    values = np.random.default_rng(1).exponential(size=(3, 41))
    expected = np.quantile(values, level, axis=-1)
    np.testing.assert_allclose(quantile(np.sort(values), level), expected, rtol=ROUNDINGS)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("zeros", [0, 7])
@pytest.mark.parametrize("different", [4, 1000])
def test_some_left_out_and_zeros_beside(level: float, zeros: int, different: int) -> None:
    """With few different values most are equal to some that are left out."""
    rng = np.random.default_rng(2)
    for left_out in (0, 1, 9, 29):
        values = rng.integers(different, size=(5, 30)).astype(float)
        found = quantile(np.sort(values), level, np.sort(values[:, :left_out]), zeros)
        left = np.concatenate([np.zeros((5, zeros)), values[:, left_out:]], axis=1)
        np.testing.assert_allclose(found, np.quantile(left, level, axis=-1), rtol=ROUNDINGS)


def test_one_row() -> None:
    assert quantile(np.array([1.0, 2.0, 4.0]), 0.5, np.array([2.0])) == 2.5
