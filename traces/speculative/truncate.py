"""Top-k truncation of the uploaded distribution, its reconstruction at the server, and the choice of k.

CU-HLM (arXiv 2505.11788, section IV): the device sends the ``k`` largest entries of ``x``; the server spreads
the remaining mass uniformly over the other ``V - k`` tokens. What that costs is bounded by

    U_TV(k) = sum_{i > k} |x_(i) - x_hat_(i)| / ((1 - x_d) l(-1) + x_d l(-beta_d)),

with ``x_(i)`` in descending order, ``l(z) = log(1 + exp(eta z)) / eta``, ``eta = 1``, and ``beta_d`` the rejection
probability that the line of arXiv 2412.12687 predicts from the round's uncertainty.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from traces.speculative.quantise import quantise

#: ``l(-1)``: the smoothed rejection of a token that is not the draft.
SMOOTH_OTHER = math.log1p(math.exp(-1.0))


@njit(cache=True)
def reconstruct(
    x: NDArray[np.float64], kept: int, vocabulary_size: int, bits: int = 0
) -> NDArray[np.float64]:
    """Server's reconstruction of one row from its ``kept`` largest entries.

    Parameters
    ----------
    x : [num_entries], float
        Probabilities of the row's stored entries; tokens that are not stored have probability 0.
    kept : int
        ``k``; at least ``vocabulary_size`` means all. Ties go to the lower token id.
    vocabulary_size : int
        ``V`` of the trace.
    bits : int
        Bits of the quantised values (``traces.speculative.quantise``); 0: exact values. Quantised values that leave no tail,
        or add up to more than 1, are divided by their sum.

    Returns
    -------
    [num_entries], float
        With the tokens that are not stored at the tail's value, the row sums to 1.

    Examples
    --------
    >>> reconstruct(np.array([0.5, 0.3, 0.2]), 1, 5)
    array([0.5  , 0.125, 0.125])
    """
    if kept >= vocabulary_size and bits == 0:
        return x.copy()
    head = np.argsort(-x, kind="mergesort")[:kept]
    values = x[head] if bits == 0 else quantise(x[head], bits)
    mass = 0.0
    for value in values:
        mass += value
    if bits > 0 and (kept >= vocabulary_size or mass > 1.0):
        values, mass = values / mass, 1.0
    tail = max(0.0, 1.0 - mass) / (vocabulary_size - kept) if kept < vocabulary_size else 0.0
    result = np.full(len(x), tail)
    result[head] = values
    return result


@njit(cache=True)
def rebuild_each(
    x: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    kept: NDArray[np.int64],
    vocabulary_size: int,
    bits: int,
) -> NDArray[np.float64]:
    """``reconstruct`` of the rows ``x[starts[i]:ends[i]]``, one after the other."""
    result = np.empty((ends - starts).sum())
    first = 0
    for path in range(len(starts)):
        last = first + ends[path] - starts[path]
        result[first:last] = reconstruct(x[starts[path] : ends[path]], kept[path], vocabulary_size, bits)
        first = last
    return result


@njit(cache=True)
def gather(
    values: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Rows ``values[starts[i]:ends[i]]``, one after the other."""
    result = np.empty((ends - starts).sum())
    first = 0
    for path in range(len(starts)):
        last = first + ends[path] - starts[path]
        result[first:last] = values[starts[path] : ends[path]]
        first = last
    return result


@njit(cache=True)
def descending(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Entries of a row in descending order, and the mass from each rank on.

    Returns
    -------
    ranked : [num_entries], float
    mass_from : [num_entries + 1], float. ``sum(ranked[i:])``, summed from the small end.
    """
    ranked = np.sort(x)[::-1].copy()
    mass_from = np.zeros(len(x) + 1)
    for rank in range(len(x) - 1, -1, -1):
        mass_from[rank] = mass_from[rank + 1] + ranked[rank]
    return ranked, mass_from


@njit(cache=True)
def tail_deviation(
    ranked: NDArray[np.float64], mass_from: NDArray[np.float64], kept: int, vocabulary_size: int
) -> float:
    """``sum_{i > k} |x_(i) - x_hat_(i)|`` over the whole vocabulary, the zeros that are not stored included.

    The tail's values lie around their mean, so the sum is twice that of those above it: one binary search.
    It never grows with ``k``: without its largest entry a tail lies closer to its mean.

    Parameters
    ----------
    ranked, mass_from : as ``descending`` returns them.
    kept : int. ``k``.
    vocabulary_size : int. ``V``, at least ``len(ranked)``.

    Examples
    --------
    >>> ranked, mass_from = descending(np.array([0.5, 0.3, 0.2]))
    >>> float(round(tail_deviation(ranked, mass_from, 1, 5), 12))  # |.3 - .125| + |.2 - .125| + 2 * .125
    0.5
    """
    if kept >= vocabulary_size or kept >= len(ranked):
        return 0.0
    mean = mass_from[kept] / (vocabulary_size - kept)
    low, high = kept, len(ranked)
    while low < high:
        middle = (low + high) // 2
        if ranked[middle] > mean:
            low = middle + 1
        else:
            high = middle
    above = mass_from[kept] - mass_from[low] - (low - kept) * mean
    return float(max(0.0, 2.0 * above))


@njit(cache=True)
def smoothed_rejection(x_draft: float, beta: float) -> float:
    """Denominator of U_TV, ``(1 - x_d) l(-1) + x_d l(-beta_d)``.

    Parameters
    ----------
    x_draft, beta : float in [0, 1]

    Examples
    --------
    >>> smoothed_rejection(1.0, 0.0) == float(np.log(2))
    True
    """
    return (1.0 - x_draft) * SMOOTH_OTHER + x_draft * math.log1p(math.exp(-beta))


@njit(cache=True)
def smallest_kept(x: NDArray[np.float64], x_draft: float, beta: float, theta: float, size: int) -> int:
    """Online choice, arXiv 2505.11788 eq. 26: ``min{k : U_TV(k) <= theta}`` of one round.

    Parameters
    ----------
    x : [num_entries], float. The round's distribution.
    x_draft : float. ``x_d``.
    beta : float in [0, 1]. Predicted rejection probability of the draft.
    theta : float, above 0.
    size : int. ``V`` of the trace.

    Returns
    -------
    int in 1 … ``size``
    """
    ranked, mass_from = descending(x)
    allowed = theta * smoothed_rejection(x_draft, beta)
    low, high = 1, size
    while low < high:
        middle = (low + high) // 2
        if tail_deviation(ranked, mass_from, middle, size) <= allowed:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True)
def smallest_kept_each(
    x: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    x_draft: NDArray[np.float64],
    beta: NDArray[np.float64],
    theta: float,
    size: int,
) -> NDArray[np.int64]:
    """``smallest_kept`` of many rounds, whose rows are ``x[starts[i]:ends[i]]``: [num_paths], int."""
    result = np.empty(len(starts), np.int64)
    for path in range(len(starts)):
        row = x[starts[path] : ends[path]]
        result[path] = smallest_kept(row, x_draft[path], beta[path], theta, size)
    return result


@njit(cache=True)
def mean_u_tv(
    x: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    x_draft: NDArray[np.float64],
    beta: NDArray[np.float64],
    size: int,
) -> NDArray[np.float64]:
    """Mean over rounds of ``U_TV(k)``, for ``k`` = 1 … ``size``: [size], float, never growing.

    The offline choice of arXiv 2505.11788 is the first ``k`` at which it is at most theta. Parameters as
    those of ``smallest_kept_each``.
    """
    result = np.zeros(size)
    for path in range(len(starts)):
        ranked, mass_from = descending(x[starts[path] : ends[path]])
        scale = 1.0 / (smoothed_rejection(x_draft[path], beta[path]) * len(starts))
        for kept in range(1, min(size, len(ranked))):
            result[kept - 1] += tail_deviation(ranked, mass_from, kept, size) * scale
    return result
