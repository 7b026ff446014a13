"""Quantiles of values that are already in order, and of those that some are left out of: one sort serves them all."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_NONE = np.empty(0)
#: Values from which on compiled code is worth its call.
MANY = 1024


def ascending(values: FloatArray) -> FloatArray:
    """The values in order along the last axis, as ``numpy.sort``; of many it is compiled.

    Parameters
    ----------
    values : [..., num_values], float
    """
    if values.size < MANY or not values.flags.c_contiguous:
        return np.sort(values, axis=-1)
    from netsim.results.compiled_order import write_ascending  # noqa: PLC0415  (loads numba, which a row has anyway)

    rows = values.reshape(-1, values.shape[-1])
    ordered = np.empty(rows.shape)
    done = write_ascending(rows, ordered)
    if not done.all():
        ordered[~done] = np.sort(rows[~done], axis=-1)
    return ordered.reshape(values.shape)


def quantile(ordered: FloatArray, level: float, left_out: FloatArray = _NONE, zeros: int = 0) -> FloatArray:
    """Quantile, linear between order statistics (Hyndman and Fan's type 7, numpy's default).

    Parameters
    ----------
    ordered : [..., num_values], float. Ascending.
    level : float. In [0, 1].
    left_out : [..., num_left_out], float. Ascending; each is one of the values, and does not count.
    zeros : int. Values of 0 that count besides, where no value is below 0.

    Returns
    -------
    [...], float
    """
    at = (zeros + ordered.shape[-1] - left_out.shape[-1] - 1) * level
    low, high = (_at(ordered, left_out, rank - zeros) for rank in (int(at), math.ceil(at)))
    return np.asarray(low + (at - int(at)) * (high - low))


def _at(ordered: FloatArray, left_out: FloatArray, rank: int) -> FloatArray:
    """The value of a rank among those that are not left out, [...]; 0 of a rank below 0."""
    if rank < 0:
        return np.zeros(ordered.shape[:-1])
    if not left_out.shape[-1]:
        return np.asarray(ordered[..., rank])
    # What is left out up to a place moves it on by one, and then more may be.
    passed = left_out <= ordered[..., rank : rank + left_out.shape[-1]]
    place = rank + np.logical_and.accumulate(passed, axis=-1).sum(axis=-1)
    return np.asarray(np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0])
