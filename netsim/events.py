"""The event engine: SimPy processes for devices, the uplink and the server.

Every wait is an event of the simulation and every shared thing a resource, for one device as for many.
Simultaneous events are handled in the order in which they were scheduled (SimPy's rule), so the same
input gives the same log. Durations are handed over, not read off the clock: a difference of two large
clock readings would lose digits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import simpy

from netsim.timings import Timings
from netsim.workload import Workload


#: Seconds that bits need from a start on, both counted from the session's own start.
Link = Callable[[float, float], float]


@dataclass(frozen=True)
class DeviceJob:
    """What one device does: its sessions, one after the other.

    Attributes
    ----------
    workload : Workload
    links : sequence of callables ``duration(start_s, bits)``, one per session
    grant_s, propagation_s : float. Seconds before every upload, and of its way.
    """

    workload: Workload
    links: Sequence[Link]
    grant_s: float
    propagation_s: float


class _Cell:
    """The shared parts of the network."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.uplink = simpy.Resource(env)
        self.server = simpy.Resource(env)


def simulate_events(jobs: Sequence[DeviceJob]) -> list[Timings]:
    """Run every device's sessions to their end; one ``Timings`` per device.

    The uplink serves one transmission at a time, and the server one request, first come first served.
    """
    env = simpy.Environment()
    cell = _Cell(env)
    logs: list[list[_Row]] = [[] for _ in jobs]
    for job, log in zip(jobs, logs, strict=True):
        env.process(_device(cell, job, log))
    env.run()
    return [_timings(job.workload, log) for job, log in zip(jobs, logs, strict=True)]


#: grant, uplink, queue, prompt, start, air, prompt's air; in the order of ``Timings``.
_Row = tuple[float, float, float, float, float, float, float]


def _round_rows(workload: Workload, session: int) -> Iterator[tuple[Any, ...]]:
    """Rounds of one session as plain numbers: much faster to loop over than arrays."""
    length = workload.length[session]
    columns = (
        workload.slm_s + workload.slm_prefill_s,
        workload.uncertainty_s,
        workload.uploads,
        workload.bits,
        workload.carries_prompt,
        workload.prompt_bits,
        workload.calls_llm,
        workload.llm_s + workload.llm_prefill_s,
        workload.downlink_s,
    )
    return zip(*(column[session, :length].tolist() for column in columns), strict=True)


def _device(cell: _Cell, job: DeviceJob, log: list[_Row]) -> Generator[simpy.Event, None, None]:
    env, timeout = cell.env, cell.env.timeout
    for session, link in enumerate(job.links):
        elapsed = 0.0
        for slm, unsure, uploads, bits, brings, prompt_bits, calls, llm, down in _round_rows(
            job.workload, session
        ):
            start = env.now
            waited = grant = air = prompt_air = 0.0
            if slm:
                yield timeout(slm)
            if unsure:
                yield timeout(unsure)
            elapsed += slm + unsure
            if uploads or brings:
                grant = job.grant_s
                if grant:
                    yield timeout(grant)
                    elapsed += grant
                with cell.uplink.request() as turn:
                    asked = env.now
                    yield turn
                    waited = env.now - asked
                    elapsed += waited
                    prompt_air = link(elapsed, prompt_bits) if prompt_bits else 0.0
                    air = link(elapsed + prompt_air, bits) if uploads else 0.0
                    yield timeout(prompt_air + air)
                if job.propagation_s:
                    yield timeout(job.propagation_s)
                elapsed += prompt_air + air + job.propagation_s
            if calls:
                with cell.server.request() as turn:
                    asked = env.now
                    yield turn
                    queued = env.now - asked
                    yield timeout(llm)
                if down:
                    yield timeout(down)
                elapsed += queued + llm + down
                waited += queued
            if uploads:
                log.append((grant, air + job.propagation_s, waited, prompt_air, start, air, prompt_air))
            else:
                # A round that sends only the prompt's ids owes its whole upload to the prompt.
                own = grant + prompt_air + job.propagation_s if brings else 0.0
                log.append((0.0, 0.0, waited, own, start, 0.0, prompt_air))


def _timings(workload: Workload, log: list[_Row]) -> Timings:
    timings = Timings.zeros(*workload.slm_s.shape)
    valid = np.arange(workload.slm_s.shape[1]) < workload.length[:, None]
    columns = np.array(log).reshape(-1, len(fields(Timings))).T
    for field, column in zip(fields(Timings), columns, strict=True):
        getattr(timings, field.name)[valid] = column
    return timings
