"""Drafting, acceptance and resampling by inverse CDF in token-id order, compiled.

Speculative sampling (arXiv 2211.17192, algorithm 1 and theorem 1): a draft ``d ~ x`` is accepted with
probability ``min(1, y_d / x_d)``; otherwise the token comes from ``max(y - x, 0)``, normalised. All functions
work on rows of a ragged table: ``weights[starts[i]:ends[i]]`` is row ``i``.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def choose_one(weights: NDArray[np.float64], draw: float) -> int:
    """Index whose cumulative weight first exceeds ``draw`` times the total: an inverse CDF.

    Rounding can leave the running sum just below the target: the last positive entry is then meant.
    Returns -1 where no weight is positive.
    """
    target = draw * weights.sum()
    cumulative, last = 0.0, -1
    for index in range(len(weights)):
        if weights[index] > 0:
            cumulative += weights[index]
            last = index
            if cumulative > target:
                return index
    return last


@njit(cache=True)
def choose(
    weights: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    draws: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Entry drawn from each row.

    Parameters
    ----------
    weights : [num_entries], float. Non-negative, need not be normalised.
    starts, ends : [num_paths], int. Each path's row.
    draws : [num_paths], float in [0, 1)

    Returns
    -------
    [num_paths], int. Positions in ``weights``.
    """
    result = np.empty(len(starts), np.int64)
    for path in range(len(starts)):
        result[path] = starts[path] + choose_one(weights[starts[path] : ends[path]], draws[path])
    return result


@njit(cache=True)
def resample_one(x: NDArray[np.float64], y: NDArray[np.float64], draw: float) -> int:
    """Index drawn from ``max(y - x, 0)``; from ``y`` where the two agree to rounding."""
    index = choose_one(np.maximum(y - x, 0.0), draw)
    return index if index >= 0 else choose_one(y, draw)


def accepts(
    x_draft: NDArray[np.float64], y_draft: NDArray[np.float64], draws: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether each draft is accepted: with probability ``min(1, y_d / x_d)``, and always where ``x_d = 0``.

    Parameters
    ----------
    x_draft, y_draft : [num_paths], float. Probability of the draft under the uploaded and the LLM's distribution.
    draws : [num_paths], float in [0, 1)
    """
    result: NDArray[np.bool_] = (draws * x_draft < y_draft) | (x_draft == 0.0)
    return result


@njit(cache=True)
def resample_each(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    draws: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Entry that replaces each rejected draft.

    Parameters
    ----------
    x, y : [num_entries], float. Uploaded distribution and the LLM's.
    starts, ends : [num_paths], int. Each path's row.
    draws : [num_paths], float in [0, 1)

    Returns
    -------
    [num_paths], int. Positions in ``y``.
    """
    result = np.empty(len(starts), np.int64)
    for path in range(len(starts)):
        row = slice(starts[path], ends[path])
        result[path] = starts[path] + resample_one(x[row], y[row], draws[path])
    return result


def rejection(x_draft: NDArray[np.float64], y_draft: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability ``max(0, 1 - y_d / x_d)`` that a draft is rejected; 0 where ``x_d = 0``. Shapes as ``accepts``.

    Examples
    --------
    >>> rejection(np.array([0.5, 0.2, 0.0]), np.array([0.1, 0.3, 0.4]))
    array([0.8, 0. , 0. ])
    """
    share = np.divide(y_draft, x_draft, where=x_draft > 0, out=np.ones_like(x_draft))
    result: NDArray[np.float64] = np.maximum(0.0, 1 - share)
    return result


@njit(cache=True)
def output_tv_each(
    drafted: NDArray[np.float64],
    sent: NDArray[np.float64],
    y: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Total variation between what an upload yields and ``y``.

    A draft ``d ~ p`` that is accepted with probability ``min(1, y_d / x_hat_d)`` and otherwise replaced from
    ``max(y - x_hat, 0)`` gives ``v`` the probability ``p_v accept_v + sum_d p_d (1 - accept_d) * residual_v``: with
    ``p = x_hat`` that is ``y`` (arXiv 2211.17192, theorem 1).

    Parameters
    ----------
    drafted, sent, y : [num_entries], float. ``p``, ``x_hat`` and ``y``; what is not stored has ``y = 0``.
    starts, ends : [num_paths], int. Each path's row.

    Returns
    -------
    [num_paths], float in [0, 1]

    Examples
    --------
    >>> p, y, row = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6]), (np.array([0]), np.array([3]))
    >>> output_tv_each(p, p, y, *row).round(12), output_tv_each(p, np.array([0.4, 0.4, 0.2]), y, *row).round(12)
    (array([0.]), array([0.05]))
    """
    result = np.empty(len(starts))
    for path in range(len(starts)):
        row = slice(starts[path], ends[path])
        p, q, target = drafted[row], sent[row], y[row]
        accept = np.ones(len(p))
        for index in range(len(p)):
            if q[index] > target[index]:
                accept[index] = target[index] / q[index]
        residual = np.maximum(target - q, 0.0)
        if residual.sum() <= 0.0:
            residual = target
        rejected = 1.0 - (p * accept).sum()
        output = p * accept + rejected * residual / residual.sum()
        result[path] = 0.5 * np.abs(output - target).sum()
    return result
