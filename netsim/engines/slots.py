"""An uplink in slots: a scheduler says, slot by slot, which device has the whole band."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any, Protocol

import numpy as np
import simpy

from netsim.engines.pending import (
    ASKED_S,
    AVERAGE_BPS,
    COHERENCE_S,
    DEVICE,
    FIRST_WAIT_S,
    SPENT_S,
    Pending,
)
from netsim.engines.slot_loops import LIMIT, SLOT, THROUGH, WINDOW_OVER, ArrayScheduler
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
        self.left = list(left)
        self.spent_s = [0.0, 0.0]
        self.first_wait_s = 0.0

    @property
    def bits_left(self) -> float:
        """Bits still to be sent."""
        return sum(self.left)

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
            if not self.left[part]:
                continue
            capacity = self._link.bits_between(start_s, end_s)
            if capacity < self.left[part]:
                self.left[part] -= capacity
                self.spent_s[part] += end_s - start_s
                return False
            used_s = min(self._link.duration(start_s, self.left[part]), end_s - start_s)
            self.left[part] = 0.0
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


class _PlainSlots:
    """Uploads that a scheduler in plain Python sees one by one."""

    def __init__(self, scheduler: SlotScheduler, slot_s: float) -> None:
        self._scheduler = scheduler
        self._slot_s = slot_s
        self._waiting: list[Backlog] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(
        self,
        device: int,
        link: Link,
        now_s: float,
        elapsed_s: float,
        left: tuple[float, float],
        alone_s: float,
    ) -> None:
        """Put an upload behind the others."""
        self._waiting.append(Backlog(device, now_s, link, elapsed_s, left))

    def pop(self, index: int, now_s: float) -> Sent:
        """Take an upload out that is decoded now."""
        backlog = self._waiting.pop(index)
        return _sent(now_s - backlog.asked_s, backlog.first_wait_s, *backlog.spent_s)

    def go_on(self, slot: int, limit_s: float) -> tuple[int, int | None]:
        """Give out slots until an upload is through or one would start at ``limit_s`` or later.

        Returns
        -------
        int, int or None. The next slot, and the index of the upload that is through.
        """
        while True:
            now_s = slot * self._slot_s
            index = self._scheduler.pick(slot, now_s, self._waiting)
            finished = self._waiting[index].send(now_s, self._slot_s)
            slot += 1
            if finished:
                return slot, index
            if slot * self._slot_s >= limit_s:
                return slot, None


class _ArraySlots:
    """The same for a scheduler whose loop is compiled."""

    def __init__(self, scheduler: ArrayScheduler, slot_s: float) -> None:
        self._scheduler = scheduler
        self._slot_s = slot_s
        self._pending = Pending()
        self._memory = np.array([0.0, -1.0])
        #: Averages of devices that have nothing to send: the slot that each is of, and bit/s.
        self._averages: dict[int, tuple[float, float]] = {}

    def __len__(self) -> int:
        return self._pending.count

    def add(
        self,
        device: int,
        link: Link,
        now_s: float,
        elapsed_s: float,
        left: tuple[float, float],
        alone_s: float,
    ) -> None:
        """Put an upload behind the others."""
        slot, average = self._averages.pop(device, (0.0, 0.0))
        self._pending.add(device, link, now_s, elapsed_s, left, alone_s)
        decay = (1 - 1 / self._scheduler.window_slots) ** (self._memory[SLOT] - slot)
        self._pending.numbers[AVERAGE_BPS, self._pending.count - 1] = average * decay

    def pop(self, index: int, now_s: float) -> Sent:
        """Take an upload out that is decoded now."""
        own = self._pending.numbers[:, index].tolist()
        device = int(self._pending.integers[DEVICE, index])
        self._averages[device] = float(self._memory[SLOT]), own[AVERAGE_BPS]
        self._pending.remove(index)
        return _sent(now_s - own[ASKED_S], own[FIRST_WAIT_S], own[SPENT_S], own[SPENT_S + 1])

    def go_on(self, slot: int, limit_s: float) -> tuple[int, int | None]:
        """As `_PlainSlots.go_on`."""
        pending, scheduler, slot_s = self._pending, self._scheduler, self._slot_s
        while True:
            slot, index, why = scheduler.slots(
                pending.tables, pending.count, self._memory, scheduler.window_slots, slot, slot_s, limit_s
            )
            if why == LIMIT:
                return slot, None
            if why == THROUGH:
                if not 0 <= index < pending.count:
                    raise IndexError(f"{scheduler}: chose {index}, allowed: an index below {pending.count}")
                return slot, index
            # A hair more than the slot, since the loop may add up another way and ask again for ever.
            seconds = (
                slot_s + 1e-6 * float(pending.numbers[COHERENCE_S, index]) if why == WINDOW_OVER else 0.0
            )
            pending.load(index, pending.session_s(index, slot * slot_s), seconds)


class SlottedUplink:
    """One device a slot, with the whole band.

    Slots lie on a grid from time 0. An upload is decoded at the end of its last slot; what is left of that
    slot stays empty, and the device does not transmit in it.

    Parameters
    ----------
    env : simpy.Environment
    scheduler : SlotScheduler or ArrayScheduler. The loop over slots of the latter is compiled.
    slot_s : float. Length of a slot in seconds, > 0.
    """

    def __init__(
        self, env: simpy.Environment, scheduler: SlotScheduler | ArrayScheduler, slot_s: float
    ) -> None:
        self._env = env
        self._slot_s = slot_s
        self._waiting: _PlainSlots | _ArraySlots
        if isinstance(scheduler, ArrayScheduler):
            self._waiting = _ArraySlots(scheduler, slot_s)
        else:
            self._waiting = _PlainSlots(scheduler, slot_s)
        self._done: list[simpy.Event] = []

    def send(self, device: int, link: Link, elapsed_s: float, prompt_bits: float, bits: float) -> simpy.Event:
        """Send an upload; see `netsim.engines.uplink.Uplink.send`."""
        # Refuses a link that can never send, instead of going through slots for ever.
        alone_s = link.duration(elapsed_s, prompt_bits + bits)
        done = self._env.event()
        self._waiting.add(device, link, self._env.now, elapsed_s, (prompt_bits, bits), alone_s)
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
        while len(self._waiting):
            # Until the next event nobody can come or go, so slots before it need none of their own.
            slot, finished = self._waiting.go_on(slot, env.peek())
            yield env.timeout(max(slot * slot_s - env.now, 0.0))
            if finished is not None:
                # The line is empty only now: an upload that comes meanwhile must not start a second server.
                # Whoever came stands behind, so that the index still holds.
                sent = self._waiting.pop(finished, env.now)
                self._done.pop(finished).succeed(sent)


def _sent(passed_s: float, first_wait_s: float, prompt_s: float, own_s: float) -> Sent:
    """What became of an upload that is decoded now, so many seconds after it asked."""
    return {
        "queued_s": max(passed_s - (prompt_s + own_s), 0.0),
        "first_wait_s": first_wait_s,
        "prompt_s": prompt_s,
        "own_s": own_s,
        "prompt_air_s": prompt_s,
        "air_s": own_s,
    }
