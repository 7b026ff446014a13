"""The event engine: SimPy processes for devices, the uplink and the server.

Every wait for what is shared is an event of the simulation, and all that a device does by itself in between is one more, for
one device as for many. Where nothing else happens meanwhile, an upload or a pass needs no event either: a device is ahead of the
simulation as far as nobody can notice (`netsim.engines.uplink.Foresight`).
Simultaneous events are handled in the order in which they were scheduled (SimPy's rule), so the same
input gives the same log. Durations are handed over, not read off the clock: a difference of two large
clock readings would lose digits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from operator import itemgetter
from struct import Struct
from typing import Any, Protocol

import numpy as np
import simpy
from numpy.typing import NDArray

from netsim.costs.workload import Asked
from netsim.engines.server import Served, Server, SingleServer
from netsim.engines.timings import Timings
from netsim.engines.uplink import FifoUplink, Foresight, Sent, Uplink
from netsim.radio.link import Link


class Work(Protocol):
    """The exchanges of a device's sessions; ``netsim.costs.workload.Workload`` is one that is planned ahead."""

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions, and the most exchanges of one: (num_sessions, num_exchanges)."""

    def exchanges(
        self, session: int, link: Link, elapsed: Callable[[], float], aired: Callable[[], float]
    ) -> tuple[Asked, Iterator[int]]:
        """Exchanges of one session over its link.

        ``elapsed`` gives the seconds since the session's start, ``aired`` those of them in which the device sent.

        Returns
        -------
        Asked, iterator of int
            The lists hold an exchange's numbers when the iterator has come to it.
        """


#: Seconds of the request and of the response of each exchange of a session, as if all had them.
Crossings = tuple[Sequence[float], Sequence[float]]


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
    core : callable (session) -> Crossings, optional. Of a session; without it they take no time.
    """

    workload: Work
    link: Callable[[int, float], Link]
    grant_s: float
    propagation_s: float
    arrivals_s: Sequence[float] | None = None
    core: Callable[[int], Crossings] | None = None

    def crossings(self, session: int) -> Crossings:
        """Seconds that each exchange's request and response take between base station and server."""
        if self.core is None:
            nothing = [0.0] * self.workload.shape[1]
            return nothing, nothing
        return self.core(session)


@dataclass(frozen=True)
class DeviceLog:
    """When the exchanges of one device took place.

    Attributes
    ----------
    timings : Timings
    completed : [num_sessions], int. Exchanges that were over when the simulation ended.
    blocked_from : int
        The session whose link never sends what it had to send; the device waits there for ever. The number of
        sessions where there is none.
    """

    timings: Timings
    completed: NDArray[np.int64]
    blocked_from: int


def _one_server(env: simpy.Environment) -> Server:
    return SingleServer(env, 1)


@dataclass(frozen=True)
class BaseStation:
    """What the devices share, as functions that make it for one run.

    Attributes
    ----------
    uplink, server : callable. Default: one upload and one request at a time, first come, first served.
    """

    uplink: Callable[[simpy.Environment], Uplink] = FifoUplink
    server: Callable[[simpy.Environment], Server] = _one_server


def simulate_events(jobs: Sequence[DeviceJob]) -> list[Timings]:
    """Run every device's sessions to their end in the default base_station; one ``Timings`` per device."""
    return [log.timings for log in simulate_base_station(jobs, BaseStation())]


def simulate_base_station(
    jobs: Sequence[DeviceJob], base_station: BaseStation, until_s: float | None = None
) -> list[DeviceLog]:
    """Run every device's sessions.

    Parameters
    ----------
    jobs : sequence of DeviceJob. One per device.
    base_station : BaseStation
    until_s : float, optional. Stop then; exchanges that are not over are left out. Default: to the end.
    """
    env = simpy.Environment()
    uplink, server = base_station.uplink(env), base_station.server(env)
    devices = [_Device(env, uplink, server, number, job) for number, job in enumerate(jobs)]
    for device in devices:
        env.process(device.run())
    env.run(until_s)
    return [device.log(until_s) for device in devices]


_Steps = Generator[simpy.Event, Any, Any]
_NOT_SENT: Sent = {
    "queued_s": 0.0, "first_wait_s": 0.0, "prompt_s": 0.0, "own_s": 0.0, "prompt_air_s": 0.0, "air_s": 0.0,
}  # fmt: skip
_NOT_SERVED: Served = {"waited_s": 0.0, "pass_s": 0.0}


_ASKED = [field.name for field in fields(Asked)]
_SENT, _SERVED = (itemgetter(*kind.__annotations__) for kind in (Sent, Served))
#: What an exchange that is over leaves in its device's log, in this order.
_LOGGED = (
    "start_s", "saved_s", "vain_s", "uploads", "carries_prompt", "calls_llm", "llm_s", "up_s", "down_s",
    *Sent.__annotations__, *Served.__annotations__, "end_s",
)  # fmt: skip
_log_entry = Struct(f"{len(_LOGGED)}d").pack


def _foresight(shared: object) -> Callable[[float, Any], Any]:
    """What says of a job what will become of it: of what has no foresight, nothing is known before."""
    return shared.foresee if isinstance(shared, Foresight) else lambda *_: None


class _Device:
    """One device at work: a process over its sessions."""

    def __init__(
        self, env: simpy.Environment, uplink: Uplink, server: Server, number: int, job: DeviceJob
    ) -> None:
        self._env = env
        self._uplink = uplink
        self._server = server
        self._foresee_sent, self._foresee_served = map(_foresight, (uplink, server))
        self._number = number
        self._job = job
        # Numbers alone, since millions of exchanges may have to be kept.
        self._log = bytearray()
        self._completed = [0] * job.workload.shape[0]
        self._blocked_from = job.workload.shape[0]

    def run(self) -> _Steps:
        """Work through the sessions."""
        env, arrivals_s = self._env, self._job.arrivals_s
        for session in range(self._job.workload.shape[0]):
            if arrivals_s is not None and arrivals_s[session] > env.now:
                yield env.timeout(arrivals_s[session] - env.now)
            yield from self._session(session)
            if self._blocked_from == session:
                return

    def _session(self, session: int) -> _Steps:
        """Exchanges of one session, one after the other."""
        env, job, peek, send, serve = (
            self._env, self._job, self._env.peek, self._uplink.send, self._server.serve
        )  # fmt: skip
        foresee_sent, foresee_served, in_time = self._foresee_sent, self._foresee_served, self._in_time
        number, grant, propagation = self._number, job.grant_s, job.propagation_s
        elapsed, aired = 0.0, 0.0
        link = job.link(session, env.now)
        asked, numbers = job.workload.exchanges(session, link, lambda: elapsed, lambda: aired)
        # The simulation's clock, its next event, and the seconds that the device is ahead: what nobody else can notice
        # is no event.
        now_s, next_s, ahead_s = env.now, peek(), 0.0
        drafted_s = 0.0
        # The numbers come first: an exchange may be decided only then.
        for (
            _, device_s, uploads, bits, carries_prompt, prompt_bits, calls_llm, llm_s, llm_context, llm_positions,
            downlink_s, of_use_s, in_vain_s, up_s, down_s,
        ) in zip(numbers, *map(partial(getattr, asked), _ASKED), *job.crossings(session), strict=False):  # fmt: skip
            saved, vain, drafted_s = drafted_s, 0.0, 0.0
            start_s, sent, served = now_s + ahead_s, _NOT_SENT, _NOT_SERVED
            sends = uploads or carries_prompt
            before = device_s - saved + (grant if sends else 0.0)
            ahead_s += before
            elapsed += before
            way = 0.0
            if sends:
                if bits or prompt_bits:
                    if link.never_sends:
                        self._blocked_from = session
                        return
                    upload = link, elapsed, prompt_bits, bits
                    sent = foresee_sent(next_s - now_s - ahead_s, upload)
                    if sent is None:
                        sent = yield from in_time(ahead_s, send, number, *upload)
                        now_s, next_s, ahead_s = env.now, peek(), 0.0
                    else:
                        ahead_s += sent["prompt_s"] + sent["own_s"]
                way = propagation + up_s
                elapsed += sent["queued_s"]
                elapsed += sent["prompt_s"] + sent["own_s"] + way
                ahead_s += way
            if calls_llm:
                request = llm_s, llm_context, llm_positions
                served = foresee_served(next_s - now_s - ahead_s, request)
                if served is None:
                    served = yield from in_time(ahead_s, serve, *request)
                    now_s, next_s, ahead_s = env.now, peek(), 0.0
                else:
                    ahead_s += served["waited_s"] + served["pass_s"]
                back = downlink_s + (down_s if sends else 0.0)
                ahead_s += back
                judged = served["waited_s"] + served["pass_s"] + back
                elapsed += judged
                drafted_s, vain = min(of_use_s, judged + way), min(in_vain_s, judged + way)
            aired += sent["air_s"] + sent["prompt_air_s"]
            self._completed[session] += 1
            self._log += _log_entry(
                start_s, saved, vain, uploads, carries_prompt, calls_llm, llm_s, up_s, down_s,
                *_SENT(sent), *_SERVED(served), now_s + ahead_s,
            )  # fmt: skip
        if ahead_s:
            yield env.timeout(ahead_s)

    def _in_time(self, ahead_s: float, ask: Callable[..., simpy.Event], *job: object) -> _Steps:
        """Ask for something once the simulation is where the device is, and wait until it is over."""
        if ahead_s:
            yield self._env.timeout(ahead_s)
        return (yield ask(*job))

    def log(self, until_s: float | None) -> DeviceLog:
        """What the sessions came to before a time of the simulation."""
        numbers = np.frombuffer(self._log).reshape(-1, len(_LOGGED)).T
        log = dict(zip(_LOGGED, numbers, strict=True))
        num_sessions, num_exchanges = self._job.workload.shape
        completed = np.array(self._completed, np.int64)
        if until_s is not None:
            over = log["end_s"] < until_s
            session = np.repeat(np.arange(num_sessions), completed)
            completed = np.bincount(session[over], minlength=num_sessions)
            log = {name: column[over] for name, column in log.items()}
        done = np.arange(num_exchanges) < completed[:, None]
        timings = Timings.zeros(num_sessions, num_exchanges)
        for name, column in _timings(log, self._job).items():
            getattr(timings, name)[done] = column
        return DeviceLog(timings, completed, self._blocked_from)


def _timings(log: dict[str, NDArray[np.float64]], job: DeviceJob) -> dict[str, NDArray[np.float64]]:
    """Columns of ``Timings``, a number for every exchange that is over."""
    uploads = log["uploads"] > 0
    asks = uploads | (log["carries_prompt"] > 0)
    # An exchange that sends only the prompt's ids owes its whole upload to the prompt.
    prompt_alone_s = log["carries_prompt"] * (job.grant_s + log["prompt_s"] + job.propagation_s)
    same = ("start_s", "saved_s", "vain_s", "air_s", "prompt_air_s")
    return {name: log[name] for name in same} | {
        "grant_s": np.where(uploads, job.grant_s, 0.0),
        "uplink_s": np.where(uploads, log["own_s"] + job.propagation_s, 0.0),
        "core_up_s": log["up_s"] * asks,
        "core_down_s": log["down_s"] * asks,
        "queue_s": log["queued_s"] + log["waited_s"],
        "prompt_s": np.where(uploads, log["prompt_s"], prompt_alone_s),
        "air_wait_s": log["first_wait_s"],
        "server_wait_s": log["waited_s"],
        "batch_s": np.where(log["calls_llm"] > 0, log["pass_s"] - log["llm_s"], 0.0),
    }
