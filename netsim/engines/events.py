"""The event engine: SimPy processes for devices, the uplink and the server.

Every wait is an event of the simulation and every shared thing a resource, for one device as for many.
Simultaneous events are handled in the order in which they were scheduled (SimPy's rule), so the same
input gives the same log. Durations are handed over, not read off the clock: a difference of two large
clock readings would lose digits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import simpy
from numpy.typing import NDArray

from netsim.costs.workload import Round
from netsim.engines.server import Server, SingleServer
from netsim.engines.timings import Timings
from netsim.engines.uplink import FifoUplink, Uplink
from netsim.radio.link import Link


class Work(Protocol):
    """The rounds of a device's sessions; ``netsim.costs.workload.Workload`` is one that is planned ahead."""

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions and tokens: (num_sessions, num_tokens)."""

    def rounds(self, session: int, link: Link, elapsed: Callable[[], float]) -> Iterator[Round]:
        """Rounds of one session over its link; ``elapsed`` gives the seconds since the session's start."""


@dataclass(frozen=True)
class DeviceJob:
    """What one device does: its sessions, one after the other.

    Attributes
    ----------
    workload : Work
    link : callable (session, start_s) -> Link. Asked when a session starts, with the time of the simulation.
    grant_s, propagation_s : float. Seconds before every upload, and of its way.
    arrivals_s : [num_sessions], float, optional
        When each session is asked for, not decreasing. It starts then, or when the one before is over.
        Without them, each starts when the one before is over, and the first at 0.
    """

    workload: Work
    link: Callable[[int, float], Link]
    grant_s: float
    propagation_s: float
    arrivals_s: Sequence[float] | None = None


@dataclass(frozen=True)
class DeviceLog:
    """When the rounds of one device took place.

    Attributes
    ----------
    timings : Timings
    completed : [num_sessions], int. Rounds that were over when the simulation ended.
    """

    timings: Timings
    completed: NDArray[np.int64]


def _one_server(env: simpy.Environment) -> Server:
    return SingleServer(env, 1)


@dataclass(frozen=True)
class Cell:
    """What the devices share, as functions that make it for one run.

    Attributes
    ----------
    uplink, server : callable. Default: one upload and one request at a time, first come, first served.
    """

    uplink: Callable[[simpy.Environment], Uplink] = FifoUplink
    server: Callable[[simpy.Environment], Server] = _one_server


def simulate_events(jobs: Sequence[DeviceJob]) -> list[Timings]:
    """Run every device's sessions to their end in the default cell; one ``Timings`` per device."""
    return [log.timings for log in simulate_cell(jobs, Cell())]


def simulate_cell(jobs: Sequence[DeviceJob], cell: Cell, until_s: float | None = None) -> list[DeviceLog]:
    """Run every device's sessions.

    Parameters
    ----------
    jobs : sequence of DeviceJob. One per device.
    cell : Cell
    until_s : float, optional. Stop then; rounds that are not over are left out. Default: to the end.
    """
    env = simpy.Environment()
    uplink, server = cell.uplink(env), cell.server(env)
    devices = [_Device(env, uplink, server, number, job) for number, job in enumerate(jobs)]
    for device in devices:
        env.process(device.run())
    env.run(until_s)
    return [_log(job.workload.shape, device.logs) for job, device in zip(jobs, devices, strict=True)]


_Steps = Generator[simpy.Event, Any, None]
#: Numbers that a round leaves, in the order of ``Timings``.
_NUM_COLUMNS = len(fields(Timings))


class _Device:
    """One device at work: a process over its sessions."""

    def __init__(
        self, env: simpy.Environment, uplink: Uplink, server: Server, number: int, job: DeviceJob
    ) -> None:
        self._env = env
        self._uplink = uplink
        self._server = server
        self._number = number
        self._job = job
        self.logs: list[list[float]] = []

    def run(self) -> _Steps:
        """Work through the sessions."""
        env, arrivals_s = self._env, self._job.arrivals_s
        for session in range(self._job.workload.shape[0]):
            if arrivals_s is not None and arrivals_s[session] > env.now:
                yield env.timeout(arrivals_s[session] - env.now)
            yield from self._session(session)

    def _session(self, session: int) -> _Steps:
        """Rounds of one session; each leaves its numbers one after the other in a flat list."""
        env, job, timeout, send, serve = (
            self._env, self._job, self._env.timeout, self._uplink.send, self._server.serve,
        )  # fmt: skip
        number, grant, propagation = self._number, job.grant_s, job.propagation_s
        log: list[float] = []
        self.logs.append(log)
        elapsed, began = 0.0, env.now
        link = job.link(session, began)
        rounds = job.workload.rounds(session, link, lambda: env.now - began)
        for slm, unsure, uploads, bits, brings, prompt_bits, calls, llm, down, context, new in rounds:
            start = env.now
            queued = first_wait = prompt_s = own = prompt_air = air = waited = passed = 0.0
            sends = uploads or brings
            # Nobody sees the moments between computing and the grant, so they need no event of their own.
            before = slm + unsure + (grant if sends else 0.0)
            if before:
                yield timeout(before)
            elapsed += before
            if sends:
                if bits or prompt_bits:
                    upload = send(number, link, elapsed, prompt_bits, bits)
                    queued, first_wait, prompt_s, own, prompt_air, air = yield upload
                if propagation:
                    yield timeout(propagation)
                elapsed += queued
                elapsed += prompt_s + own + propagation
            if calls:
                waited, passed = yield serve(llm, context, new)
                if down:
                    yield timeout(down)
                elapsed += waited + passed + down
                passed -= llm
            if uploads:
                log += (grant, own + propagation, queued + waited, prompt_s, start)
            else:
                # A round that sends only the prompt's ids owes its whole upload to the prompt.
                log += (0.0, 0.0, queued + waited, grant + prompt_s + propagation if brings else 0.0, start)
            log += (air, prompt_air, first_wait, waited, passed)


def _log(shape: tuple[int, int], logs: list[list[float]]) -> DeviceLog:
    timings = Timings.zeros(*shape)
    completed = np.zeros(shape[0], np.int64)
    completed[: len(logs)] = [len(log) // _NUM_COLUMNS for log in logs]
    done = np.arange(shape[1]) < completed[:, None]
    columns = np.array([number for log in logs for number in log]).reshape(-1, _NUM_COLUMNS).T
    for field, column in zip(fields(Timings), columns, strict=True):
        getattr(timings, field.name)[done] = column
    return DeviceLog(timings, completed)
