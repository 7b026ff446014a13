"""Simulate one point of a scenario under one seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from cachetools import cachedmethod

from netsim.costs.energy import Power
from netsim.costs.workload import Costs, Workload, build_workload
from netsim.deciding.parametric import ParametricDecider, ParametricTrace
from netsim.deciding.plans import Decided, PlanKey, Plans, lean, new_plans
from netsim.deciding.policies import terms_of
from netsim.deciding.recorded import Decider
from netsim.engines.network import DeviceRun, Network
from netsim.errors import at_key
from netsim.radio.link import Radio
from netsim.results.array_rows import ArrayRows, Chosen
from netsim.results.columns import NAMES, undefined
from netsim.results.devices import device_table, pooled_columns
from netsim.results.facts import Similar
from netsim.results.prompt_sums import FloatArray, pooled_sums
from netsim.results.rows import (
    ONE_DEVICE,
    Row,
    RowBlock,
    decision_columns,
    key_columns,
    similarity_columns,
    source_columns,
)
from netsim.results.similarity_file import StoredSimilarities
from netsim.results.timeline import spans
from netsim.results.token_log import token_log
from netsim.scenario import Scenario, ScenarioLike, assembly, load_grid
from netsim.scenario.assembly import Plan, build_network, build_policy, network_key
from netsim.scenario.billing import build_costs
from netsim.scenario.memory import check_windows
from netsim.scenario.policy_context import policy_context
from traces.format.trace import Trace
from traces.speculative.rounds import Policy, Rounds

if TYPE_CHECKING:
    import pandas as pd

#: What each prompt adds to a row.
Sums = dict[str, FloatArray]


def _plan_key(point: Point, seed: int, visit: int = 0) -> PlanKey:
    """What a plan depends on, of points that share what is kept."""
    return point.policy, point.decider.draws_key(seed, visit)


@dataclass(frozen=True)
class Point:
    """One point of a scenario, ready to run.

    What is dear is shared between points: pass the trace and the decider of an earlier one.
    """

    scenario: Scenario
    trace: Trace | ParametricTrace
    decider: Decider | ParametricDecider
    policy: Policy
    costs: Costs
    radio: Radio
    power: Power
    similarities: StoredSimilarities | None = None
    _plans: Plans = field(default_factory=new_plans, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        trace: Trace | ParametricTrace | None = None,
        decider: Decider | ParametricDecider | None = None,
    ) -> Point:
        """Build a point of a scenario (its ``sweep`` is not looked at).

        Raises
        ------
        InputError
            If the scenario asks for what can't be had: a missing trace, an unknown latency profile, …
        """
        trace = trace or assembly.open_source(scenario)
        point = cls(
            scenario=scenario,
            trace=trace,
            decider=decider or assembly.build_decider(scenario, trace),
            policy=build_policy(scenario.policy, policy_context(scenario, trace)),
            costs=build_costs(scenario, trace),
            radio=_radio(scenario),
            power=scenario.energy.build(scenario.site),
            similarities=assembly.open_similarities(trace),
        )
        point._check_network()
        return point

    def at(self, scenario: Scenario) -> Point:
        """Build the point of a scenario that differs in policy, channel or energy alone; the rest is shared."""
        same_channel = scenario.channel == self.scenario.channel
        if not same_channel and scenario.downlink.snr_db is not None:
            # The downlink's rate follows from the channel's law and bandwidth: nothing of the work is shared.
            return Point.of(scenario, self.trace, self.decider)
        point = replace(
            self,
            scenario=scenario,
            policy=build_policy(scenario.policy, policy_context(scenario, self.trace)),
            radio=self.radio if same_channel else _radio(scenario),
            power=scenario.energy.build(scenario.site),
        )
        point._check_network()  # noqa: SLF001  (of its own class)
        return point

    @cached_property
    def network(self) -> Network:
        """Devices, uplink and server."""

        def plan_of(policy: Policy, costs: Costs) -> Plan:
            same = policy == self.policy and costs == self.costs
            return self.plan if same else replace(self, policy=policy, costs=costs, _plans=new_plans()).plan

        return build_network(self.scenario, self.decider, self.policy, self.costs, plan_of)

    def token_log(self, seed: int) -> pd.DataFrame:
        """A row per token; see `netsim.results.token_log.token_log`."""
        return token_log(self.network.run(seed), self.trace.prompts, seed)

    def spans(self, seed: int) -> pd.DataFrame:
        """Who did what when; see `netsim.results.timeline.spans`."""
        return spans(self.network.run(seed), self.trace.prompts)

    def device_table(self, seed: int) -> pd.DataFrame:
        """What each device got; see `netsim.results.devices.device_table`."""
        count_prompt, deadline_s = self.scenario.latency.prefill, self.scenario.requests.deadline_s
        runs = self.network.run(seed)
        return device_table(runs, self.power, deadline_s=deadline_s, count_prompt=count_prompt)

    def _check_network(self) -> None:
        """Refuse a network that can't be had now, not when it runs."""
        if network_key(self.scenario, self.policy) and (num_devices := len(self.network.devices)) > 1:
            seed = self.scenario.seed_values()[0]
            check_windows(num_devices, self.radio, self.costs, self.policy, lambda: self.plan(seed))

    def engine(self, wanted: str) -> str:
        """The engine that times this point: ``events`` or ``arrays``, for ``auto`` the faster exact one.

        Raises
        ------
        InputError
            If ``arrays`` is wanted where something is shared, and waiting therefore possible.
        """
        shared = network_key(self.scenario, self.policy) or ("channel" if self.radio.never_sends else None)
        if wanted == "arrays" and shared:
            raise assembly.fault(shared, "needs the event engine, allowed: --engine auto or events")
        return "events" if wanted == "events" or shared else "arrays"

    def rounds(self, seed: int) -> Rounds:
        """Decisions of every prompt."""
        return self.plan(seed)[0]

    @cachedmethod(lambda self: self._plans, key=_plan_key)
    def plan(self, seed: int, visit: int = 0) -> Decided:
        """Decisions and work of every round: the same for seeds that share their draws, and for every channel."""
        rounds = self.decider.rounds(self.policy, seed, visit)
        work = build_workload(rounds, self.decider.prompt_tokens, self.costs, terms_of(self.policy))
        return lean(rounds), lean(work)

    def row(self, seed: int, engine: str = "auto") -> Row:
        """Result columns of ``netsim.results.columns.NAMES`` under one seed."""
        return self.result(seed, engine)[0]

    def result(self, seed: int, engine: str = "auto") -> tuple[Row, Sums]:
        """The row, and what each prompt adds to it: each of ``netsim.results.prompt_sums.SUMS``, [num_prompts]."""
        return next(self.block(seed, engine).rows())

    def block(self, seed: int, engine: str = "auto") -> RowBlock:
        """The row under one seed, as what `array_blocks` yields."""
        if self.engine(engine) == "arrays":
            [block] = array_blocks([self], [seed])
            return block
        # One path of events for one device and for many.
        return RowBlock.alone(seed, *self._network_row(self.network.run(seed), seed))

    def _network_row(self, runs: Sequence[DeviceRun], seed: int) -> tuple[Row, Sums]:
        count_prompt, deadline_s = self.scenario.latency.prefill, self.scenario.requests.deadline_s
        row = {
            **pooled_columns(runs, self.power, count_prompt=count_prompt, deadline_s=deadline_s),
            **key_columns(seed, self.decider.token_seed(seed), "events"),
            **self._similarity(seed),
            **source_columns(self.trace),
        }
        sums = pooled_sums(runs, len(self.trace.prompts), self.power, count_prompt=count_prompt)
        return {name: row[name] for name in NAMES}, sums

    def _similarity(self, seed: int) -> Row:
        """Columns of texts of a device that meets each prompt once; of others they are undefined."""
        if network_key(self.scenario, self.policy):
            return undefined(Similar)
        return similarity_columns(self.similarities, self.rounds(seed), self.decider.token_seed(seed))

    def _decided(self, rounds: Rounds, workload: Workload, token_seed: int) -> Row:
        """Columns that all seeds of a token seed share."""
        return {
            **decision_columns(rounds, workload, drafts=self.policy.drafts),
            **similarity_columns(self.similarities, rounds, token_seed),
            **source_columns(self.trace),
        }

    def _chosen(self, points: list[int], seed: int) -> Chosen:
        """What the policy decides, for rows of so many points."""
        rounds, workload = self.plan(seed)
        token_seed = self.decider.token_seed(seed)
        shared = {
            **key_columns(seed, token_seed, "arrays"),
            **ONE_DEVICE,
            **self._decided(rounds, workload, token_seed),
        }
        return Chosen(points, rounds, workload, self.policy.drafts, shared)


def array_blocks(points: Sequence[Point], seeds: Sequence[int]) -> Iterator[RowBlock]:
    """Rows of points that differ in their policy and mean SNR alone, by the array engine; in no particular order.

    Rows of one policy and several SNRs are a block: they share what is decided, and those of a seed what is drawn.
    """
    by_snr: dict[float, list[int]] = {}
    for number, point in enumerate(points):
        by_snr.setdefault(point.radio.snr, []).append(number)
    # Every SNR of a sweep has the same policies, but where some of its cells are finished.
    alike: dict[tuple[Policy, ...], list[list[int]]] = {}
    for _, numbers in sorted(by_snr.items()):
        alike.setdefault(tuple(points[number].policy for number in numbers), []).append(numbers)
    by_token_seed: dict[int, list[int]] = {}
    for seed in seeds:
        by_token_seed.setdefault(points[0].decider.token_seed(seed), []).append(seed)
    for of_links in alike.values():
        first = points[of_links[0][0]]
        rows = ArrayRows(
            radios=[points[numbers[0]].radio for numbers in of_links],
            prompts=first.trace.prompts,
            costs=first.costs,
            power=first.power,
            count_prompt=first.scenario.latency.prefill,
        )
        for together in by_token_seed.values():
            of_policies = zip(*of_links, strict=True)
            yield from rows.blocks(
                [points[numbers[0]]._chosen(list(numbers), together[0]) for numbers in of_policies],  # noqa: SLF001  (of its own class)
                together,
            )


def _radio(scenario: Scenario) -> Radio:
    with at_key("channel"):
        return scenario.channel.build()


def simulate(scenario: ScenarioLike, seed: int = 0) -> Row:
    """Simulate one point under one seed.

    Parameters
    ----------
    scenario : Scenario, Grid, mapping or path
        Without a sweep; of one with a sweep, the point that its base describes.
    seed : int
        Fading seed; the token seed follows from it (``token_seed`` in the result).

    Returns
    -------
    mapping of column to value, in the order of ``netsim.results.columns.NAMES``; None where undefined

    Raises
    ------
    InputError
        If the scenario asks for what can't be had.
    """
    one = scenario if isinstance(scenario, Scenario) else load_grid(scenario).scenario
    return Point.of(one).row(seed)
