"""An uplink in slots: a scheduler says, slot by slot, which device has the whole band."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any, Protocol

import simpy

from netsim.engines.uplink import Sent
from netsim.radio.link import Link


class Backlog:
    """An upload that is not sent yet, as a scheduler sees it.

    Attributes
    ----------
    device : int. Number of the device.
    asked_s : float. When it asked, in seconds of the simulation.
    """

    def __init__(
        self, device: int, asked_s: float, link: Link, elapsed_s: float, left: tuple[float, float]
    ) -> None:
        self.device = device
        self.asked_s = asked_s
        self._link = link
        self._elapsed_s = elapsed_s
        self._left = list(left)
        self.spent_s = [0.0, 0.0]
        self.first_wait_s = 0.0

    @property
    def bits_left(self) -> float:
        """Bits still to be sent."""
        return sum(self._left)

    def rate_bps(self, now_s: float) -> float:
        """Rate that the device would have at a time of the simulation, bit/s."""
        return self._link.rate_bps(self._session_s(now_s))

    def _session_s(self, now_s: float) -> float:
        return self._elapsed_s + (now_s - self.asked_s)

    def send(self, now_s: float, slot_s: float) -> bool:
        """Send for one slot; returns whether all is sent."""
        if not any(self.spent_s):
            self.first_wait_s = now_s - self.asked_s
        start_s = self._session_s(now_s)
        end_s = start_s + slot_s
        for part in (0, 1):
            if not self._left[part]:
                continue
            capacity = self._link.bits_between(start_s, end_s)
            if capacity < self._left[part]:
                self._left[part] -= capacity
                self.spent_s[part] += end_s - start_s
                return False
            used_s = min(self._link.duration(start_s, self._left[part]), end_s - start_s)
            self._left[part] = 0.0
            self.spent_s[part] += used_s
            start_s += used_s
        return True


class SlotScheduler(Protocol):
    """Says who sends; built in ones are in ``netsim.engines.schedulers``. A fresh one is made for every run."""

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        """Choose who has a slot.

        Parameters
        ----------
        slot : int. Number of the slot; it starts at ``slot * slot_s``. Grows from call to call.
        now_s : float. Its start in seconds.
        waiting : sequence of Backlog. At least one, in the order in which they asked.

        Returns
        -------
        int. Index into ``waiting``.
        """


class SlottedUplink:
    """One device a slot, with the whole band.

    Slots lie on a grid from time 0. An upload is decoded at the end of its last slot; what is left of that
    slot stays empty, and the device does not transmit in it.

    Parameters
    ----------
    env : simpy.Environment
    scheduler : SlotScheduler
    slot_s : float. Length of a slot in seconds, > 0.
    """

    def __init__(self, env: simpy.Environment, scheduler: SlotScheduler, slot_s: float) -> None:
        self._env = env
        self._scheduler = scheduler
        self._slot_s = slot_s
        self._waiting: list[Backlog] = []
        self._done: list[simpy.Event] = []

    def send(self, device: int, link: Link, elapsed_s: float, prompt_bits: float, bits: float) -> simpy.Event:
        """Send an upload; see `netsim.engines.uplink.Uplink.send`."""
        # Refuses a link that can never send, instead of going through slots for ever.
        link.duration(elapsed_s, prompt_bits + bits)
        backlog = Backlog(device, self._env.now, link, elapsed_s, (prompt_bits, bits))
        done = self._env.event()
        self._waiting.append(backlog)
        self._done.append(done)
        if len(self._waiting) == 1:
            self._env.process(self._serve())
        return done

    def _serve(self) -> Generator[simpy.Event, Any, None]:
        """Give out slots while somebody waits."""
        env, slot_s = self._env, self._slot_s
        # An upload that comes at a slot's start has it, whatever the quotient's last digits say.
        slot = math.ceil(env.now / slot_s - 1e-9)
        yield env.timeout(max(slot * slot_s - env.now, 0.0))
        while self._waiting:
            now_s = slot * slot_s
            index = self._scheduler.pick(slot, now_s, self._waiting)
            finished = self._waiting[index].send(now_s, slot_s)
            slot += 1
            # Until the next event nobody can come or go, so slots before it need none of their own.
            if finished or slot * slot_s >= env.peek():
                yield env.timeout(max(slot * slot_s - env.now, 0.0))
            if finished:
                # The line is empty only now: an upload that comes meanwhile must not start a second server.
                # Whoever came stands behind, so that the index still holds.
                backlog, done = self._waiting.pop(index), self._done.pop(index)
                done.succeed(_sent(backlog, env.now))


def _sent(backlog: Backlog, now_s: float) -> Sent:
    """What became of an upload that is decoded now."""
    queued_s = max(now_s - backlog.asked_s - sum(backlog.spent_s), 0.0)
    prompt_s, own_s = backlog.spent_s
    return {
        "queued_s": queued_s,
        "first_wait_s": backlog.first_wait_s,
        "prompt_s": prompt_s,
        "own_s": own_s,
        "prompt_air_s": prompt_s,
        "air_s": own_s,
    }
