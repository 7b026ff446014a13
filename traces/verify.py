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
