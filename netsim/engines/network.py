"""Several devices at work under one seed: who works on which prompt, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby

import numpy as np
from cachetools import LRUCache, cachedmethod
from numpy.typing import NDArray

from channels.gains import ChannelEnded, LinkNeverSends
from netsim.costs.latency import LatencyOutOfRange
from netsim.costs.workload import Costs, Workload
from netsim.deciding.channel_aware import ChannelAwareWork, looks_at_channel
from netsim.deciding.parametric import ParametricDecider
from netsim.deciding.recorded import Decider
from netsim.engines.arrivals import Arrivals
from netsim.engines.events import BaseStation, Crossings, DeviceJob, DeviceLog, Work, simulate_base_station
from netsim.engines.timings import Timings
from netsim.errors import Fault, InputError
from netsim.radio.link import Link, Radio
from netsim.radio.placement import Placement
from traces.speculative.draws import visit_key
from traces.speculative.rounds import Policy, Rounds


@dataclass(frozen=True)
class Device:
    """What one device is.

    Attributes
    ----------
    policy : Policy
    costs : Costs
    radio : Radio. At its own mean SNR, or that of its place.
    place : Placement, optional
    plan : callable (seed, visit). Decisions and work of every complete prompt.
    """

    policy: Policy
    costs: Costs
    radio: Radio
    place: Placement | None
    plan: Callable[[int, int], tuple[Rounds, Workload]]

    def radio_at(self, seed: int, number: int, now_s: float) -> Radio:
        """Radio of a session that starts at ``now_s``."""
        if self.place is not None:
            return self.place.radio(self.radio, seed, number, now_s)
        return self.radio.at(seed, number, now_s)


@dataclass(frozen=True)
class Session:
    """One prompt that a device works on.

    Attributes
    ----------
    place : int. Of the prompt among the complete ones.
    visit : int. How often the devices met the prompt before.
    fading : int. Key of its fading, besides seed and device; see `traces.speculative.draws.visit_key`.
    """

    place: int
    visit: int
    fading: int


@dataclass(frozen=True)
class DeviceRun:
    """What one device did.

    Attributes
    ----------
    device : Device
    sessions : sequence of Session
    arrivals_s : [num_sessions], float, optional. When each was asked for, if not at the end of the one before.
    rounds : Rounds. Groups are the sessions; exchanges that were not over at the end are left out.
    workload, timings : of the same exchanges.
    finished : [num_sessions], bool. Whether all exchanges of the session were over at the end.
    blocked : [num_sessions], bool. Whether the link could never send what the session, or one before it, had to send.
    requests : RequestPlan. When the simulation ended, and from when on it counts.
    link : callable (session, start_s) -> Link. A new curve of the session's link.
    queues_j : [num_sessions, num_exchanges], float, optional
        Joules above the device's budget at each exchange's start; NaN without a budget.
    """

    device: Device
    sessions: Sequence[Session]
    arrivals_s: NDArray[np.float64] | None
    rounds: Rounds
    workload: Workload
    timings: Timings
    finished: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    requests: RequestPlan
    link: Callable[[int, float], Link]
    queues_j: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class RequestPlan:
    """When prompts are asked for, and how many.

    Attributes
    ----------
    arrivals : Arrivals
    per_device : int, optional
        Prompts of each device. If not given, the devices share the trace's prompts, each of which is met once or,
        by more devices than prompts, equally often: the same work for any number of devices.
    until_s : float, optional. When the simulation ends; after the last token if not given.
    warmup_s : float. RequestPlan that arrive before it are simulated and not counted.
    """

    arrivals: Arrivals
    per_device: int | None
    until_s: float | None
    warmup_s: float

    def counts(self, num_devices: int, num_prompts: int) -> list[int]:
        """Prompts of each device, where the arrivals don't say it themselves."""
        if self.per_device is not None:
            return [self.per_device] * num_devices
        total = num_prompts * -(-num_devices // num_prompts)
        return [len(range(number, total, num_devices)) for number in range(num_devices)]


@dataclass(frozen=True)
class Network:
    """Devices that share an uplink and a server.

    Attributes
    ----------
    devices : sequence of Device
    base_station : BaseStation
    requests : RequestPlan
    decider : Decider or ParametricDecider
    """

    devices: Sequence[Device]
    base_station: BaseStation
    requests: RequestPlan
    decider: Decider | ParametricDecider
    _last: LRUCache[int, list[DeviceRun]] = field(
        default_factory=partial(LRUCache, 1), repr=False, compare=False
    )

    @cachedmethod(lambda self: self._last)
    def run(self, seed: int) -> list[DeviceRun]:
        """Simulate every device; the last seed's runs are kept.

        Raises
        ------
        InputError
            If a recorded channel ends, an upload lasts for ever, or a device leaves the path-loss model's range.
        """
        arrivals = self._arrivals(seed)
        sessions = [
            self.sessions(number, own if isinstance(own, int) else len(own))
            for number, own in enumerate(arrivals)
        ]
        jobs = [self._job(seed, number, sessions[number], own) for number, own in enumerate(arrivals)]
        try:
            logs = simulate_base_station(jobs, self.base_station, self.requests.until_s)
        except (LinkNeverSends, ChannelEnded) as error:
            raise InputError([Fault("", "channel", str(error))]) from None
        except LatencyOutOfRange as error:
            raise InputError([Fault("", "server.max_batch", str(error))]) from None
        return [
            _device_run(seed, self.requests, *ours)
            for ours in zip(self.devices, sessions, arrivals, jobs, logs, strict=True)
        ]

    def sessions(self, number: int, count: int) -> list[Session]:
        """Sessions of one device: the devices take prompts in turn; past the last one, they begin again."""
        prompts = self.decider.trace.prompts
        sessions = []
        for turn in range(count):
            visit, place = divmod(number + len(self.devices) * turn, len(prompts))
            sessions.append(Session(place, visit, visit_key(prompts[place], visit, prompts)))
        return sessions

    def _arrivals(self, seed: int) -> list[NDArray[np.float64] | int]:
        """Arrival times of each device's requests, or their number where each follows the one before."""
        counts = self.requests.counts(len(self.devices), len(self.decider.trace.prompts))
        try:
            return self.requests.arrivals.of_devices(seed, counts)
        except (ValueError, OSError) as error:
            raise InputError([Fault("", "requests.arrivals.file", str(error))]) from None

    def _job(
        self, seed: int, number: int, sessions: Sequence[Session], arrivals: NDArray[np.float64] | int
    ) -> DeviceJob:
        device = self.devices[number]

        def link(session: int, start_s: float) -> Link:
            radio = device.radio_at(seed, number, start_s)
            return radio.passing_curve(seed, number, sessions[session].fading)

        def core(session: int) -> Crossings:
            key = seed, number, sessions[session].fading
            up_s, down_s = device.costs.core.crossings_s(*key, self.decider.num_tokens)
            return up_s.tolist(), down_s.tolist()

        work: Work
        if looks_at_channel(device.policy):
            groups = [(session.place, seed, session.visit) for session in sessions]
            assert isinstance(self.decider, Decider), "statistics have no tokens to walk"
            work = ChannelAwareWork(self.decider, device.policy, device.costs, groups)
        else:
            work = Workload.joined(
                [device.plan(seed, visit)[1].take(rows) for visit, rows in _rows(sessions)]
            )
        times_s = None if isinstance(arrivals, int) else arrivals.tolist()
        return DeviceJob(
            work,
            link,
            device.costs.grant_s,
            device.costs.propagation_s,
            times_s,
            None if device.costs.core.free else core,
        )


def _rows(sessions: Sequence[Session]) -> list[tuple[int, NDArray[np.int64]]]:
    """Where the decisions of sessions are: a visit, and rows among those of all complete prompts.

    A device without requests has no rows, of any visit.
    """
    rows = [
        (visit, np.array([session.place for session in own]))
        for visit, own in groupby(sessions, lambda session: session.visit)
    ]
    return rows or [(0, np.array([], np.int64))]


def _device_run(
    seed: int,
    requests: RequestPlan,
    device: Device,
    sessions: Sequence[Session],
    arrivals: NDArray[np.float64] | int,
    job: DeviceJob,
    log: DeviceLog,
) -> DeviceRun:
    if isinstance(job.workload, ChannelAwareWork):
        rounds, workload = job.workload.decided()
        finished = job.workload.over & (log.completed == workload.length)
    else:
        assert isinstance(job.workload, Workload)
        workload = job.workload
        rounds = Rounds.joined([device.plan(seed, visit)[0].take(rows) for visit, rows in _rows(sessions)])
        finished = log.completed == workload.length
    if not finished.all():
        workload = workload.cut(log.completed)
        rounds = replace(rounds, length=workload.tokens.sum(axis=1))
    return DeviceRun(
        device=device,
        sessions=sessions,
        arrivals_s=None if isinstance(arrivals, int) else arrivals,
        rounds=rounds,
        workload=workload,
        timings=log.timings,
        finished=finished,
        blocked=np.arange(len(sessions)) >= log.blocked_from,
        requests=requests,
        link=job.link,
        queues_j=job.workload.queues_j() if isinstance(job.workload, ChannelAwareWork) else None,
    )
