"""Tokens of a round of several drafts, from the acceptances of one draft a round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Drafts of a round, at most.
MOST_DRAFTS = 32


def round_tokens(accepted: NDArray[np.bool_], length: NDArray[np.int64], most: int) -> NDArray[np.float64]:
    """Mean tokens of a round of ``gamma`` drafts and the bonus, for ``gamma`` = 1 … ``most``: [most], float.

    With exact verification the rounds are those of the hlm path, grouped (arXiv 2211.17192, and
    `traces.speculative.blocks`): a round ends at the first rejected position, or after ``gamma`` accepted ones and one
    more. Without the bonus ``gamma`` drafts make the rounds of ``gamma - 1`` with it, and one draft rounds of one token.
    The last round of a text may be cut off by its end, and counts.

    Parameters
    ----------
    accepted : [num_paths, num_tokens], bool. Of an hlm path.
    length : [num_paths], int. Tokens of each.

    Examples
    --------
    >>> accepted = np.array([[True, True, False, True, True]])
    >>> round_tokens(accepted, np.array([5]), 2).round(12).tolist()  # [T T] [F] [T T]; [T T F] [T T]
    [1.666666666667, 2.5]
    """
    means = np.empty(most)
    for gamma in range(1, most + 1):
        rounds = sum(
            _rounds(row[:end].tolist(), gamma) for row, end in zip(accepted, length.tolist(), strict=True)
        )
        means[gamma - 1] = length.sum() / rounds
    return means


def _rounds(accepted: list[bool], gamma: int) -> int:
    rounds = drafts = 0
    due = False
    for one in accepted:
        if due:
            due = False
            continue
        rounds += drafts == 0
        drafts += 1
        full = drafts == gamma
        due = one and full
        if full or not one:
            drafts = 0
    return rounds


def independent_tokens(alpha: float, most: int) -> NDArray[np.float64]:
    """The same where each draft is accepted with probability ``alpha``, independently: [most], float.

    ``(1 - alpha^(gamma + 1)) / (1 - alpha)`` (arXiv 2211.17192, equation 1).

    Examples
    --------
    >>> independent_tokens(0.5, 2).tolist()
    [1.5, 1.75]
    """
    powers: NDArray[np.float64] = np.cumsum(alpha ** np.arange(most + 1))
    return powers[1:]


def without_bonus(tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tokens of rounds of 1, 2, … drafts without the bonus, from those with it: [most], float."""
    return np.concatenate([[1.0], tokens[:-1]])
