"""Bits of what is sent: counts of possible messages, in exact integers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Code:
    """How numbers are written.

    Attributes
    ----------
    vocabulary_size : int. Tokens that are billed.
    probability_bits : int. Bits of one probability.
    """

    vocabulary_size: int
    probability_bits: int

    @property
    def index_bits(self) -> int:
        """Bits of a token index, ``ceil(log2 V)``."""
        return choice_bits(self.vocabulary_size)


def choice_bits(possibilities: int) -> int:
    """Bits that tell so many possibilities apart, ``ceil(log2 n)`` (for an index arXiv 2505.11788, eq. 5).

    >>> choice_bits(32000), choice_bits(2048), choice_bits(2049), choice_bits(1)
    (15, 11, 12, 0)
    """
    return (possibilities - 1).bit_length()


def entry_bits(entries: ArrayLike, code: Code) -> NDArray[np.float64]:
    """Bits of so many entries of a distribution, ``k (b_prob + b_index)`` (arXiv 2505.11788, eq. 5).

    Examples
    --------
    >>> entry_bits([30, 32000], Code(32000, 8)).tolist()
    [690.0, 736000.0]
    """
    return np.asarray(entries, np.float64) * (code.probability_bits + code.index_bits)


@lru_cache(maxsize=256)
def lattice_bits(levels: int, entries: int) -> int:
    """Bits of a point of the lattice of ``entries`` whole numbers that add up to ``levels``.

    ``ceil(log2 C(l + V - 1, V - 1))`` (QS, arXiv 2507.00605).

    >>> [lattice_bits(levels, 32000) for levels in (24, 100, 240)]
    [281, 973, 2037]
    >>> [lattice_bits(levels, 50272) for levels in (240, 720)]
    [2193, 5451]
    """
    return choice_bits(math.comb(levels + entries - 1, levels))


@lru_cache(maxsize=256)
def top_lattice_bits(levels: int, kept: int, vocabulary_size: int) -> int:
    """Bits of which ``kept`` tokens are meant, and of a point of their lattice.

    ``ceil(log2 (C(V, K) C(l + K - 1, K - 1)))``: a count of what can be said. The formula of SQS (arXiv 2510.09942)
    was not seen.

    >>> top_lattice_bits(100, 1, 32000), top_lattice_bits(1, 2, 4)  # C(4, 2) * C(2, 1) = 12
    (15, 4)
    """
    kept = min(kept, vocabulary_size)
    return choice_bits(math.comb(vocabulary_size, kept) * math.comb(levels + kept - 1, levels))
