"""The shared uplink: who may send when.

An uplink serves uploads. An upload has two parts, sent one after the other: the ids of a prompt that the
base station has not seen, and the round's own bits; either may be empty. What was sent stays sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any, NamedTuple, Protocol

import simpy

#: A part of a process: it yields events, and hands back what became of the upload.
Steps = Generator[simpy.Event, Any, "Sent"]


class Link(Protocol):
    """The radio between one device and the base station in one session; times count from its start.

    ``channels.capacity.CapacityCurve`` is one.
    """

    @property
    def mean_rate_bps(self) -> float:
        """Rate at the mean SNR, bit/s."""

    def duration(self, start_s: float, bits: float) -> float:
        """Seconds until ``bits`` have drained, from ``start_s`` on, with the whole band."""

    def bits_between(self, start_s: float, end_s: float) -> float:
        """Bits that the whole band carries from ``start_s`` to ``end_s``."""

    def rate_bps(self, time_s: float) -> float:
        """Rate of the whole band at ``time_s``, bit/s."""

    def snr(self, time_s: float) -> float:
        """Signal-to-noise ratio at ``time_s``, linear."""


class Sent(NamedTuple):
    """What became of an upload: seconds.

    Attributes
    ----------
    queued_s : Waiting for a turn, pauses between turns included.
    first_wait_s : The part of it before the first bit.
    prompt_s, own_s : Sending the prompt's ids, and the round's bits.
    prompt_air_s, air_s : The same at full transmit power: a device with a third of the band sends with a
        third of its power, so that its SNR stays.
    """

    queued_s: float
    first_wait_s: float
    prompt_s: float
    own_s: float
    prompt_air_s: float
    air_s: float


class Uplink(Protocol):
    """Serves the uploads of all devices."""

    def send(self, device: int, link: Link, elapsed_s: float, prompt_bits: float, bits: float) -> Steps:
        """Send an upload; a part of the device's process.

        Parameters
        ----------
        device : int. Number of the device, from 0.
        link : Link. Of the device's session.
        elapsed_s : float. Seconds since the session's start.
        prompt_bits, bits : float. At least one of them above 0.
        """


class Turns:
    """Places that are taken first come, first served.

    A place goes from hand to hand: who gives it back wakes the next in line, and nobody can slip in between.
    """

    def __init__(self, env: simpy.Environment, places: int) -> None:
        self._env = env
        self._free = places
        self._line: deque[simpy.Event] = deque()

    def take(self) -> simpy.Event | None:
        """Take a place: None if there is one, otherwise the event of one's turn."""
        if self._free:
            self._free -= 1
            return None
        turn = self._env.event()
        self._line.append(turn)
        return turn

    def give_back(self) -> None:
        """Hand the place to the next in line."""
        if self._line:
            self._line.popleft().succeed()
        else:
            self._free += 1


class FifoUplink:
    """One upload at a time, whole, with the whole band, first come, first served."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._turns = Turns(env, 1)

    def send(self, device: int, link: Link, elapsed_s: float, prompt_bits: float, bits: float) -> Steps:  # noqa: ARG002
        """Send an upload; see `Uplink.send`."""
        queued_s = 0.0
        turn = self._turns.take()
        if turn is not None:
            asked_s = self._env.now
            yield turn
            queued_s = self._env.now - asked_s
            elapsed_s += queued_s
        prompt_s = link.duration(elapsed_s, prompt_bits) if prompt_bits else 0.0
        own_s = link.duration(elapsed_s + prompt_s, bits) if bits else 0.0
        yield self._env.timeout(prompt_s + own_s)
        self._turns.give_back()
        return Sent(queued_s, queued_s, prompt_s, own_s, prompt_s, own_s)


class _Share:
    """An upload that has a share of the band."""

    def __init__(
        self, link: Link, elapsed_s: float, prompt_bits: float, bits: float, done: simpy.Event
    ) -> None:
        self.link = link
        self.elapsed_s = elapsed_s
        self.left = [prompt_bits, bits]
        self.part = 0 if prompt_bits else 1
        self.spent_s = [0.0, 0.0]
        self.air_s = [0.0, 0.0]
        self.done = done

    def seconds_left(self, shares: int) -> float:
        """Seconds until the current part is sent if the band stays split by ``shares``.

        At a rate of ``R / n``, ``B`` bits take as long as ``n B`` bits at ``R``.
        """
        return self.link.duration(self.elapsed_s, self.left[self.part] * shares)

    def go_on(self, seconds: float, shares: int) -> None:
        """Send for a while."""
        end_s = self.elapsed_s + seconds
        sent = self.link.bits_between(self.elapsed_s, end_s) / shares
        self.left[self.part] = max(self.left[self.part] - sent, 0.0)
        self.elapsed_s = end_s
        self.spent_s[self.part] += seconds
        self.air_s[self.part] += seconds / shares


class EqualSplitUplink:
    """All uploads at once, each with an equal share of the band: processor sharing.

    With the band split by ``n``, every device sends at ``1 / n`` of its rate, at the same SNR. At every
    arrival and end the others are brought up to date, which costs time in proportion to their number.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._active: list[_Share] = []
        self._since_s = 0.0
        self._plan: simpy.Event | None = None
        self._next_end: tuple[_Share, float]

    def send(self, device: int, link: Link, elapsed_s: float, prompt_bits: float, bits: float) -> Steps:  # noqa: ARG002
        """Send an upload; see `Uplink.send`."""
        share = _Share(link, elapsed_s, prompt_bits, bits, self._env.event())
        self._go_on(self._env.now - self._since_s)
        self._active.append(share)
        self._plan_ahead()
        yield share.done
        return Sent(0.0, 0.0, *share.spent_s, *share.air_s)

    def _go_on(self, seconds: float) -> None:
        for share in self._active:
            share.go_on(seconds, len(self._active))
        self._since_s = self._env.now

    def _plan_ahead(self) -> None:
        """Plan the next end of a part, as if nobody came until then; the first come ends first."""
        self._plan = None
        if self._active:
            seconds = [share.seconds_left(len(self._active)) for share in self._active]
            first = min(range(len(seconds)), key=seconds.__getitem__)
            self._next_end = self._active[first], seconds[first]
            self._plan = self._env.timeout(seconds[first])
            self._plan.callbacks.append(self._end_part)

    def _end_part(self, plan: simpy.Event) -> None:
        if plan is not self._plan:  # somebody came in the meantime, and the plan was changed
            return
        share, seconds = self._next_end
        self._go_on(seconds)
        share.left[share.part] = 0.0
        share.part += 1
        if not any(share.left):
            self._active.remove(share)
            share.done.succeed()
        self._plan_ahead()
