"""Quantiles of the exchanges, tokens and gaps of many rows at once, in a compiled loop that sorts as little as it can.

The same numbers as ``netsim.results.order.TableQuantiles``. Sorting a row's 2048 exchanges takes a third of what simulating them
does; here they are put into groups by their leading bits, and only groups of which a quantile needs a member are sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from netsim.costs.workload import Workload

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
_GROUPS = 1 << 11
#: Values up to which inserting one after the other is the fastest way to sort.
_FEW = 32
_INFINITE = np.float64(np.inf).view(np.int64)


@dataclass(frozen=True)
class GroupedQuantiles:
    """Quantiles of several workloads: which of their exchanges took place, workload after workload.

    Attributes
    ----------
    starts : [num_workloads + 1], int. First exchange of each workload, and the end.
    places : [num_exchanges], int. Each one's place in [num_sessions, num_tokens], flat.
    emitted : [num_exchanges], int. Tokens of each.
    tokens : [num_workloads], int. Tokens of all exchanges.
    first_starts, first_places : [num_workloads + 1] and [num_sessions with any], int. The same of the first exchange of each session.
    """

    starts: IntArray
    places: IntArray
    emitted: IntArray
    tokens: IntArray
    first_starts: IntArray
    first_places: IntArray

    @classmethod
    def of(cls, workloads: Sequence[Workload]) -> GroupedQuantiles:
        """Those of workloads."""
        places = [np.flatnonzero(work.valid) for work in workloads]
        num_tokens = workloads[0].shape[1]
        firsts = [np.flatnonzero(work.length > 0) * num_tokens for work in workloads]
        emitted = [work.tokens.reshape(-1)[own] for work, own in zip(workloads, places, strict=True)]
        return cls(
            starts=_ends(places),
            places=np.concatenate(places),
            emitted=np.concatenate(emitted),
            tokens=np.array([own.sum() for own in emitted]),
            first_starts=_ends(firsts),
            first_places=np.concatenate(firsts),
        )

    def write(self, round_s: FloatArray, levels: FloatArray, found: FloatArray) -> None:
        """Write the quantiles of one row of every workload.

        Parameters
        ----------
        round_s : [num_workloads, num_sessions * num_tokens], float. Seconds of the exchanges.
        levels : [num_levels], float. In [0, 1].
        found : [num_workloads, num_kinds, num_levels], float
            Of each of ``netsim.results.order.KINDS``; NaN of gaps where there are none.
        """
        exchanges = self.starts, self.places, self.emitted, self.tokens
        _write_quantiles(round_s, *exchanges, self.first_starts, self.first_places, levels, found)


def _ends(parts: Sequence[IntArray]) -> IntArray:
    """Where each part begins, and the end."""
    return np.concatenate([[0], np.cumsum([part.size for part in parts])])


@njit(cache=True)
def _write_quantiles(
    round_s: FloatArray,
    starts: IntArray,
    places: IntArray,
    emitted: IntArray,
    all_tokens: IntArray,
    first_starts: IntArray,
    first_places: IntArray,
    levels: FloatArray,
    found: FloatArray,
) -> None:
    ends, in_order = np.empty(_GROUPS, np.int64), np.empty(_GROUPS, np.bool_)
    for workload in range(starts.size - 1):
        first, end = starts[workload], starts[workload + 1]
        own_s = round_s[workload]
        if end - first < own_s.size:
            own_s = own_s[places[first:end]]
        firsts_s = round_s[workload][first_places[first_starts[workload] : first_starts[workload + 1]]]
        firsts_s.sort()
        groups = _grouped(own_s, ends, in_order)
        # Tokens that appear together with the one before, at the end of their exchange.
        tokens = all_tokens[workload]
        together = tokens - own_s.size
        for number, level in enumerate(levels):
            found[workload, 0, number] = _quantile(groups, level, own_s.size, firsts_s[:0], 0)
            found[workload, 1, number] = found[workload, 0, number]
            gaps = tokens - firsts_s.size
            found[workload, 2, number] = (
                _quantile(groups, level, gaps, firsts_s, together) if gaps else np.nan
            )
        if together:
            groups = _grouped(_shared_out(own_s, emitted[first:end], tokens), ends, in_order)
            for number, level in enumerate(levels):
                found[workload, 1, number] = _quantile(groups, level, tokens, firsts_s[:0], 0)


@njit(cache=True)
def _shared_out(own_s: FloatArray, emitted: IntArray, tokens: int) -> FloatArray:
    """Seconds of tokens: those of an exchange share its seconds."""
    tokens_s = np.empty(tokens)
    token = 0
    for i in range(own_s.size):
        for _ in range(emitted[i]):
            tokens_s[token] = own_s[i] / emitted[i]
            token += 1
    return tokens_s


@njit(cache=True)
def _grouped(
    values: FloatArray, ends: IntArray, in_order: NDArray[np.bool_]
) -> tuple[FloatArray, int, int, IntArray, NDArray[np.bool_]]:
    """Values in groups, the groups in order: the values, the least one's bits, bits that don't count, each group's end, and which are in order.

    Floats from 0 on are in the order of their bits, read as whole numbers. Others, and NaN, are sorted altogether.
    Source: Knuth, *The Art of Computer Programming* 3, section 5.2.5.
    """
    bits = values.view(np.int64)
    least, most = bits[0], bits[0]
    for i in range(bits.size):
        least, most = min(least, bits[i]), max(most, bits[i])
    if least < 0 or most > _INFINITE:
        in_order[:] = True
        # A shift by all bits: one group.
        ends[:] = values.size
        return np.sort(values), 0, 63, ends, in_order
    shift = 0
    while (most - least) >> shift >= _GROUPS:
        shift += 1
    ends[:] = 0
    for i in range(bits.size):
        ends[(bits[i] - least) >> shift] += 1
    total = 0
    for group in range(_GROUPS):
        ends[group], total = total, total + ends[group]
    grouped = np.empty(values.size)
    for i in range(bits.size):
        group = (bits[i] - least) >> shift
        grouped[ends[group]] = values[i]
        ends[group] += 1
    in_order[:] = False
    return grouped, least, shift, ends, in_order


@njit(cache=True)
def _quantile(
    groups: tuple[FloatArray, int, int, IntArray, NDArray[np.bool_]],
    level: float,
    count: int,
    left_out: FloatArray,
    zeros: int,
) -> float:
    """As `netsim.results.order.quantile`, of so many values that count."""
    at = (count - 1) * level
    low = _beside(groups, int(at) - zeros, left_out)
    high = _beside(groups, int(np.ceil(at)) - zeros, left_out)
    return low + (at - int(at)) * (high - low)


@njit(cache=True)
def _beside(
    groups: tuple[FloatArray, int, int, IntArray, NDArray[np.bool_]], rank: int, left_out: FloatArray
) -> float:
    """The value of a rank among those that are not left out; 0 of a rank below 0."""
    if rank < 0:
        return 0.0
    # What is left out up to a value moves it on by so many places, and then more may be.
    passed, more = -1, 0
    value = 0.0
    while more > passed:
        passed = more
        value = _value(groups, rank + passed)
        more = int(np.searchsorted(left_out, value, side="right"))
    return value


@njit(cache=True)
def _value(groups: tuple[FloatArray, int, int, IntArray, NDArray[np.bool_]], rank: int) -> float:
    """The value of a rank among all; its group is put in order."""
    values, least, shift, ends, in_order = groups
    # A sorted whole is one group, whatever its values.
    group = 0 if shift == 63 else (values.view(np.int64)[rank] - least) >> shift
    if not in_order[group]:
        first = ends[group - 1] if group else 0
        _sort(values[first : ends[group]])
        in_order[group] = True
    return float(values[rank])


@njit(cache=True)
def _sort(values: FloatArray) -> None:
    if _in_order(values):
        return
    if values.size > _FEW:
        values.sort()
        return
    for i in range(1, values.size):
        own, place = values[i], i
        while place > 0 and values[place - 1] > own:
            values[place] = values[place - 1]
            place -= 1
        values[place] = own


@njit(cache=True)
def _in_order(values: FloatArray) -> bool:
    """Many exchanges take the same seconds: those that send nothing."""
    place = 1
    while place < values.size and values[place] >= values[place - 1]:
        place += 1
    return place >= values.size
