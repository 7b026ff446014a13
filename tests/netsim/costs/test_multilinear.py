"""Interpolation is scipy's to the last bit, in and outside the grid."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from netsim.costs.multilinear import Multilinear


@pytest.mark.parametrize("num_axes", [1, 2, 3])
def test_every_bit_is_that_of_scipy(num_axes: int) -> None:
    rng = np.random.default_rng(num_axes)
    for _ in range(50):
        grids = [np.cumsum(rng.uniform(0.01, 10, rng.integers(2, 7))) for _ in range(num_axes)]
        values = rng.random([len(grid) for grid in grids])
        inside_and_out = [rng.uniform(grid[0] - 5, grid[-1] + 5, (20, 7)) for grid in grids]
        points = [rng.choice(grid, (20, 7)) for grid in grids]
        scipys = RegularGridInterpolator(grids, values, bounds_error=False, fill_value=None)
        for query in (inside_and_out, points):
            places = np.stack(query, axis=-1)
            assert Multilinear(grids, values)(places).tobytes() == scipys(places).tobytes()


def test_no_place_has_no_value() -> None:
    assert Multilinear([np.array([0.0, 1.0])] * 2, np.ones((2, 2)))(np.empty((0, 2))).shape == (0,)
