"""Multilinear interpolation on a grid: what `scipy.interpolate` does, without the half second that importing it takes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
        return self.at(*np.moveaxis(places, -1, 0))

    def at(self, *places: FloatArray) -> FloatArray:
        """Values at places, an array for each axis; they broadcast, and what is alike is worked out once."""
        first = np.zeros((), np.int64)
        weights: list[tuple[FloatArray, FloatArray]] = []
        for grid, place, step in zip(self.grids, places, self._steps, strict=True):
            cell = np.minimum(np.maximum(np.searchsorted(grid, place, side="right") - 1, 0), len(grid) - 2)
            low = grid.take(cell)
            share = (place - low) / (grid.take(cell + 1) - low)
            first = first + cell * step
            weights.append((1 - share, share))
        total = np.zeros(first.shape)
        table = self.values.reshape(-1)
        for corner in itertools.product((0, 1), repeat=len(places)):
            beside = sum(end * step for end, step in zip(corner, self._steps, strict=True))
            value = table.take(first + beside)
            total += _weighed(value, [own[end] for own, end in zip(weights, corner, strict=True)])
        return total

    @cached_property
    def _steps(self) -> list[int]:
        """How far apart neighbours along each axis are in the table, row by row."""
        sizes = [len(grid) for grid in self.grids]
        return [math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))]


def _weighed(value: FloatArray, weights: Sequence[FloatArray]) -> FloatArray:
    """A corner's part in the sum, multiplied in scipy's order: of two axes from the value on, of others the weights first."""
    if len(weights) == 2:
        return value * weights[0] * weights[1]
    weight = weights[0]
    for further in weights[1:]:
        weight = weight * further
    return value * weight
