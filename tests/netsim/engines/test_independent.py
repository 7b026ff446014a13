"""The event engine beside a simulation that shares nothing with it: one heap of events, plain numbers, no processes."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest

from netsim.engines.events import BaseStation, simulate_base_station
from netsim.engines.server import SingleServer
from tests.network_jobs import plain_job

SESSIONS, TOKENS = 3, 7


@dataclass
class Plan:
    """What one device does; tables are [SESSIONS, TOKENS]."""

    slm_s: np.ndarray
    uplink_s: np.ndarray
    llm_s: np.ndarray
    down_s: np.ndarray
    grant_s: float
    propagation_s: float
    arrivals_s: list[float] | None


@dataclass
class Heap:
    """Events by time, then by the order in which they were planned."""

    plans: list[Plan]
    replicas: int
    events: list[tuple[float, int, str, int]] = field(default_factory=list)
    planned: int = 0
    free: dict[str, int] = field(default_factory=dict)
    queues: dict[str, deque[tuple[int, float]]] = field(default_factory=dict)

    def at(self, time_s: float, what: str, device: int) -> None:
        heapq.heappush(self.events, (time_s, self.planned, what, device))
        self.planned += 1

    def run(self) -> dict[str, np.ndarray]:
        """Start, and both waits, of every token: [num_devices, SESSIONS, TOKENS]."""
        shape = len(self.plans), SESSIONS, TOKENS
        logs = {name: np.zeros(shape) for name in ("start", "uplink", "server")}
        self.free = {"uplink": 1, "server": self.replicas}
        self.queues = {"uplink": deque(), "server": deque()}
        turn = [(0, 0)] * len(self.plans)
        for device, plan in enumerate(self.plans):
            self.at(plan.arrivals_s[0] if plan.arrivals_s else 0.0, "begin", device)
        while self.events:
            now, _, what, device = heapq.heappop(self.events)
            plan, (session, token) = self.plans[device], turn[device]
            if what == "begin":
                logs["start"][device, session, token] = now
                sends = plan.uplink_s[session, token] > 0
                before_s = plan.slm_s[session, token] + (plan.grant_s if sends else 0.0)
                self.at(now + before_s, "ask uplink" if sends else "over", device)
            elif what.startswith("ask"):
                self._ask(what[4:], device, now, turn, logs)
            elif what == "uplink done":
                self._leave("uplink", now, turn, logs)
                self.at(now + plan.propagation_s, "ask server", device)
            elif what == "server done":
                self._leave("server", now, turn, logs)
                self.at(now + plan.down_s[session, token], "over", device)
            else:
                self._next(device, plan, turn, now)
        return logs

    def _ask(
        self, place: str, device: int, now: float, turn: list[tuple[int, int]], logs: dict[str, np.ndarray]
    ) -> None:
        if self.free[place]:
            self.free[place] -= 1
            self._serve(place, device, now, now, turn, logs)
        else:
            self.queues[place].append((device, now))

    def _serve(
        self,
        place: str,
        device: int,
        asked: float,
        now: float,
        turn: list[tuple[int, int]],
        logs: dict[str, np.ndarray],
    ) -> None:
        plan, at = self.plans[device], turn[device]
        logs[place][(device, *at)] = now - asked
        service_s = float((plan.uplink_s if place == "uplink" else plan.llm_s)[at])
        self.at(now + service_s, f"{place} done", device)

    def _leave(
        self, place: str, now: float, turn: list[tuple[int, int]], logs: dict[str, np.ndarray]
    ) -> None:
        if self.queues[place]:
            device, asked = self.queues[place].popleft()
            self._serve(place, device, asked, now, turn, logs)
        else:
            self.free[place] += 1

    def _next(self, device: int, plan: Plan, turn: list[tuple[int, int]], now: float) -> None:
        session, token = turn[device]
        token += 1
        if token == TOKENS:
            session, token = session + 1, 0
        if session == SESSIONS:
            return
        turn[device] = session, token
        later = plan.arrivals_s[session] if plan.arrivals_s and token == 0 else 0.0
        self.at(max(now, later), "begin", device)


def plans_of(seed: int, num_devices: int, *, opened: bool) -> list[Plan]:
    rng = np.random.default_rng([41, seed])
    shape = SESSIONS, TOKENS
    plans = []
    for _ in range(num_devices):
        sends = rng.random(shape) < 0.6
        arrivals = np.cumsum(rng.exponential(4.0, SESSIONS)).tolist() if opened else None
        plans.append(
            Plan(
                slm_s=rng.exponential(0.3, shape),
                uplink_s=rng.exponential(0.4, shape) * sends,
                llm_s=rng.exponential(0.5, shape) * sends,
                down_s=rng.exponential(0.05, shape) * sends,
                grant_s=float(rng.exponential(0.05)),
                propagation_s=float(rng.exponential(0.02)),
                arrivals_s=arrivals,
            )
        )
    return plans


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("num_devices", [1, 2, 9])
def test_both_tell_the_same_story(num_devices: int, replicas: int, opened: bool) -> None:
    for seed in range(3):
        plans = plans_of(seed, num_devices, opened=opened)
        jobs = [
            plain_job(
                (SESSIONS, TOKENS),
                slm_s=plan.slm_s,
                bits=plan.uplink_s,
                llm_s=plan.llm_s,
                downlink_s=plan.down_s,
                grant_s=plan.grant_s,
                propagation_s=plan.propagation_s,
                arrivals_s=plan.arrivals_s,
            )
            for plan in plans
        ]
        logs = simulate_base_station(jobs, BaseStation(server=lambda env: SingleServer(env, replicas)))
        story = Heap(plans, replicas).run()
        for device, log in enumerate(logs):
            # Clocks add the same numbers in another order: some 1e-14 s at a hundred seconds.
            times = log.timings
            np.testing.assert_allclose(times.start_s, story["start"][device], rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(times.server_wait_s, story["server"][device], rtol=0, atol=1e-11)
            np.testing.assert_allclose(
                times.queue_s - times.server_wait_s, story["uplink"][device], rtol=0, atol=1e-11
            )
        if num_devices == 9:
            assert story["uplink"].max() > 0  # the case is not empty
