"""Simulate one point of a scenario under one seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from channels.capacity import CapacityCurve
from netsim import build
from netsim.arrays import time_sessions
from netsim.decide import Decider
from netsim.events import DeviceJob, simulate_events
from netsim.radio import Radio
from netsim.rows import COLUMNS, Power, Row, decision_columns, timing_columns
from netsim.scenario import Scenario
from netsim.timings import Timings
from netsim.workload import Costs, Workload, build_workload
from traces.trace import Trace
from traces.walk import Policy, Rounds

#: Rounds that the array engine times in one go: their times stay in a processor's cache.
ROUNDS_AT_ONCE = 2**18


@dataclass(frozen=True)
class Point:
    """One point of a scenario, ready to run.

    What is dear is shared between points: pass the trace and the decider of an earlier one.
    """

    scenario: Scenario
    trace: Trace
    decider: Decider
    policy: Policy
    costs: Costs
    radio: Radio
    power: Power

    @classmethod
    def of(cls, scenario: Scenario, trace: Trace | None = None, decider: Decider | None = None) -> Point:
        """Build a point of a scenario (its ``sweep`` is not looked at).

        Raises
        ------
        InputError
            If the scenario asks for what can't be had: a missing trace, an unknown latency profile, …
        """
        build.refuse_unbuilt(scenario)
        trace = trace or build.open_trace(scenario)
        return cls(
            scenario=scenario,
            trace=trace,
            decider=decider or build.build_decider(scenario, trace),
            policy=build.build_policy(scenario.policy),
            costs=build.build_costs(scenario, trace),
            radio=build.build_radio(scenario),
            power=build.build_power(scenario),
        )

    def with_policy(self, scenario: Scenario) -> Point:
        """Build the same point under the policy of a scenario that differs in nothing else."""
        return replace(self, scenario=scenario, policy=build.build_policy(scenario.policy))

    def engine(self, wanted: str) -> str:
        """The engine that times this point: ``events`` or ``arrays``, for ``auto`` the faster exact one."""
        return "events" if wanted == "events" else "arrays"

    def rounds(self, seed: int) -> Rounds:
        """Decisions of every prompt."""
        return self.decider.rounds(self.policy, seed)

    def workload(self, rounds: Rounds) -> Workload:
        """Work of every round."""
        return build_workload(rounds, self.decider.prompt_tokens, self.costs, drafts=self.policy.drafts)

    def timings(self, workload: Workload, seed: int) -> Timings:
        """Times of every round by the event engine."""
        links = [self.radio.curve(seed, 0, prompt) for prompt in self.trace.prompts]
        job = DeviceJob(workload, links, self.costs.grant_s, self.costs.propagation_s)
        return simulate_events([job])[0]

    def array_timings(self, workloads: Sequence[Workload], seeds: Sequence[int]) -> list[Timings]:
        """Times of every round of several workloads under several seeds, by the array engine."""

        def curve(seed: int, session: int, num_blocks: int) -> CapacityCurve:
            return self.radio.new_curve(seeds[seed], 0, self.trace.prompts[session], num_blocks)

        return time_sessions(workloads, curve, len(seeds), self.costs.grant_s, self.costs.propagation_s)

    def row(self, seed: int, engine: str = "auto") -> Row:
        """Result columns of ``netsim.rows.COLUMNS`` under one seed."""
        if self.engine(engine) == "arrays":
            return next(array_rows([self], [seed]))[1]
        rounds = self.rounds(seed)
        workload = self.workload(rounds)
        return next(self._rows(rounds, workload, self.timings(workload, seed), [seed], "events"))

    def _rows(
        self, rounds: Rounds, workload: Workload, timings: Timings, seeds: Sequence[int], engine: str
    ) -> Iterator[Row]:
        """Rows of seeds that share their decisions."""
        decided = decision_columns(rounds, workload, drafts=self.policy.drafts)
        count_prompt = self.scenario.latency.prefill
        timed = timing_columns(workload, timings, self.power, count_prompt=count_prompt)
        values = [np.broadcast_to(column, len(seeds)).tolist() for column in timed.values()]
        for seed, *own in zip(seeds, *values, strict=True):
            row = {
                "seed": seed,
                "token_seed": self.decider.token_seed(seed),
                "engine": engine,
                **decided,
                **dict(zip(timed, own, strict=True)),
                "source_top_p": self.trace.manifest.sampler.top_p,
            }
            yield {name: row[name] for name in COLUMNS}


def array_rows(points: Sequence[Point], seeds: Sequence[int]) -> Iterator[tuple[int, Row]]:
    """Rows of points that differ in their policy alone, by the array engine.

    Yields
    ------
    int, Row
        Number of the point in ``points``, and its row of one of the seeds; in no particular order.
    """
    first = points[0]
    by_token_seed: dict[int, list[int]] = {}
    for seed in seeds:
        by_token_seed.setdefault(first.decider.token_seed(seed), []).append(seed)
    for alike in by_token_seed.values():
        rounds = [point.rounds(alike[0]) for point in points]
        workloads = [point.workload(decided) for point, decided in zip(points, rounds, strict=True)]
        at_once = max(1, ROUNDS_AT_ONCE // sum(workload.slm_s.size for workload in workloads))
        for start in range(0, len(alike), at_once):
            part = alike[start : start + at_once]
            timings = first.array_timings(workloads, part)
            for number, point in enumerate(points):
                of_point = rounds[number], workloads[number], timings[number]
                for row in point._rows(*of_point, part, "arrays"):  # noqa: SLF001  (of its own class)
                    yield number, row


def simulate(scenario: Scenario, seed: int = 0) -> Row:
    """Simulate one point under one seed.

    Parameters
    ----------
    scenario : Scenario
        Without a sweep; of one with a sweep, the point that its base describes.
    seed : int
        Fading seed; the token seed follows from it (``token_seed`` in the result).

    Returns
    -------
    mapping of column to value, in the order of ``netsim.rows.COLUMNS``; None where undefined

    Raises
    ------
    InputError
        If the scenario asks for what can't be had.
    """
    return Point.of(scenario).row(seed)
