"""Slots in compiled loops: from one event of the simulation to the next in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numba import njit

from channels.drain import RAN_OUT
from netsim.engines.pending import (
    ASKED_S,
    AVERAGE_BPS,
    DEVICE,
    ELAPSED_S,
    FIRST_WAIT_S,
    LEFT,
    RATE_BPS,
    SPENT_S,
    UNTIL_S,
    FloatArray,
    IntArray,
    Tables,
    bits_in_window,
    bits_known,
    look_up_rate,
    seconds_in_window,
)

#: ``choose(rates_bps, averages_bps, bits_left, waited_s) -> index``, compiled by ``numba.njit``.
Choose = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], int]

#: ``slots(tables, count, memory, window_slots, slot, slot_s, limit_s) -> (slot, index, why)``: gives out slots, at least
#: one, until the next would start at ``limit_s`` or later, or something happens to an upload; see `LIMIT`.
Slots = Callable[..., tuple[int, int, int]]

LIMIT, THROUGH, WINDOW_OVER, STALE, SENT = range(5)
"""Why a loop returns: its limit; the upload is through; its window ends before the slot that it was to have, or
before its rate can be looked up, and the slot is still to be given out. The last one goes on."""


SLOT, LAST = 0, 1
"""Indices of the memory: the slot that the averages are of, and the device that was served last."""


@runtime_checkable
class ArrayScheduler(Protocol):
    """A scheduler of slots whose loop over them is compiled.

    Attributes
    ----------
    slots : Slots. Made by `slots_of`, or one of those here.
    window_slots : float. Slots over which the averages reach, >= 1.
    """

    slots: Slots
    window_slots: float


@njit(cache=True)
def next_in_turn(last: int, devices: IntArray) -> int:
    """The next device after the last one, or the first: as `netsim.engines.schedulers.RoundRobin.pick`."""
    following, first = -1, 0
    for at in range(devices.size):
        device = devices[at]
        if device < devices[first]:
            first = at
        if device > last and (following < 0 or device < devices[following]):
            following = at
    return following if following >= 0 else first


@njit(cache=True)
def best_ratio(numbers: FloatArray, count: int) -> int:
    """The largest rate over average: as `netsim.engines.schedulers.ProportionalFair.pick`."""
    index, best = 0, -1.0
    for at in range(count):
        rate, average = numbers[RATE_BPS, at], numbers[AVERAGE_BPS, at]
        ratio = rate / average if average > 0.0 else np.inf if rate > 0.0 else 0.0
        if ratio > best:
            index, best = at, ratio
    return index


@njit(cache=True)
def bring_up_to_date(
    numbers: FloatArray, integers: IntArray, rates_bps: FloatArray, count: int, now_s: float
) -> int:
    """Bring all rates up to date; the first upload whose window is over, or -1."""
    for at in range(count):
        session_s = numbers[ELAPSED_S, at] + (now_s - numbers[ASKED_S, at])
        if session_s >= numbers[UNTIL_S, at] and not look_up_rate(
            numbers, integers, rates_bps, at, session_s
        ):
            return at
    return -1


@njit(cache=True)
def age(numbers: FloatArray, memory: FloatArray, count: int, slot: int, window_slots: float) -> None:
    """Let the averages decay up to a slot."""
    decay = (1.0 - 1.0 / window_slots) ** (slot - memory[SLOT])
    memory[SLOT] = slot
    for at in range(count):
        numbers[AVERAGE_BPS, at] *= decay


@njit(cache=True)
def give_slot(tables: Tables, at: int, now_s: float, slot_s: float) -> int:
    """Send for a slot, as `netsim.engines.slots.Backlog.send`: `SENT`, `THROUGH`, or `WINDOW_OVER` with nothing done."""
    numbers = tables[0]
    start_s = numbers[ELAPSED_S, at] + (now_s - numbers[ASKED_S, at])
    end_s = start_s + slot_s
    bits = bits_in_window(tables, at, start_s, end_s)
    if bits == RAN_OUT:
        return WINDOW_OVER
    if numbers[SPENT_S, at] == 0.0 and numbers[SPENT_S + 1, at] == 0.0:
        numbers[FIRST_WAIT_S, at] = now_s - numbers[ASKED_S, at]
    for part in range(2):
        left = numbers[LEFT + part, at]
        if left == 0.0:
            continue
        if bits < left:
            numbers[LEFT + part, at] -= bits
            numbers[SPENT_S + part, at] += end_s - start_s
            return SENT
        used_s = seconds_in_window(tables, at, start_s, left)
        if not 0.0 <= used_s <= end_s - start_s:
            used_s = end_s - start_s
        numbers[LEFT + part, at] = 0.0
        numbers[SPENT_S + part, at] += used_s
        start_s += used_s
        bits = bits_known(tables, at, start_s, end_s)
    return THROUGH


@njit(cache=True)
def slots_in_turn(
    tables: Tables,
    count: int,
    memory: FloatArray,
    window_slots: float,  # noqa: ARG001  (all loops are called alike)
    slot: int,
    slot_s: float,
    limit_s: float,
) -> tuple[int, int, int]:
    """Slots of a round-robin scheduler; see `Slots`."""
    integers = tables[1]
    while True:
        at = next_in_turn(int(memory[LAST]), integers[DEVICE, :count])
        given = give_slot(tables, at, slot * slot_s, slot_s)
        if given == WINDOW_OVER:
            return slot, at, WINDOW_OVER
        memory[LAST] = integers[DEVICE, at]
        slot += 1
        if given == THROUGH:
            return slot, at, THROUGH
        if slot * slot_s >= limit_s:
            return slot, -1, LIMIT


@njit(cache=True)
def serve(
    tables: Tables, at: int, window_slots: float, slot: int, slot_s: float, limit_s: float
) -> tuple[int, int, int]:
    """Give a slot to an upload whose average counts it; what a loop returns, or `SENT` where it goes on."""
    numbers = tables[0]
    given = give_slot(tables, at, slot * slot_s, slot_s)
    if given == WINDOW_OVER:
        return slot, at, WINDOW_OVER
    numbers[AVERAGE_BPS, at] += numbers[RATE_BPS, at] / window_slots
    slot += 1
    if given == THROUGH:
        return slot, at, THROUGH
    return (slot, -1, LIMIT) if slot * slot_s >= limit_s else (slot, at, SENT)


@njit(cache=True)
def slots_by_ratio(
    tables: Tables,
    count: int,
    memory: FloatArray,
    window_slots: float,
    slot: int,
    slot_s: float,
    limit_s: float,
) -> tuple[int, int, int]:
    """Slots of a proportional-fair scheduler; see `Slots`."""
    numbers, integers, rates_bps, _ = tables
    while True:
        now_s = slot * slot_s
        stale = bring_up_to_date(numbers, integers, rates_bps, count, now_s)
        if stale >= 0:
            return slot, stale, STALE
        age(numbers, memory, count, slot, window_slots)
        at = best_ratio(numbers, count)
        slot, at, why = serve(tables, at, window_slots, slot, slot_s, limit_s)
        if why != SENT:
            return slot, at, why


def slots_of(choose: Choose) -> Slots:
    """Compile the loop of a scheduler of one's own, which takes some seconds in every process."""

    def slots(
        tables: Tables,
        count: int,
        memory: FloatArray,
        window_slots: float,
        slot: int,
        slot_s: float,
        limit_s: float,
    ) -> tuple[int, int, int]:
        numbers, integers, rates_bps, _ = tables
        while True:
            now_s = slot * slot_s
            stale = bring_up_to_date(numbers, integers, rates_bps, count, now_s)
            if stale >= 0:
                return slot, stale, STALE
            age(numbers, memory, count, slot, window_slots)
            at = int(
                choose(
                    numbers[RATE_BPS, :count],
                    numbers[AVERAGE_BPS, :count],
                    numbers[LEFT, :count] + numbers[LEFT + 1, :count],
                    now_s - numbers[ASKED_S, :count],
                )
            )
            if not 0 <= at < count:
                return slot, at, THROUGH
            slot, at, why = serve(tables, at, window_slots, slot, slot_s, limit_s)
            if why != SENT:
                return slot, at, why

    return cast("Slots", njit(slots))
