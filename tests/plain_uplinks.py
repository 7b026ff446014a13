"""The equal split upload by upload in plain Python, and networks that are hard on it: what compiled loops are held to."""

from __future__ import annotations

from typing import Any

import numpy as np
import simpy

from channels.capacity import session_curve
from channels.fading import Fading
from channels.passing import PassingCurve
from channels.rates import RateLaw
from netsim.engines.events import BaseStation, DeviceJob, simulate_base_station
from netsim.engines.timings import Timings
from netsim.engines.uplink import Sent
from netsim.radio.link import Link
from tests.network_jobs import plain_workload


def random_jobs(
    fading: Fading, law: RateLaw, devices: int, bits: float = 4e4, *, whole: bool = False
) -> list[DeviceJob]:
    """Devices with uploads of many sizes, some of them with a prompt's ids, over links of many SNRs.

    Their curves forget unless they are `whole`.
    """

    def job(number: int) -> DeviceJob:
        rng = np.random.default_rng([11, number])
        work = plain_workload(
            (2, 5),
            slm_s=rng.exponential(0.02, (2, 5)),
            bits=rng.exponential(bits, (2, 5)),
            prompt_bits=np.eye(1, 5) * 700.0,
            llm_s=0.003,
        )

        def link(session: int, _start_s: float) -> Link:
            keyed = np.random.default_rng([12, number, session])
            if whole:
                return session_curve(fading, law, 1.0 + number, 1e6, 0.01, keyed)
            return PassingCurve(fading, 0.01, keyed, law, 1.0 + number, 1e6)

        return DeviceJob(work, link, 0.001, 0.0)

    return [job(number) for number in range(devices)]


def timings(uplink: Any, *channel: Any, whole: bool = False) -> list[Timings]:
    """Of such devices on an uplink."""
    logs = simulate_base_station(random_jobs(*channel, whole=whole), BaseStation(uplink=uplink))
    return [log.timings for log in logs]


def assert_same(ones: list[Timings], others: list[Timings], rtol: float = 0.0) -> None:
    """Every time of every device."""
    for one, other in zip(ones, others, strict=True):
        for name, values in vars(one).items():
            np.testing.assert_allclose(values, getattr(other, name), rtol, atol=rtol, err_msg=name)


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


class PlainEqualSplit:
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
