"""A device that is ahead of the simulation as far as nobody can notice: the same times as event by event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import simpy

from netsim.engines.events import BaseStation, DeviceJob, DeviceLog, simulate_base_station
from netsim.engines.server import BatchingServer, Server, SingleServer
from netsim.engines.uplink import FifoUplink, Foresight, Uplink
from netsim.radio.link import Link
from tests.network_jobs import plain_job


class PlainUplink:
    """First come, first served, with no word about what comes."""

    def __init__(self, env: simpy.Environment) -> None:
        self._uplink = FifoUplink(env)

    def send(self, device: int, link: Link, elapsed_s: float, prompt_bits: float, bits: float) -> simpy.Event:
        return self._uplink.send(device, link, elapsed_s, prompt_bits, bits)


class PlainServer:
    """Another server, with no word about what comes."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def serve(self, pass_s: float, context: int, positions: int) -> simpy.Event:
        return self._server.serve(pass_s, context, positions)


def batch_pass_s(context: int, positions: int, batch: int) -> float:
    return 0.3 + 0.1 * batch + 0.001 * context + 0.01 * positions


#: By name, what makes a server.
SERVERS: dict[str, Callable[[simpy.Environment], Server]] = {
    "one replica": lambda env: SingleServer(env, 1),
    "two replicas": lambda env: SingleServer(env, 2),
    "batches": lambda env: BatchingServer(env, 1, 3, 0.0, batch_pass_s),
    "batches that wait": lambda env: BatchingServer(env, 2, 3, 0.2, batch_pass_s),
}


def random_jobs(seed: int, num_devices: int, *, busy: bool) -> list[DeviceJob]:
    """Devices that keep some tokens and ask for others; the less busy, the longer all wait between two sessions."""
    rng = np.random.default_rng(seed)
    shape = 3, 12
    jobs = []
    for _ in range(num_devices):
        asks = rng.random(shape) < 0.6
        work: dict[str, Any] = {
            "slm_s": rng.exponential(0.5, shape),
            "bits": np.where(asks, rng.exponential(0.4, shape), 0.0),
            "prompt_bits": np.eye(1, shape[1]) * rng.exponential(0.3, (shape[0], 1)),
            "llm_s": np.where(asks, rng.exponential(0.3, shape), 0.0),
            "downlink_s": np.where(asks, 0.05, 0.0),
        }
        arrivals_s = np.cumsum(rng.exponential(4.0 if busy else 200.0, shape[0]))
        jobs.append(plain_job(shape, **work, arrivals_s=arrivals_s.tolist()))
    return jobs


def all_times(logs: list[DeviceLog]) -> dict[str, list[float]]:
    """Every number of every device, by name, and the exchanges that were over."""
    times = {
        field.name: [float(value) for log in logs for value in getattr(log.timings, field.name).flat]
        for field in fields(logs[0].timings)
    }
    return times | {"completed": [float(count) for log in logs for count in log.completed]}


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("num_devices", "busy"), [(1, True), (3, False), (3, True), (12, True)])
def test_the_same_times_as_event_by_event(num_devices: int, busy: bool, server: str, cut: bool) -> None:
    make, until_s = SERVERS[server], (12.0 if busy else 300.0) if cut else None
    for seed in range(4):
        jobs = random_jobs(seed, num_devices, busy=busy)
        ahead = simulate_base_station(jobs, BaseStation(server=make), until_s)
        plain = simulate_base_station(
            jobs, BaseStation(PlainUplink, lambda env: PlainServer(make(env))), until_s
        )
        found, expected = all_times(ahead), all_times(plain)
        assert 0 < sum(found["completed"]) <= 36 * num_devices - cut
        for name, values in expected.items():
            # Both add up the same seconds, in another order: some roundings of times of some 100 s.
            np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-11, err_msg=name)


def scheduled_events(
    jobs: list[DeviceJob], base_station: BaseStation, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Events of a whole simulation."""
    count = 0
    schedule = simpy.Environment.schedule

    def counted(env: simpy.Environment, *event: Any) -> None:
        nonlocal count
        count += 1
        schedule(env, *event)

    with monkeypatch.context() as patched:
        patched.setattr(simpy.Environment, "schedule", counted)
        simulate_base_station(jobs, base_station)
    return count


@pytest.mark.parametrize("server", SERVERS)
def test_a_device_alone_needs_an_event_a_session(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = random_jobs(5, 1, busy=False)
    # The process begins and ends; each of three sessions is waited for, and waited through.
    assert scheduled_events(jobs, BaseStation(server=SERVERS[server]), monkeypatch) == 2 + 2 * 3
    plain = BaseStation(PlainUplink, lambda env: PlainServer(SERVERS[server](env)))
    assert scheduled_events(jobs, plain, monkeypatch) > 2 + 2 * 3 + 2 * 12


def test_an_upload_that_ends_as_another_begins_is_not_foreseen() -> None:
    """At one and the same moment the order of events decides: both have to be events."""
    waits = []
    for uplink in (FifoUplink, PlainUplink):
        jobs = [
            plain_job((1, 1), bits=1.0, arrivals_s=[0.0]),
            plain_job((1, 1), bits=1.0, arrivals_s=[1.0]),
        ]
        logs = simulate_base_station(jobs, BaseStation(uplink))
        waits.append([float(log.timings.queue_s[0, 0]) for log in logs])
    assert waits == [[0.0, 0.0], [0.0, 0.0]]


def test_who_can_say_what_comes() -> None:
    env = simpy.Environment()
    shared: list[Uplink | Server] = [FifoUplink(env), *(make(env) for make in SERVERS.values())]
    assert all(isinstance(one, Foresight) for one in shared)
    assert not isinstance(PlainUplink(env), Foresight)
