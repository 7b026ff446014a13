"""Rows by the array engine: of policies that share their sessions, over links that share their fading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netsim.costs.energy import Power
from netsim.costs.workload import Costs, Workload
from netsim.engines.timings import Timings
from netsim.radio.link import Radio
from netsim.results.columns import LEVELS
from netsim.results.facts import Timed
from netsim.results.order import KINDS, StoredQuantiles
from netsim.results.prompt_sums import session_sums
from netsim.results.rows import Row, RowBlock
from netsim.results.stages import stage_seconds
from traces.speculative.rounds import Rounds

if TYPE_CHECKING:
    from netsim.engines.arrays import ArrayEngine
    from netsim.results.compiled_quantiles import GroupedQuantiles

FloatArray = NDArray[np.float64]
#: Rounds of one link that are timed in one go; a core network takes some hundred bytes of each.
ROUNDS_AT_ONCE = 2**20


@dataclass(frozen=True)
class Chosen:
    """What a policy decided under one token seed.

    Attributes
    ----------
    points : list of int. Number of its point over each link.
    rounds : Rounds
    workload : Workload
    drafts : bool. Whether the policy drafts.
    shared : Row. Columns that follow from the decisions.
    """

    points: list[int]
    rounds: Rounds
    workload: Workload
    drafts: bool
    shared: Row


@dataclass(frozen=True)
class ArrayRows:
    """What all rows have in common.

    Attributes
    ----------
    radios : sequence of Radio
        They differ in their mean SNR alone. The lowest comes first: what is drawn for it is enough for the others.
    prompts : sequence of int. The prompt of each session.
    costs : Costs
    power : Power
    count_prompt : bool. The scenario's ``latency.prefill``.
    """

    radios: Sequence[Radio]
    prompts: Sequence[int]
    costs: Costs
    power: Power
    count_prompt: bool

    def blocks(self, policies: Sequence[Chosen], seeds: Sequence[int]) -> Iterator[RowBlock]:
        """Rows of policies under seeds of one token seed: a block has one policy, all links and some of the seeds."""
        from netsim.engines.arrays import ArrayEngine  # noqa: PLC0415  (compiled: of no use before a row)
        from netsim.radio.sessions import SessionLinks  # noqa: PLC0415  (as above)
        from netsim.results.compiled_quantiles import GroupedQuantiles  # noqa: PLC0415  (as above)

        workloads = [one.workload for one in policies]
        links = SessionLinks.of_each(self.radios, self.prompts)
        waits_s = self.costs.grant_s, self.costs.propagation_s
        engine = ArrayEngine(workloads, links, *waits_s, count_prompt=self.count_prompt)
        quantiles = GroupedQuantiles.of(workloads)
        at_once = max(1, ROUNDS_AT_ONCE // sum(work.slm_s.size for work in workloads))
        still: _Still | None = None
        for start in range(0, len(seeds), at_once):
            part = seeds[start : start + at_once]
            # But for the core network, all seeds are alike.
            if still is None or not self.costs.core.free:
                still = self._but_for_air(workloads, part)
            sent = _Sent.of(engine, quantiles, still, part, len(links))
            for number, one in enumerate(policies):
                timed = sent.timed(still.timed[number], number)
                sums = session_sums(one.rounds, timed, drafts=one.drafts)
                yield RowBlock.of(one.points, part, one.shared, timed, sums)

    def _but_for_air(self, workloads: Sequence[Workload], seeds: Sequence[int]) -> _Still:
        from netsim.engines.arrays import timings_but_for_air  # noqa: PLC0415  (compiled: of no use before a row)

        crossings_s = self._crossings_s(seeds, workloads[0].shape[1])
        timings = [
            timings_but_for_air(work, self.costs.grant_s, self.costs.propagation_s, crossings_s)
            for work in workloads
        ]
        count_prompt = self.count_prompt
        both = list(zip(workloads, timings, strict=True))
        return _Still(
            timings,
            [stage_seconds(work, own, count_prompt=count_prompt).round_s for work, own in both],
            [Timed.of(work, own, self.power, count_prompt=count_prompt) for work, own in both],
        )

    def _crossings_s(self, seeds: Sequence[int], num_tokens: int) -> FloatArray | None:
        """Seconds of every request and response: [2, num_seeds, num_sessions, num_tokens]; None where they take none."""
        if self.costs.core.free:
            return None
        table = np.empty((2, len(seeds), len(self.prompts), num_tokens))
        for number, seed in enumerate(seeds):
            for session, prompt in enumerate(self.prompts):
                table[:, number, session] = self.costs.core.crossings_s(seed, 0, prompt, num_tokens)
        return table


@dataclass(frozen=True)
class _Still:
    """Every workload as if uploads took no time on air.

    Attributes
    ----------
    timings : list of Timings
    round_s : list of float, [num_sessions, num_tokens] or [num_seeds, num_sessions, num_tokens]
    timed : list of Timed
    """

    timings: list[Timings]
    round_s: list[FloatArray]
    timed: list[Timed]

    @property
    def by_seed(self) -> bool:
        """Whether seeds differ: they do where there is a core network."""
        return any(round_s.ndim > 2 for round_s in self.round_s)

    def rounds_of(self, number: int) -> FloatArray:
        """Seconds of every round of one of the seeds: [num_workloads, num_sessions * num_tokens]."""
        own = [round_s if round_s.ndim == 2 else round_s[number] for round_s in self.round_s]
        return np.stack(own).reshape(len(own), -1)


@dataclass(frozen=True)
class _Sent:
    """What uploads took, [num_workloads, num_links, num_seeds, num_sessions] each, and the quantiles of their rounds."""

    air_s: FloatArray
    prompt_air_s: FloatArray
    first_s: FloatArray
    found: FloatArray

    @classmethod
    def of(
        cls,
        engine: ArrayEngine,
        quantiles: GroupedQuantiles,
        still: _Still,
        seeds: Sequence[int],
        num_links: int,
    ) -> _Sent:
        num_workloads, (num_sessions, num_tokens) = len(still.timed), still.timed[0].workload.shape
        shape = num_workloads, num_links, len(seeds)
        air_s, prompt_air_s, first_s = (np.zeros((*shape, num_sessions)) for _ in range(3))
        found, levels = np.empty((*shape, len(KINDS), len(LEVELS))), np.array(LEVELS)
        # One table for all: it stays in a processor's cache.
        round_s = np.empty((num_workloads, num_sessions * num_tokens))
        uploads, still_s = engine.uploads(still.timings, 0), still.rounds_of(0)
        for number, seed in enumerate(seeds):
            if still.by_seed:
                uploads, still_s = engine.uploads(still.timings, number), still.rounds_of(number)
            # Links inside, so that they meet the same gains.
            for link in range(num_links):
                round_s[:] = still_s
                engine.send(
                    link, seed, uploads, (round_s, air_s[:, link, number], prompt_air_s[:, link, number])
                )
                quantiles.write(round_s, levels, found[:, link, number])
                first_s[:, link, number] = round_s[:, ::num_tokens]
        return cls(air_s, prompt_air_s, first_s, found)

    def timed(self, still: Timed, number: int) -> Timed:
        """Of one workload."""
        quantiles = StoredQuantiles(LEVELS, self.found[number])
        return still.with_air(self.air_s[number], self.prompt_air_s[number], self.first_s[number], quantiles)
