"""What the columns of a row are worked out from: intermediate results, each worked out once and shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsim.costs.energy import Power
from netsim.costs.workload import Workload
from netsim.deciding.parametric import ParametricTrace
from netsim.engines.timings import Timings
from netsim.results.order import Kind, Quantiles, TableQuantiles
from netsim.results.stages import stage_seconds
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
class Timed:
    """Work of a row and when it took place: of one row, or of several that share their decisions.

    Attributes
    ----------
    workload : Workload
    power : Power
    count_prompt : bool. The scenario's ``latency.prefill``.
    first_s : [..., num_sessions], float. Seconds of each session's first exchange; leading axes are those of the rows.
    prompt_first_s : [..., num_sessions], float. What that leaves out.
    sessions : dict of name to [..., num_sessions], float
        Sums over the exchanges of each session: seconds of the stages and of what follows, bits. Past a session's length all is 0.
    quantiles : Quantiles
    """

    workload: Workload
    power: Power
    count_prompt: bool
    first_s: FloatArray
    prompt_first_s: FloatArray
    sessions: dict[str, FloatArray]
    quantiles: Quantiles

    @classmethod
    def of(cls, workload: Workload, timings: Timings, power: Power, *, count_prompt: bool) -> Timed:
        """Of the times of every exchange."""
        seconds = stage_seconds(workload, timings, count_prompt=count_prompt)
        tables = {
            **seconds.stages,
            "round_s": seconds.round_s,
            "air_s": timings.air_s,
            "prompt_air_s": timings.prompt_air_s,
            "prompt_s": timings.prompt_s,
            "prefill_s": workload.slm_prefill_s + workload.llm_prefill_s,
            "saved_s": timings.saved_s,
            "vain_s": timings.vain_s,
            "bits": workload.bits,
            "prompt_bits": workload.prompt_bits,
        }
        sums = {name: table.sum(axis=-1) for name, table in tables.items()}
        round_s = np.asarray(seconds.round_s)
        return cls(
            workload=workload,
            power=power,
            count_prompt=count_prompt,
            first_s=round_s[..., 0],
            prompt_first_s=seconds.prompt_first_s,
            sessions=sums,
            quantiles=TableQuantiles(round_s, workload),
        )

    def with_air(
        self, air_s: FloatArray, prompt_air_s: FloatArray, first_s: FloatArray, quantiles: Quantiles
    ) -> Timed:
        """The same with what uploads take, of times that leave it out.

        Parameters
        ----------
        air_s, prompt_air_s : [..., num_sessions], float. Time in which a session's drafts and its prompt are sent.
        first_s, quantiles
            What follows from them.
        """
        counted_s = air_s + prompt_air_s if self.count_prompt else air_s
        more = {
            "uplink_s": counted_s,
            "round_s": counted_s,
            "air_s": air_s,
            "prompt_air_s": prompt_air_s,
            "prompt_s": prompt_air_s,
        }
        sums = {name: own + more[name] if name in more else own for name, own in self.sessions.items()}
        left_out_s = self.prompt_first_s
        if not self.count_prompt:
            left_out_s = left_out_s + prompt_air_s * self.workload.carries_prompt[:, 0]
        return replace(self, first_s=first_s, prompt_first_s=left_out_s, sessions=sums, quantiles=quantiles)

    @cached_property
    def valid(self) -> BoolArray:
        """[num_sessions, num_exchanges], bool. Exchanges that took place."""
        return self.workload.valid

    @cached_property
    def tokens(self) -> int:
        """Tokens generated."""
        return int(self.workload.tokens.sum())

    def mean(self, name: str) -> FloatArray:
        """A sum over sessions by tokens, [...]."""
        return self._totals[name] / self.tokens

    @cached_property
    def _totals(self) -> dict[str, FloatArray]:
        """Sums over all sessions."""
        return {name: np.asarray(own.sum(axis=-1)) for name, own in self.sessions.items()}

    def with_prompt(self, name: str, of_prompt: str) -> FloatArray:
        """Mean over tokens of what a round takes, and of what its prompt takes where that counts."""
        return self.mean(name) + (self.mean(of_prompt) if self.count_prompt else 0.0)

    @cached_property
    def mean_s(self) -> FloatArray:
        """Mean seconds of a token."""
        return self.mean("round_s")

    @cached_property
    def request_s(self) -> FloatArray:
        """Mean seconds of a prompt from its start to its last token, whatever counts."""
        whole_s = self.sessions["round_s"]
        if not self.count_prompt:
            whole_s = whole_s + self.sessions["prefill_s"] + self.sessions["prompt_s"]
        return np.asarray(whole_s.mean(axis=-1))

    @cached_property
    def _num_gaps(self) -> int:
        return self.tokens - int(self.valid[:, 0].sum())

    @property
    def gap_mean_s(self) -> FloatArray | None:
        """[...]: mean seconds from a prompt's token to its next; None without any."""
        if not self._num_gaps:
            return None
        after_first_s = self.sessions["round_s"] - self.first_s
        return np.asarray(after_first_s.sum(axis=-1) / self._num_gaps)

    def quantile(self, kind: Kind, level: float) -> FloatArray | None:
        """[...]: quantile of the seconds of exchanges, tokens or gaps; None of gaps where there are none."""
        return None if kind == "gaps" and not self._num_gaps else self.quantiles.of(kind, level)

    @cached_property
    def energy_j(self) -> FloatArray:
        """Mean energy of a token: transmit power times air time, compute power times compute time, idle power else."""
        air_s = self.with_prompt("air_s", "prompt_air_s")
        # Drafting ahead takes place while nothing is sent.
        ahead_s = self.mean("saved_s") + self.mean("vain_s")
        computing_s = self.mean("slm_s") + self.mean("uncertainty_s") + ahead_s
        idle_s = self.mean_s - air_s - computing_s
        power = self.power
        return power.transmit_w * air_s + power.compute_w * computing_s + power.idle_w * idle_s
