"""The shared uplink: who may send when.

An uplink serves uploads. An upload has two parts, sent one after the other: the ids of a prompt that the
base station has not seen, and the exchange's own bits; either may be empty. What was sent stays sent.
"""

from __future__ import annotations

import abc
from collections import deque
from typing import Any, Protocol, TypedDict, runtime_checkable

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


@runtime_checkable
class Foresight(Protocol):
    """An uplink or a server that can say what will become of a job before the simulation is there.

    Nothing changes before the next event of the simulation: what is free now is free until then, and a job that is
    through by then keeps nobody waiting. A device that is alone for so long needs no event.
    """

    def foresee(self, within_s: float, job: Any) -> Any | None:
        """What becomes of a job of a device that is ahead of the simulation.

        Parameters
        ----------
        within_s : float. Seconds from when the job comes until the next event of the simulation.
        job : tuple. What ``send`` or ``serve`` takes, but for the device.

        Returns
        -------
        Sent or Served, or None
            None where others might notice: it has to be asked for in the simulation's own time.
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

    def foresee(self, within_s: float, job: Any) -> Any | None:
        """What becomes of a job, if nobody else can notice; see `Foresight.foresee`."""
        if not self._free or within_s <= 0.0:
            return None
        seconds, value = self._service(0.0, job)
        return value if seconds < within_s else None

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
