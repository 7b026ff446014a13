"""Quantiles of values in order against numpy's own, of the values that are left."""

from __future__ import annotations

import numpy as np
import pytest

from netsim.results.compiled_order import write_ascending
from netsim.results.order import MANY, ascending, quantile

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


def rows_of(kind: str) -> np.ndarray:
    """Rows of many values, [3, MANY]."""
    rng = np.random.default_rng(3)
    spread = rng.exponential(size=(3, MANY))
    return {
        "spread": spread,
        "equal": np.full((3, MANY), 0.02),
        "few": rng.integers(0, 5, (3, MANY)).astype(float),
        "many equal": np.where(spread < 0.5, 0.02, spread),
        "tiny and huge": spread * 10.0 ** rng.integers(-300, 300, (3, MANY)),
        "close together beside one far off": np.where(np.arange(MANY) == 7, 1e300, 1 + 1e-9 * spread),
        "infinite": np.where(spread > 2, np.inf, spread),
        "unknown": np.where(np.arange(3)[:, None] == 1, np.nan, spread),
        "below 0": np.where(np.arange(3)[:, None] == 2, -spread, spread),
        "nothing and less than nothing": np.where(spread > 1, 0.0, -0.0),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "by_digits"),
    [
        ("spread", [True] * 3), ("equal", [True] * 3), ("few", [True] * 3), ("many equal", [True] * 3),
        ("tiny and huge", [True] * 3), ("close together beside one far off", [False] * 3), ("infinite", [True] * 3),
        ("unknown", [True, False, True]), ("below 0", [True, True, False]),
        ("nothing and less than nothing", [False] * 3),
    ],
)  # fmt: skip
def test_many_values_are_in_order(kind: str, by_digits: list[bool]) -> None:
    values = rows_of(kind)
    before = values.copy()
    np.testing.assert_array_equal(ascending(values), np.sort(values, axis=-1))
    np.testing.assert_array_equal(values, before)
    assert write_ascending(values, np.empty(values.shape)).tolist() == by_digits


@pytest.mark.parametrize("shape", [(0,), (1,), (MANY - 1,), (MANY,), (2, 3, MANY), (MANY, 1), (MANY, 2)])
def test_any_shape_is_in_order_along_its_last_axis(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(4).exponential(size=shape)
    np.testing.assert_array_equal(ascending(values), np.sort(values, axis=-1))
    turned = np.asfortranarray(values)
    np.testing.assert_array_equal(ascending(turned), np.sort(values, axis=-1))
