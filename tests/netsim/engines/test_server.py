"""Batching and replicas against cases worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netsim.costs.latency import ConstantLatency
from netsim.costs.workload import Workload
from netsim.engines.events import BaseStation, DeviceLog, simulate_base_station
from netsim.engines.server import BatchingServer, SingleServer, batch_seconds
from tests.network_jobs import plain_job


def batch_pass_s(context: int, positions: int, batch: int) -> float:  # noqa: ARG001  (the server's interface)
    """1 s for one request, a quarter more for each further one."""
    return 1.0 + 0.25 * (batch - 1)


def served(
    arrivals_s: list[float], *, replicas: int = 1, max_batch: int = 1, window_s: float = 0.0
) -> list[DeviceLog]:
    if max_batch == 1:
        base_station = BaseStation(server=lambda env: SingleServer(env, replicas))
    else:
        base_station = BaseStation(
            server=lambda env: BatchingServer(env, replicas, max_batch, window_s, batch_pass_s)
        )
    jobs = [plain_job((1, 1), llm_s=1.0, arrivals_s=[time_s]) for time_s in arrivals_s]
    return simulate_base_station(jobs, base_station)


def waits_s(logs: list[DeviceLog]) -> list[float]:
    return [float(log.timings.queue_s[0, 0]) for log in logs]


def batch_s(logs: list[DeviceLog]) -> list[float]:
    """What the batch added to the pass of 1 s."""
    return [float(log.timings.batch_s[0, 0]) for log in logs]


def test_one_replica_serves_in_order() -> None:
    logs = served([0.0, 0.25, 0.5])
    assert waits_s(logs) == [0.0, 0.75, 1.5]
    assert all(log.timings.server_wait_s[0, 0] == log.timings.queue_s[0, 0] for log in logs)


def test_two_replicas_serve_two() -> None:
    assert waits_s(served([0.0, 0.25, 0.5], replicas=2)) == [0.0, 0.0, 0.5]


def test_a_batch_takes_all_that_wait() -> None:
    # The first goes alone at 0; the other two at 1, in a pass of 1.25 s; the last at 2.25.
    logs = served([0.0, 0.25, 0.5, 1.5], max_batch=4)
    assert waits_s(logs) == [0.0, 0.75, 0.5, 0.75]
    assert batch_s(logs) == [0.0, 0.25, 0.25, 0.0]


def test_a_batch_is_no_larger_than_allowed() -> None:
    logs = served([0.0, 0.1, 0.2, 0.3], max_batch=2)
    assert waits_s(logs) == pytest.approx([0.0, 0.9, 0.8, 1.95])
    assert batch_s(logs) == pytest.approx([0.0, 0.25, 0.25, 0.0])


def test_a_window_gathers_a_batch() -> None:
    # The first waits 0.5 s for company; the third comes too late and waits its own 0.5 s from 0.75 on,
    # but the replica is free only at 1.75.
    logs = served([0.0, 0.25, 0.75], max_batch=3, window_s=0.5)
    assert waits_s(logs) == [0.5, 0.25, 1.0]
    assert batch_s(logs) == [0.25, 0.25, 0.0]


def test_a_full_batch_does_not_wait_for_its_window() -> None:
    assert waits_s(served([0.0, 0.25], max_batch=2, window_s=5.0)) == [0.25, 0.0]


def test_replicas_gather_their_own_batches() -> None:
    logs = served([0.0, 0.0, 0.0, 0.0], replicas=2, max_batch=2, window_s=1.0)
    assert waits_s(logs) == [0.0] * 4
    assert batch_s(logs) == [0.25] * 4


def test_a_batch_is_padded_to_its_longest_members() -> None:
    asked: list[tuple[int, int, int]] = []

    def seconds(context: int, positions: int, batch: int) -> float:
        asked.append((context, positions, batch))
        return 1.0

    jobs = [plain_job((1, 1), llm_s=1.0, arrivals_s=[time_s]) for time_s in (0.0, 0.25, 0.5)]
    for job, context, positions in zip(jobs, (5, 9, 3), (1, 2, 4), strict=True):
        assert isinstance(job.workload, Workload)
        job.workload.llm_context[:] = context
        job.workload.llm_positions[:] = positions
    simulate_base_station(jobs, BaseStation(server=lambda env: BatchingServer(env, 1, 8, 0.0, seconds)))
    assert asked == [(5, 1, 1), (9, 4, 2)]


def test_a_batch_of_one_is_a_single_request() -> None:
    rng = np.random.default_rng(4)
    work: dict[str, Any] = {"slm_s": rng.exponential(1.0, (2, 20)), "llm_s": 0.5}
    seconds = batch_seconds(ConstantLatency(0.5))
    alone, batched = (
        simulate_base_station([plain_job((2, 20), **work)], BaseStation(server=server))[0].timings
        for server in (lambda env: SingleServer(env, 1), lambda env: BatchingServer(env, 1, 8, 0.0, seconds))
    )
    np.testing.assert_array_equal(alone.start_s, batched.start_s)


def test_the_longest_members_of_a_batch_may_be_two() -> None:
    """Three requests wait: the pass takes the largest context of one and the most new positions of another."""
    asked: list[tuple[int, int, int]] = []

    def seconds(context: int, positions: int, batch: int) -> float:
        asked.append((context, positions, batch))
        return 1.0

    passes = [(5, 1), (3, 1), (40, 2), (10, 7)]  # the first goes alone
    jobs = []
    for number, (context, positions) in enumerate(passes):
        job = plain_job((1, 1), llm_s=1.0, arrivals_s=[0.1 * number])
        assert isinstance(job.workload, Workload)
        job.workload.llm_context[:], job.workload.llm_positions[:] = context, positions
        jobs.append(job)
    simulate_base_station(jobs, BaseStation(server=lambda env: BatchingServer(env, 1, 8, 0.0, seconds)))
    assert asked == [(5, 1, 1), (40, 7, 3)]
