"""Multilinear interpolation on a grid: what `scipy.interpolate` does, without the half second that importing it takes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Multilinear:
    """Values of a table between its points, linear along every axis; outside, its outermost cells go on.

    To the last bit what ``scipy.interpolate.RegularGridInterpolator`` gives (a test holds the two together).

    Attributes
    ----------
    grids : [num_axes] of [num_points], float. Points of each axis, at least two, ascending.
    values : [num_points, …], float. An axis for each grid.

    Examples
    --------
    >>> between = Multilinear([np.array([0.0, 2.0])], np.array([1.0, 5.0]))
    >>> between(np.array([[0.5], [3.0]])).tolist()
    [2.0, 7.0]
    """

    grids: Sequence[FloatArray]
    values: FloatArray

    def __call__(self, places: FloatArray) -> FloatArray:
        """Values at places: [..., num_axes], float, to [...], float."""
        cells: list[NDArray[np.int64]] = []
        weights: list[tuple[FloatArray, FloatArray]] = []
        for grid, place in zip(self.grids, np.moveaxis(places, -1, 0), strict=True):
            cell = np.clip(np.searchsorted(grid, place, side="right") - 1, 0, len(grid) - 2)
            share = (place - grid[cell]) / (grid[cell + 1] - grid[cell])
            cells.append(cell)
            weights.append((1 - share, share))
        total = np.zeros(places.shape[:-1])
        for corner in itertools.product((0, 1), repeat=len(cells)):
            value = self.values[tuple(cell + end for cell, end in zip(cells, corner, strict=True))]
            total += _weighed(value, [own[end] for own, end in zip(weights, corner, strict=True)])
        return total


def _weighed(value: FloatArray, weights: Sequence[FloatArray]) -> FloatArray:
    """A corner's part in the sum, multiplied in scipy's order: of two axes from the value on, of others the weights first."""
    if len(weights) == 2:
        return value * weights[0] * weights[1]
    weight = weights[0]
    for further in weights[1:]:
        weight = weight * further
    return value * weight
