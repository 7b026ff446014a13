"""Several devices at work under one seed: who works on which prompt, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from channels.capacity import ChannelEnded, LinkNeverSends
from channels.passing import PassingCurve
from netsim.costs.latency import LatencyOutOfRange
from netsim.costs.workload import Costs, Workload
from netsim.deciding.channel_aware import LiveWork, looks_at_channel
from netsim.deciding.parametric import ParametricDecider
from netsim.deciding.recorded import Decider
from netsim.engines.arrivals import Arrivals
from netsim.engines.events import Cell, DeviceJob, DeviceLog, Work, simulate_cell
from netsim.engines.timings import Timings
from netsim.errors import Fault, InputError
from netsim.radio.link import Link, Radio
from netsim.radio.placement import Place
from traces.speculative.rounds import Policy, Rounds


@dataclass(frozen=True)
class Device:
    """What one device is.

    Attributes
    ----------
    policy : Policy
    costs : Costs
    radio : Radio. At its own mean SNR, or that of its place.
    place : Place, optional
    plan : callable. Decisions and work of every complete prompt under a seed.
    """

    policy: Policy
    costs: Costs
    radio: Radio
    place: Place | None
    plan: Callable[[int], tuple[Rounds, Workload]]

    def radio_at(self, seed: int, number: int, now_s: float) -> Radio:
        """Radio of a session that starts at ``now_s``."""
        return self.radio if self.place is None else self.place.radio(self.radio, seed, number, now_s)


@dataclass(frozen=True)
class Session:
    """One prompt that a device works on.

    Attributes
    ----------
    place : int. Of the prompt among the complete ones.
    seed : int. Its tokens are those of this seed's token seed.
    fading : int. Key of its fading, besides seed and device: the prompt's number in its trace, or above those
        where the device meets the prompt again.
    """

    place: int
    seed: int
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
    link : callable (session, start_s) -> Link. A new curve of the session's link.
    """

    device: Device
    sessions: Sequence[Session]
    arrivals_s: NDArray[np.float64] | None
    rounds: Rounds
    workload: Workload
    timings: Timings
    finished: NDArray[np.bool_]
    link: Callable[[int, float], Link]


@dataclass(frozen=True)
class Requests:
    """When prompts are asked for, and how many.

    Attributes
    ----------
    arrivals : Arrivals
    per_device : int, optional. Prompts of each device; its share of the trace's if not given.
    until_s : float, optional. When the simulation ends; after the last token if not given.
    """

    arrivals: Arrivals
    per_device: int | None = None
    until_s: float | None = None


@dataclass(frozen=True)
class Network:
    """Devices that share an uplink and a server.

    Attributes
    ----------
    devices : sequence of Device
    cell : Cell
    requests : Requests
    decider : Decider or ParametricDecider
    """

    devices: Sequence[Device]
    cell: Cell
    requests: Requests
    decider: Decider | ParametricDecider
    _last: dict[int, list[DeviceRun]] = field(default_factory=dict, repr=False, compare=False)

    def run(self, seed: int) -> list[DeviceRun]:
        """Simulate every device; the last seed's runs are kept.

        Raises
        ------
        InputError
            If a link can't send, a recorded channel ends, or a device leaves the path-loss model's range.
        """
        if seed not in self._last:
            self._last.clear()
            self._last[seed] = self._run(seed)
        return self._last[seed]

    def _run(self, seed: int) -> list[DeviceRun]:
        arrivals = self._arrivals(seed)
        sessions = [
            self.sessions(seed, number, own if isinstance(own, int) else len(own))
            for number, own in enumerate(arrivals)
        ]
        jobs = [self._job(seed, number, sessions[number], own) for number, own in enumerate(arrivals)]
        try:
            logs = simulate_cell(jobs, self.cell, self.requests.until_s)
        except (LinkNeverSends, ChannelEnded) as error:
            raise InputError([Fault("", "channel", str(error))]) from None
        except LatencyOutOfRange as error:
            raise InputError([Fault("", "server.max_batch", str(error))]) from None
        return [
            _device_run(seed, *ours)
            for ours in zip(self.devices, sessions, arrivals, jobs, logs, strict=True)
        ]

    def sessions(self, seed: int, number: int, count: int) -> list[Session]:
        """Sessions of one device: the devices take prompts in turn; past the last one, of the next token seed."""
        prompts = self.decider.trace.prompts
        turns = [number + len(self.devices) * turn for turn in range(count)]
        visits: dict[int, int] = {}
        sessions = []
        for turn in turns:
            place = turn % len(prompts)
            again = visits.get(place, 0)
            visits[place] = again + 1
            fading = prompts[place] + again * (1 + max(prompts))
            sessions.append(Session(place, seed + turn // len(prompts), fading))
        return sessions

    def _arrivals(self, seed: int) -> list[NDArray[np.float64] | int]:
        """Arrival times of each device's requests, or their number where each follows the one before."""
        share = math.ceil(len(self.decider.trace.prompts) / len(self.devices))
        count = self.requests.per_device or share
        try:
            return self.requests.arrivals.of_devices(seed, len(self.devices), count)
        except (ValueError, OSError) as error:
            raise InputError([Fault("", "requests.arrivals.file", str(error))]) from None

    def _job(
        self, seed: int, number: int, sessions: Sequence[Session], arrivals: NDArray[np.float64] | int
    ) -> DeviceJob:
        device = self.devices[number]

        def link(session: int, start_s: float) -> PassingCurve:
            radio = device.radio_at(seed, number, start_s)
            return radio.passing_curve(seed, number, sessions[session].fading)

        work: Work
        if looks_at_channel(device.policy):
            groups = [(session.place, session.seed) for session in sessions]
            assert isinstance(self.decider, Decider), "statistics have no tokens to walk"
            work = LiveWork(self.decider, device.policy, device.costs, groups)
        else:
            work = Workload.joined(
                [device.plan(own_seed)[1].take(rows) for own_seed, rows in _rows(seed, sessions)]
            )
        times_s = None if isinstance(arrivals, int) else arrivals.tolist()
        return DeviceJob(work, link, device.costs.grant_s, device.costs.propagation_s, times_s)


def _rows(seed: int, sessions: Sequence[Session]) -> list[tuple[int, NDArray[np.int64]]]:
    """Where the decisions of sessions are: a seed, and rows among those of all complete prompts.

    A device without requests has no rows, of any seed.
    """
    rows = [(session.seed, np.array([session.place])) for session in sessions]
    return rows or [(seed, np.array([], np.int64))]


def _device_run(
    seed: int,
    device: Device,
    sessions: Sequence[Session],
    arrivals: NDArray[np.float64] | int,
    job: DeviceJob,
    log: DeviceLog,
) -> DeviceRun:
    if isinstance(job.workload, LiveWork):
        rounds, workload = job.workload.decided()
        finished = job.workload.over & (log.completed == workload.length)
    else:
        assert isinstance(job.workload, Workload)
        workload = job.workload
        rounds = Rounds.joined(
            [device.plan(own_seed)[0].take(rows) for own_seed, rows in _rows(seed, sessions)]
        )
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
        link=job.link,
    )
