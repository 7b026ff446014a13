"""Closed networks against the asymptotic bounds of operational analysis (Denning and Buzen, 1978)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netsim.engines.events import BaseStation, simulate_base_station, simulate_events
from tests.network_jobs import plain_job

THINK_S, UPLINK_S, SERVER_S = 1.0, 0.4, 0.25
TOKENS = 200


def ends_s(num_devices: int) -> list[np.ndarray]:
    """When each token of each device was over."""
    work: dict[str, Any] = {"slm_s": THINK_S, "bits": UPLINK_S, "llm_s": SERVER_S}
    logs = simulate_base_station([plain_job((1, TOKENS), **work) for _ in range(num_devices)], BaseStation())
    tables = [log.timings for log in logs]
    return [table.start_s[0] + THINK_S + table.uplink_s[0] + table.queue_s[0] + SERVER_S for table in tables]


def test_alone_every_token_takes_the_sum_of_its_stages() -> None:
    assert TOKENS / ends_s(1)[0][-1] == pytest.approx(1 / (THINK_S + UPLINK_S + SERVER_S), rel=1e-12)


@pytest.mark.parametrize("num_devices", [2, 3, 4, 5, 10, 30])
def test_throughput_keeps_the_bounds(num_devices: int) -> None:
    ends = ends_s(num_devices)
    horizon_s = min(end[-1] for end in ends)  # until the first device runs out
    tokens = sum(int((end <= horizon_s).sum()) for end in ends)
    demand_s = UPLINK_S + SERVER_S
    assert tokens <= min(num_devices / (THINK_S + demand_s), 1 / UPLINK_S) * horizon_s * (1 + 1e-12)
    # At worst a device waits for all the others at both stations: a whole number of such cycles fits in.
    assert tokens >= num_devices * int(horizon_s / (THINK_S + num_devices * demand_s))


@pytest.mark.parametrize("num_devices", [5, 10, 30])
def test_a_saturated_uplink_never_rests(num_devices: int) -> None:
    # From N* = (Z + D) / D_max = 4.1 devices on, one always waits: the uplink rests only until the first one
    # comes. What it sent but is not over yet is at most one token a device.
    ends = ends_s(num_devices)
    horizon_s = min(end[-1] for end in ends)
    tokens = sum(int((end <= horizon_s).sum()) for end in ends)
    sent = (horizon_s - THINK_S) / UPLINK_S
    assert sent - num_devices - 1 <= tokens <= sent


def test_nothing_overtakes() -> None:
    rng = np.random.default_rng(3)
    thinks_s, bits = rng.exponential(1.0, (8, 30)), rng.exponential(0.3, (8, 30))
    jobs = [plain_job((1, 30), slm_s=think_s, bits=own) for think_s, own in zip(thinks_s, bits, strict=True)]
    timings = simulate_events(jobs)
    asked = np.concatenate([t.start_s[0] for t in timings]) + thinks_s.ravel()
    served = asked + np.concatenate([t.queue_s[0] for t in timings])
    order = np.argsort(asked)
    assert (np.diff(served[order]) > -1e-9).all()


def test_simultaneous_requests_go_by_device_number() -> None:
    timings = simulate_events([plain_job((1, 3), slm_s=1.0, bits=0.5) for _ in range(3)])
    assert [table.queue_s[0, 0] for table in timings] == [0.0, 0.5, 1.0]


def test_the_same_input_gives_the_same_log() -> None:
    def run() -> bytes:
        jobs = [plain_job((2, 20), slm_s=0.1 * (1 + j), bits=0.2, llm_s=0.1) for j in range(5)]
        return b"".join(table.start_s.tobytes() + table.queue_s.tobytes() for table in simulate_events(jobs))

    assert run() == run()
