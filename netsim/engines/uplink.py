"""The shared uplink: who may send when.

An uplink serves uploads. An upload has two parts, sent one after the other: the ids of a prompt that the
base station has not seen, and the exchange's own bits; either may be empty. What was sent stays sent.
"""

from __future__ import annotations

import abc
from collections import deque
from typing import Any, Protocol, TypedDict

import simpy

from netsim.radio.link import Link


class Sent(TypedDict):
    """What became of an upload, in seconds; a mapping, since it is made for every upload.

    Attributes
    ----------
    queued_s : Waiting for turns, pauses between turns included.
    first_wait_s : The part of that before the first bit.
    prompt_s, own_s : Sending the prompt's ids, and the exchange's bits.
    prompt_air_s, air_s
        Both at full transmit power, since a device with a third of the band sends with a third of its power, so
        that its SNR stays.
    """

    queued_s: float
    first_wait_s: float
    prompt_s: float
    own_s: float
    prompt_air_s: float
    air_s: float


class Uplink(Protocol):
    """Serves the uploads of all devices."""

    def send(self, device: int, link: Link, elapsed_s: float, prompt_bits: float, bits: float) -> simpy.Event:
        """Send an upload.

        Parameters
        ----------
        device : int. Number of the device, from 0.
        link : Link. Of the device's session.
        elapsed_s : float. Seconds since the session's start.
        prompt_bits, bits : float. At least one of them above 0.

        Returns
        -------
        simpy.Event
            Happens when all is sent; its value is a ``Sent``.
        """


class FifoQueue(abc.ABC):
    """Places that serve what comes first, first, one at a time each.

    A place goes from hand to hand at the moment one is through: nobody can slip in between.
    """

    def __init__(self, env: simpy.Environment, places: int) -> None:
        self._env = env
        self._free = places
        self._line: deque[tuple[simpy.Event, float, Any]] = deque()

    @abc.abstractmethod
    def _service(self, queued_s: float, job: Any) -> tuple[float, object]:
        """Seconds that a job takes from now on, and the value of its event."""

    def _enter(self, job: object) -> simpy.Event:
        """Serve a job as soon as there is a place; the event happens when it is through."""
        if self._free:
            self._free -= 1
            return self._start(0.0, job)
        done = self._env.event()
        self._line.append((done, self._env.now, job))
        return done

    def _start(self, queued_s: float, job: object) -> simpy.Event:
        over = self._env.timeout(*self._service(queued_s, job))
        over.callbacks.append(self._end)
        return over

    def _end(self, _over: simpy.Event) -> None:
        if not self._line:
            self._free += 1
            return
        done, asked_s, job = self._line.popleft()
        over = self._start(self._env.now - asked_s, job)
        over.callbacks.append(done.trigger)


class FifoUplink(FifoQueue):
    """One upload at a time, whole, with the whole band, first come, first served."""

    def __init__(self, env: simpy.Environment) -> None:
        super().__init__(env, 1)

    def send(
        self,
        device: int,
        link: Link,
        elapsed_s: float,
        prompt_bits: float,
        bits: float,
    ) -> simpy.Event:
        """Send an upload; see `Uplink.send`."""
        return self._enter((link, elapsed_s, prompt_bits, bits))

    def _service(self, queued_s: float, job: tuple[Link, float, float, float]) -> tuple[float, Sent]:
        link, elapsed_s, prompt_bits, bits = job
        elapsed_s += queued_s
        prompt_s = link.duration(elapsed_s, prompt_bits) if prompt_bits else 0.0
        own_s = link.duration(elapsed_s + prompt_s, bits) if bits else 0.0
        sent: Sent = {
            "queued_s": queued_s,
            "first_wait_s": queued_s,
            "prompt_s": prompt_s,
            "own_s": own_s,
            "prompt_air_s": prompt_s,
            "air_s": own_s,
        }
        return prompt_s + own_s, sent


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

    def sent(self) -> Sent:
        """What became of it, once all is sent."""
        return {
            "queued_s": 0.0,
            "first_wait_s": 0.0,
            "prompt_s": self.spent_s[0],
            "own_s": self.spent_s[1],
            "prompt_air_s": self.air_s[0],
            "air_s": self.air_s[1],
        }

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

    def send(
        self,
        device: int,
        link: Link,
        elapsed_s: float,
        prompt_bits: float,
        bits: float,
    ) -> simpy.Event:
        """Send an upload; see `Uplink.send`."""
        share = _Share(link, elapsed_s, prompt_bits, bits, self._env.event())
        self._go_on(self._env.now - self._since_s)
        self._active.append(share)
        self._plan_ahead()
        return share.done

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
            share.done.succeed(share.sent())
        self._plan_ahead()
