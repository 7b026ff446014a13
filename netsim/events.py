"""The event engine: SimPy processes for devices, the uplink and the server.

Every wait is an event of the simulation and every shared thing a resource, for one device as for many.
Simultaneous events are handled in the order in which they were scheduled (SimPy's rule), so the same
input gives the same log. Durations are handed over, not read off the clock: a difference of two large
clock readings would lose digits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar

import numpy as np
import simpy
from numpy.typing import NDArray

from netsim.server import Server, SingleServer
from netsim.timings import Timings
from netsim.uplink import FifoUplink, Link, Sent, Uplink
from netsim.workload import Round


class Work(Protocol):
    """The rounds of a device's sessions; ``netsim.workload.Workload`` is one that is planned ahead."""

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
    return [_log(job.workload.shape, device.rows) for job, device in zip(jobs, devices, strict=True)]


_T = TypeVar("_T")
_Steps = Generator[simpy.Event, Any, _T]
#: In the order of ``Timings``.
_Row = tuple[float, float, float, float, float, float, float, float, float, float]
_NOTHING = Sent(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


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
        self.rows: list[list[_Row]] = []

    def run(self) -> _Steps[None]:
        """Work through the sessions."""
        env, arrivals_s = self._env, self._job.arrivals_s
        for session in range(self._job.workload.shape[0]):
            if arrivals_s is not None and arrivals_s[session] > env.now:
                yield env.timeout(arrivals_s[session] - env.now)
            yield from self._session(session)

    def _session(self, session: int) -> _Steps[None]:
        env, job, timeout = self._env, self._job, self._env.timeout
        log: list[_Row] = []
        self.rows.append(log)
        elapsed, began = 0.0, env.now
        link = job.link(session, began)
        for (
            slm,
            unsure,
            uploads,
            bits,
            brings,
            prompt_bits,
            calls,
            llm,
            down,
            context,
            new,
        ) in job.workload.rounds(session, link, lambda: env.now - began):
            start, sent, waited, batch = env.now, _NOTHING, 0.0, 0.0
            if slm:
                yield timeout(slm)
            if unsure:
                yield timeout(unsure)
            elapsed += slm + unsure
            if uploads or brings:
                sent = yield from self._upload(link, elapsed, prompt_bits, bits)
                elapsed += job.grant_s
                elapsed += sent.queued_s
                elapsed += sent.prompt_s + sent.own_s + job.propagation_s
            if calls:
                waited, passed = yield from self._server.serve(llm, context, new)
                if down:
                    yield timeout(down)
                elapsed += waited + passed + down
                batch = passed - llm
            log.append(_row(job, sent, start, waited, batch, uploads=uploads, brings=brings))

    def _upload(self, link: Link, elapsed: float, prompt_bits: float, bits: float) -> _Steps[Sent]:
        env, job = self._env, self._job
        sent = _NOTHING
        if job.grant_s:
            yield env.timeout(job.grant_s)
        if bits or prompt_bits:
            sent = yield from self._uplink.send(self._number, link, elapsed + job.grant_s, prompt_bits, bits)
        if job.propagation_s:
            yield env.timeout(job.propagation_s)
        return sent


def _row(
    job: DeviceJob, sent: Sent, start: float, waited: float, batch: float, *, uploads: bool, brings: bool
) -> _Row:
    queued, first_wait, prompt_s, own, prompt_air, air = sent
    if uploads:
        grant, own, owed = job.grant_s, own + job.propagation_s, prompt_s
    else:
        # A round that sends only the prompt's ids owes its whole upload to the prompt.
        grant, owed = 0.0, job.grant_s + prompt_s + job.propagation_s if brings else 0.0
    return grant, own, queued + waited, owed, start, air, prompt_air, first_wait, waited, batch


def _log(shape: tuple[int, int], sessions: list[list[_Row]]) -> DeviceLog:
    timings = Timings.zeros(*shape)
    completed = np.zeros(shape[0], np.int64)
    completed[: len(sessions)] = [len(rows) for rows in sessions]
    done = np.arange(shape[1]) < completed[:, None]
    columns = np.array([row for rows in sessions for row in rows]).reshape(-1, len(fields(Timings))).T
    for field, column in zip(fields(Timings), columns, strict=True):
        getattr(timings, field.name)[done] = column
    return DeviceLog(timings, completed)
