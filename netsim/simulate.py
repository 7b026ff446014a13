"""Simulate one point of a scenario under one seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netsim import build
from netsim.decide import Decider
from netsim.events import DeviceJob, simulate_events
from netsim.radio import Radio
from netsim.rows import COLUMNS, Power, Row, decision_columns, timing_columns
from netsim.scenario import Scenario
from netsim.timings import Timings
from netsim.workload import Costs, Workload, build_workload
from traces.trace import Trace
from traces.walk import Policy, Rounds


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
        """The engine that times this point: ``events`` or ``arrays``, for ``auto`` the faster exact one.

        Raises
        ------
        InputError
            If ``arrays`` is wanted where it is not exact.
        """
        if wanted == "arrays":
            raise build.fault("engine", "not built yet, given 'arrays', allowed: auto or events")
        return "events"

    def rounds(self, seed: int) -> Rounds:
        """Decisions of every prompt."""
        return self.decider.rounds(self.policy, seed)

    def workload(self, rounds: Rounds) -> Workload:
        """Work of every round."""
        return build_workload(rounds, self.decider.prompt_tokens, self.costs, drafts=self.policy.drafts)

    def timings(self, workload: Workload, seed: int) -> Timings:
        """Times of every round by the event engine."""
        links = [self.radio.curve(seed, 0, prompt).duration for prompt in self.trace.prompts]
        job = DeviceJob(workload, links, self.costs.grant_s, self.costs.propagation_s)
        return simulate_events([job])[0]

    def row(self, seed: int, engine: str = "auto") -> Row:
        """Result columns of ``netsim.rows.COLUMNS`` under one seed."""
        used = self.engine(engine)
        rounds = self.rounds(seed)
        workload = self.workload(rounds)
        timings = self.timings(workload, seed)
        count_prompt = self.scenario.latency.prefill
        return {
            "seed": seed,
            "token_seed": self.decider.token_seed(seed),
            "engine": used,
            **decision_columns(rounds, workload, drafts=self.policy.drafts),
            **timing_columns(workload, timings, self.power, count_prompt=count_prompt),
            "source_top_p": self.trace.manifest.sampler.top_p,
        }


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
    row = Point.of(scenario).row(seed)
    return {name: row[name] for name in COLUMNS}
