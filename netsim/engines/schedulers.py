"""Schedulers that give out the uplink slot by slot.

`pick` says what each does. A simulation uses ``slots``, the same rule in a compiled loop; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from netsim.engines.slot_loops import Slots, slots_by_ratio, slots_in_turn
from netsim.engines.slots import Backlog


@dataclass
class RoundRobin:
    """The devices in turn, by their numbers, those that have nothing to send left out."""

    slots: ClassVar[Slots] = staticmethod(slots_in_turn)
    window_slots: ClassVar[float] = 1.0

    _last: int = field(default=-1, init=False)

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        """Choose the next device after the last one."""
        devices = [backlog.device for backlog in waiting]
        self._last = min((device for device in devices if device > self._last), default=min(devices))
        return devices.index(self._last)


@dataclass
class ProportionalFair:
    """The device whose rate is best against what it lately had.

    Chooses the largest ``R_i / T_i``, ``T_i`` an exponential average over ``window_slots`` of the rate that
    device ``i`` was given, 0 in slots of others. Source: Viswanath, Tse and Laroia, *Opportunistic
    Beamforming Using Dumb Antennas*, IEEE Trans. Inf. Theory 48(6), 2002, section II. A device that was never
    served goes first; equals go in the order in which they asked.

    Parameters
    ----------
    window_slots : float. At least 1; 1000 is the value in the source.
    """

    slots: ClassVar[Slots] = staticmethod(slots_by_ratio)

    window_slots: float = 1000.0
    _average: dict[int, tuple[int, float]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not self.window_slots >= 1:
            raise ValueError(f"ProportionalFair.window_slots: must be at least 1, got {self.window_slots}")

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        """Choose the largest ratio."""
        rates = [backlog.rate_bps(now_s) for backlog in waiting]
        averages = [self._average_at(slot, backlog.device) for backlog in waiting]
        ratios = [
            rate / average if average else float("inf") if rate else 0.0
            for rate, average in zip(rates, averages, strict=True)
        ]
        index = max(range(len(waiting)), key=ratios.__getitem__)
        served = averages[index] + rates[index] / self.window_slots
        self._average[waiting[index].device] = slot, served
        return index

    def _average_at(self, slot: int, device: int) -> float:
        """Average before this slot's share is added; it has decayed since the device was last served."""
        last, average = self._average.get(device, (slot, 0.0))
        return average * float((1 - 1 / self.window_slots) ** (slot - last))
