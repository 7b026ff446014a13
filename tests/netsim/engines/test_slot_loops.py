"""Compiled slots against the same schedulers in plain Python, slot by slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numba import njit

from channels.correlated import GaussMarkov
from channels.fading import NoFading, Rayleigh
from channels.rates import cqi, shannon
from netsim.engines.schedulers import ProportionalFair, RoundRobin
from netsim.engines.slot_loops import Slots, slots_of
from netsim.engines.slots import Backlog, SlotScheduler, SlottedUplink
from netsim.engines.timings import Timings
from tests.plain_uplinks import assert_same, timings


class Plain:
    """A scheduler without its compiled loop."""

    def __init__(self, scheduler: SlotScheduler) -> None:
        self._scheduler = scheduler

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        return self._scheduler.pick(slot, now_s, waiting)


def slotted(scheduler: Any, slot_s: float, *channel: Any, whole: bool = False) -> list[Timings]:
    return timings(lambda env: SlottedUplink(env, scheduler, slot_s), *channel, whole=whole)


CHANNELS = pytest.mark.parametrize(
    "channel", [(Rayleigh(), shannon, 7), (GaussMarkov(0.9), cqi, 20), (NoFading(), cqi, 4)], ids=str
)
SCHEDULERS = pytest.mark.parametrize("make", [RoundRobin, ProportionalFair, lambda: ProportionalFair(1.0)])


@pytest.mark.parametrize("slot_s", [0.0005, 0.003, 0.025])
@CHANNELS
@SCHEDULERS
def test_compiled_slots_are_those_of_the_plain_scheduler(make: Any, channel: Any, slot_s: float) -> None:
    """To the bit: both do the same sums. Blocks of 10 ms and slots share edges, where a hair decides."""
    one, other = (slotted(scheduler, slot_s, *channel, whole=True) for scheduler in (make(), Plain(make())))
    assert_same(one, other)


@pytest.mark.parametrize("slot_s", [0.000473137, 0.003184713, 0.025411327])
@CHANNELS
@SCHEDULERS
def test_compiled_slots_on_curves_that_forget(make: Any, channel: Any, slot_s: float) -> None:
    """Windows begin elsewhere, so that sums differ in their last digits; these slots share no edge with a block."""
    one, other = (slotted(scheduler, slot_s, *channel) for scheduler in (make(), Plain(make())))
    assert_same(one, other, 1e-9)


@njit
def _fewest_bits(rates_bps: Any, averages_bps: Any, bits_left: Any, waited_s: Any) -> int:  # noqa: ARG001
    return int(np.argmin(bits_left))


@njit
def _out_of_range(rates_bps: Any, averages_bps: Any, bits_left: Any, waited_s: Any) -> int:  # noqa: ARG001
    return len(bits_left)


class ShortestFirst:
    """Fewest bits first, as a user would write it for speed."""

    slots: Slots = staticmethod(slots_of(_fewest_bits))
    window_slots = 1000.0


@njit
def _best_rate(rates_bps: Any, averages_bps: Any, bits_left: Any, waited_s: Any) -> int:  # noqa: ARG001
    return int(np.argmax(rates_bps))


class BestChannel:
    """Whoever has the highest rate at the moment."""

    slots: Slots = staticmethod(slots_of(_best_rate))
    window_slots = 1000.0


class PlainBestChannel:
    """The same in plain Python."""

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        return int(np.argmax([backlog.rate_bps(now_s) for backlog in waiting]))


class PlainShortestFirst:
    """The same in plain Python."""

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        return int(np.argmin([backlog.bits_left for backlog in waiting]))


def test_a_compiled_scheduler_of_ones_own_is_that_in_plain_python() -> None:
    channel = (Rayleigh(), shannon, 7)
    compiled = slotted(ShortestFirst(), 0.0005, *channel, whole=True)
    assert_same(compiled, slotted(PlainShortestFirst(), 0.0005, *channel, whole=True))


@CHANNELS
@pytest.mark.parametrize(
    ("compiled", "plain"), [(ShortestFirst, PlainShortestFirst), (BestChannel, PlainBestChannel)]
)
def test_a_compiled_scheduler_of_ones_own_on_curves_that_forget(
    compiled: Any, plain: Any, channel: Any
) -> None:
    """What is known of a device's rates ends while it waits, or in the middle of its upload."""
    one, other = (slotted(own(), 0.000473137, *channel) for own in (compiled, plain))
    assert_same(one, other, 1e-9)


def test_a_compiled_scheduler_that_chooses_nobody_is_refused() -> None:
    class OutOfRange:
        slots = staticmethod(slots_of(_out_of_range))
        window_slots = 10.0

    with pytest.raises(IndexError, match="chose 1, allowed: an index below 1"):
        slotted(OutOfRange(), 0.0005, Rayleigh(), shannon, 1)
