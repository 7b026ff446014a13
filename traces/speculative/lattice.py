"""The lattice quantiser: probabilities as multiples of ``1 / levels`` that add up to 1.

QS (arXiv 2507.00605): ``b_i = floor(l x_i + 1/2)``; where the sum is not ``l``, as many of the entries as it takes
are put right by one, first those that were rounded the furthest the other way. With it drafts can be drawn from
exactly what is sent.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def lattice_point(x: NDArray[np.float64], levels: int) -> NDArray[np.int64]:
    """The point of the lattice that stands for a distribution.

    Parameters
    ----------
    x : [num_entries], float. Sums to 1; what is not stored has probability 0, and stays so.
    levels : int, at least 1. ``l``.

    Returns
    -------
    [num_entries], int. ``b``; sums to ``levels``. Ties go to the lower token id.

    Examples
    --------
    >>> lattice_point(np.array([0.5, 0.25, 0.25]), 2).tolist()  # rounded 1, 1, 1: one too many
    [1, 0, 1]
    >>> lattice_point(np.array([0.4, 0.3, 0.3]), 4).tolist()  # rounded 2, 1, 1
    [2, 1, 1]
    >>> lattice_point(np.array([0.3, 0.3, 0.4]), 1).tolist()  # rounded 0, 0, 0: one too few
    [0, 0, 1]
    """
    point = np.empty(len(x), np.int64)
    rounded_up = np.empty(len(x))
    for index in range(len(x)):
        point[index] = np.int64(np.floor(levels * x[index] + 0.5))
        rounded_up[index] = point[index] - levels * x[index]
    excess = point.sum() - levels
    if excess > 0:
        for index in np.argsort(-rounded_up, kind="mergesort")[:excess]:
            point[index] -= 1
    elif excess < 0:
        for index in np.argsort(rounded_up, kind="mergesort")[:-excess]:
            point[index] += 1
    return point


@njit(cache=True)
def top_softmax(x: NDArray[np.float64], kept: int) -> NDArray[np.float64]:
    """The ``kept`` largest entries, renormalised: the softmax over the top K logits (TK-SLT, arXiv 2509.04576).

    Examples
    --------
    >>> top_softmax(np.array([0.5, 0.2, 0.3]), 2).round(12).tolist()
    [0.625, 0.0, 0.375]
    """
    result = np.zeros(len(x))
    head = np.argsort(-x, kind="mergesort")[:kept]
    result[head] = x[head] / x[head].sum()
    return result


@njit(cache=True)
def coarsen_each(
    x: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    kept: int,
    levels: int,
) -> NDArray[np.float64]:
    """What is sent of the rows ``x[starts[i]:ends[i]]``, one after the other.

    Parameters
    ----------
    kept : int. Entries that are looked at; 0: all.
    levels : int. Of the lattice; 0: exact values.
    """
    result = np.empty((ends - starts).sum())
    first = 0
    for path in range(len(starts)):
        row = x[starts[path] : ends[path]]
        if 0 < kept < len(row):
            row = top_softmax(row, kept)
        last = first + len(row)
        if levels > 0:
            result[first:last] = lattice_point(row, levels) / levels
        else:
            result[first:last] = row
        first = last
    return result
