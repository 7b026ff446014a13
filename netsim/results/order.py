"""Quantiles of values that are in order, and of a row's exchanges, tokens and gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Workload

FloatArray = NDArray[np.float64]
_NONE = np.empty(0)
#: What quantiles are of: the exchanges of a row, its tokens, and the gaps between a prompt's token and its next.
Kind = Literal["exchanges", "tokens", "gaps"]
KINDS: tuple[Kind, ...] = ("exchanges", "tokens", "gaps")


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


class Quantiles(Protocol):
    """Quantiles of the rows of a ``netsim.results.facts.Timed``."""

    def of(self, kind: Kind, level: float) -> FloatArray:
        """[...], one a row. Seconds; the tokens of an exchange share its seconds and appear together, at its end."""


@dataclass(frozen=True)
class TableQuantiles:
    """Those of a table of all exchanges.

    Attributes
    ----------
    round_s : [..., num_sessions, num_exchanges], float
    workload : Workload
    """

    round_s: FloatArray
    workload: Workload

    def of(self, kind: Kind, level: float) -> FloatArray:
        """As `Quantiles.of`."""
        if kind == "tokens":
            return quantile(self._tokens_s, level)
        if kind == "exchanges":
            return quantile(self._exchanges_s, level)
        together = int(self._emitted.sum() - self._emitted.size)
        return quantile(self._exchanges_s, level, left_out=self._firsts_s, zeros=together)

    @cached_property
    def _took_place_s(self) -> FloatArray:
        return np.asarray(self.round_s[..., self.workload.valid])

    @cached_property
    def _emitted(self) -> NDArray[np.int64]:
        return self.workload.tokens[self.workload.valid]

    @cached_property
    def _exchanges_s(self) -> FloatArray:
        return np.sort(self._took_place_s)

    @cached_property
    def _tokens_s(self) -> FloatArray:
        if (self._emitted == 1).all():
            return self._exchanges_s
        return np.sort(np.repeat(self._took_place_s / self._emitted, self._emitted, axis=-1))

    @cached_property
    def _firsts_s(self) -> FloatArray:
        return np.sort(self.round_s[..., self.workload.length > 0, 0])


@dataclass(frozen=True)
class StoredQuantiles:
    """Those that were worked out where the exchanges were at hand.

    Attributes
    ----------
    levels : sequence of float
    found : [..., num_kinds, num_levels], float
    """

    levels: Sequence[float]
    found: FloatArray

    def of(self, kind: Kind, level: float) -> FloatArray:
        """As `Quantiles.of`, of one of the levels."""
        return np.asarray(self.found[..., KINDS.index(kind), self.levels.index(level)])
