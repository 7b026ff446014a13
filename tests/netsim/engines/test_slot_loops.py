"""Compiled slots against the same schedulers in plain Python, slot by slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numba import njit

from channels.correlated import GaussMarkov
from channels.fading import Fading, NoFading, Rayleigh
from channels.passing import PassingCurve
from channels.rates import RateLaw, cqi, shannon
from netsim.engines.events import BaseStation, DeviceJob, simulate_base_station
from netsim.engines.schedulers import ProportionalFair, RoundRobin
from netsim.engines.slot_loops import Slots, slots_of
from netsim.engines.slots import Backlog, SlotScheduler, SlottedUplink
from netsim.engines.timings import Timings
from tests.network_jobs import plain_workload


class Plain:
    """A scheduler without its compiled loop."""

    def __init__(self, scheduler: SlotScheduler) -> None:
        self._scheduler = scheduler

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        return self._scheduler.pick(slot, now_s, waiting)


def jobs(fading: Fading, law: RateLaw, devices: int) -> list[DeviceJob]:
    """Devices with uploads of many sizes, some of them with a prompt's ids, over links of many SNRs."""

    def job(number: int) -> DeviceJob:
        rng = np.random.default_rng([11, number])
        work = plain_workload(
            (2, 5),
            slm_s=rng.exponential(0.02, (2, 5)),
            bits=rng.exponential(4e4, (2, 5)),
            prompt_bits=np.eye(1, 5) * 700.0,
            llm_s=0.003,
        )

        def link(session: int, _start_s: float) -> PassingCurve:
            keyed = np.random.default_rng([12, number, session])
            return PassingCurve(fading, 0.01, keyed, law, 1.0 + number, 1e6)

        return DeviceJob(work, link, 0.001, 0.0)

    return [job(number) for number in range(devices)]


def timings(scheduler: Any, slot_s: float, *channel: Any) -> list[Timings]:
    base_station = BaseStation(uplink=lambda env: SlottedUplink(env, scheduler, slot_s))
    return [log.timings for log in simulate_base_station(jobs(*channel), base_station)]


def assert_same(ones: list[Timings], others: list[Timings], rtol: float = 0.0) -> None:
    for one, other in zip(ones, others, strict=True):
        for name, values in vars(one).items():
            np.testing.assert_allclose(values, getattr(other, name), rtol, atol=rtol, err_msg=name)


@pytest.mark.parametrize("slot_s", [0.0005, 0.003, 0.025])
@pytest.mark.parametrize(
    "channel", [(Rayleigh(), shannon, 7), (GaussMarkov(0.9), cqi, 20), (NoFading(), cqi, 4)]
)
@pytest.mark.parametrize("make", [RoundRobin, ProportionalFair, lambda: ProportionalFair(1.0)])
def test_compiled_slots_are_those_of_the_plain_scheduler(make: Any, channel: Any, slot_s: float) -> None:
    """To the bit: both do the same sums. Blocks of 10 ms and slots share edges, where a hair decides."""
    assert_same(timings(make(), slot_s, *channel), timings(Plain(make()), slot_s, *channel))


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


class PlainShortestFirst:
    """The same in plain Python."""

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        return int(np.argmin([backlog.bits_left for backlog in waiting]))


def test_a_compiled_scheduler_of_ones_own_is_that_in_plain_python() -> None:
    channel = (Rayleigh(), shannon, 7)
    # The compiled one looks at the rates of all that wait, so that curves forget earlier and add up from elsewhere.
    compiled = timings(ShortestFirst(), 0.0005, *channel)
    assert_same(compiled, timings(PlainShortestFirst(), 0.0005, *channel), 1e-12)


def test_a_compiled_scheduler_that_chooses_nobody_is_refused() -> None:
    class OutOfRange:
        slots = staticmethod(slots_of(_out_of_range))
        window_slots = 10.0

    with pytest.raises(IndexError, match="chose 1, allowed: an index below 1"):
        timings(OutOfRange(), 0.0005, Rayleigh(), shannon, 1)
