"""What the columns of a row are worked out from: intermediate results, each worked out once and shared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from netsim.costs.energy import Power
from netsim.costs.workload import Workload
from netsim.deciding.parametric import ParametricTrace
from netsim.engines.timings import Timings
from traces.format.trace import Trace
from traces.speculative.rounds import Rounds

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Keys:
    """What names a row beside the coordinates of its point."""

    seed: int
    token_seed: int
    engine: str


@dataclass(frozen=True)
class Source:
    """What the decisions come from."""

    trace: Trace | ParametricTrace


@dataclass(frozen=True)
class Decided:
    """Decisions of a row, and the work that follows from them.

    Attributes
    ----------
    rounds : Rounds. Groups are the sessions.
    workload : Workload. Of the same sessions.
    """

    rounds: Rounds
    workload: Workload

    @cached_property
    def valid(self) -> BoolArray:
        """[num_sessions, num_tokens], bool. Rounds that took place."""
        return self.rounds.valid

    @cached_property
    def tokens(self) -> int:
        """Tokens generated."""
        return int(self.valid.sum())

    @cached_property
    def sent(self) -> BoolArray:
        """[num_sessions, num_tokens], bool. Drafts that were transmitted."""
        return self.rounds.transmitted & self.valid

    @cached_property
    def skipped(self) -> BoolArray:
        """[num_sessions, num_tokens], bool. Drafts that were kept without asking."""
        return ~self.rounds.transmitted & self.valid & ~self.rounds.bonus

    @cached_property
    def from_trace(self) -> bool:
        """Whether every round stands on a node of a recorded trace."""
        return bool((self.rounds.node[self.valid] >= 0).all())

    @cached_property
    def on_trace(self) -> float | None:
        """Share of rounds whose prefix is recorded, lost drafts included that a rule looked at in vain."""
        if not self.from_trace:
            return None
        recorded = self.rounds.on_tree[self.valid].sum()
        return float(recorded / (self.tokens + self.rounds.unrecorded[self.valid].sum()))


@dataclass(frozen=True)
class Drafting(Decided):
    """The same, of the sessions whose policy drafts."""


@dataclass(frozen=True)
class Demand:
    """What became of the requests of a row, as shares and means; None where undefined."""

    outage: float | None
    unfinished: float | None
    deadline_met: float | None
    request_mean_s: float | None
    jain: float | None
    late_over_early: float | None


@dataclass(frozen=True)
class Similar:
    """How similar the outputs are to references and to the LLM's.

    Attributes
    ----------
    means : mapping of column to float
        Those that are known, as ``netsim.results.similarity`` gives them.
    """

    means: Mapping[str, float]


def share(of: BoolArray | NDArray[np.int64], among: BoolArray) -> float | None:
    """Mean of ``of`` among the chosen rounds; None if there are none."""
    return float(of[among].mean()) if among.any() else None


def mean(of: NDArray[np.int64] | FloatArray, among: BoolArray) -> float | None:
    """Mean over the chosen rounds; None if there are none."""
    return float(of[among].mean()) if among.any() else None


@dataclass(frozen=True)
class StageSeconds:
    """Seconds of every round by stage, and what its prompt alone caused.

    All broadcast to the shape of the timings, [..., num_sessions, num_tokens]; what is the same for all of
    several seeds has no leading axis.

    Attributes
    ----------
    stages : mapping of stage to float
        In the order in which they happen. Prompt upload and prefill are in ``uplink_s``, ``slm_s`` and ``llm_s``
        only when they count.
    round_s : float. Sum of the stages.
    prompt_first_s : [..., num_sessions], float. What the first round leaves out of ``round_s``.
    """

    stages: dict[str, FloatArray]
    round_s: FloatArray
    prompt_first_s: FloatArray


def stage_seconds(workload: Workload, timings: Timings, *, count_prompt: bool) -> StageSeconds:
    """Split every round into its stages; ``count_prompt`` is the scenario's ``latency.prefill``."""
    prompt = {
        "slm_s": workload.slm_prefill_s,
        "uplink_s": timings.prompt_s,
        "llm_s": workload.llm_prefill_s,
    }
    plain = {
        "slm_s": workload.slm_s - timings.saved_s,
        "uncertainty_s": workload.uncertainty_s,
        "grant_s": timings.grant_s,
        "uplink_s": timings.uplink_s,
        "core_s": timings.core_up_s + timings.core_down_s,
        "queue_s": timings.queue_s,
        "llm_s": workload.llm_s + timings.batch_s,
        "downlink_s": workload.downlink_s,
    }
    stages = {name: own + prompt.get(name, 0.0) for name, own in plain.items()} if count_prompt else plain
    # Small before large: what all seeds share is added up once.
    round_s = reduce(np.add, sorted(stages.values(), key=np.ndim))
    left_out = [] if count_prompt else [seconds[..., 0] for seconds in prompt.values()]
    return StageSeconds(stages, round_s, reduce(np.add, left_out, np.zeros(round_s.shape[:-1])))


@dataclass(frozen=True)
class Timed:
    """Work of a row and when it took place: of one seed, or of several that share their decisions.

    Attributes
    ----------
    workload : Workload
    timings : Timings. [num_sessions, num_tokens], or [num_seeds, num_sessions, num_tokens].
    power : Power
    count_prompt : bool. The scenario's ``latency.prefill``.
    """

    workload: Workload
    timings: Timings
    power: Power
    count_prompt: bool

    @cached_property
    def seconds(self) -> StageSeconds:
        """Seconds of every round by stage."""
        return stage_seconds(self.workload, self.timings, count_prompt=self.count_prompt)

    @cached_property
    def valid(self) -> BoolArray:
        """[num_sessions, num_exchanges], bool. Exchanges that took place."""
        return self.workload.valid

    @cached_property
    def tokens(self) -> int:
        """Tokens generated."""
        return int(self.workload.tokens.sum())

    def mean(self, values: FloatArray) -> FloatArray:
        """Sum over exchanges by tokens, [num_seeds] or []; past a session's length all is 0."""
        total: FloatArray = values.sum(axis=(-2, -1))
        return total / self.tokens

    def with_prompt(self, values: FloatArray, of_prompt: FloatArray) -> FloatArray:
        """Mean over tokens of what a round takes, and of what its prompt takes where that counts."""
        return self.mean(values) + (self.mean(of_prompt) if self.count_prompt else 0.0)

    @cached_property
    def stages_s(self) -> dict[str, FloatArray]:
        """Mean seconds of a token by stage."""
        return {name: self.mean(seconds) for name, seconds in self.seconds.stages.items()}

    @cached_property
    def mean_s(self) -> FloatArray:
        """Mean seconds of a token."""
        return self.mean(self.seconds.round_s)

    @cached_property
    def request_s(self) -> FloatArray:
        """Mean seconds of a prompt from its start to its last token, whatever counts."""
        whole_s: FloatArray = self.seconds.round_s.sum(axis=-1)
        if not self.count_prompt:
            work = self.workload
            whole_s = whole_s + (work.slm_prefill_s + work.llm_prefill_s + self.timings.prompt_s).sum(axis=-1)
        return np.asarray(whole_s.mean(axis=-1))

    @cached_property
    def exchanges_s(self) -> FloatArray:
        """[num_seeds, num_exchanges of the row] or [num_exchanges]: seconds of the exchanges, ascending."""
        return np.sort(self.seconds.round_s[..., self.valid], axis=-1)

    @cached_property
    def tokens_s(self) -> FloatArray:
        """[num_seeds, num_tokens of the row] or [num_tokens]: seconds of the tokens, ascending.

        The tokens of an exchange share its seconds.
        """
        emitted = self.workload.tokens[self.valid]
        if (emitted == 1).all():
            return self.exchanges_s
        each_s = self.seconds.round_s[..., self.valid] / emitted
        return np.sort(np.repeat(each_s, emitted, axis=-1), axis=-1)

    @cached_property
    def gaps_s(self) -> FloatArray | None:
        """[num_seeds, num_gaps] or [num_gaps]: seconds from a prompt's token to its next, ascending; None without any.

        The tokens of an exchange appear together, at its end.
        """
        later = self.valid.copy()
        later[:, :1] = False
        later_s = self.seconds.round_s[..., later]
        together = self.tokens - int(self.valid.sum())
        if not later_s.shape[-1] + together:
            return None
        return np.concatenate([np.zeros((*later_s.shape[:-1], together)), np.sort(later_s, axis=-1)], axis=-1)

    @staticmethod
    def quantile(ordered_s: FloatArray, level: float) -> FloatArray:
        """Quantile of ascending values, linear between order statistics (Hyndman and Fan's type 7, numpy's default).

        One sort for all quantiles is several times faster than ``numpy.quantile``, which partitions for each.
        """
        at = (ordered_s.shape[-1] - 1) * level
        low, high = ordered_s[..., int(at)], ordered_s[..., math.ceil(at)]
        return np.asarray(low + (at - int(at)) * (high - low))

    @cached_property
    def vain_s(self) -> FloatArray:
        """Mean seconds a token of drafting ahead in vain."""
        return self.mean(self.timings.vain_s)

    @cached_property
    def energy_j(self) -> FloatArray:
        """Mean energy of a token: transmit power times air time, compute power times compute time, idle power else."""
        air_s = self.with_prompt(self.timings.air_s, self.timings.prompt_air_s)
        # Drafting ahead takes place while nothing is sent.
        ahead_s = self.mean(self.timings.saved_s) + self.vain_s
        computing_s = self.stages_s["slm_s"] + self.stages_s["uncertainty_s"] + ahead_s
        idle_s = self.mean_s - air_s - computing_s
        power = self.power
        return power.transmit_w * air_s + power.compute_w * computing_s + power.idle_w * idle_s
