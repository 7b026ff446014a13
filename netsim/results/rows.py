"""A row of the results: what a scenario's point gives under one seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from netsim.costs.energy import Power
from netsim.costs.workload import Workload
from netsim.deciding.parametric import ParametricTrace
from netsim.engines.timings import Timings
from traces.format.trace import Trace
from traces.speculative.rounds import ALL, Rounds

FloatArray = NDArray[np.float64]

#: Stages of a round in the order in which they happen; they add up to the round's seconds.
STAGES = ("slm_s", "uncertainty_s", "grant_s", "uplink_s", "queue_s", "llm_s", "downlink_s")
#: Columns of a row after the coordinates of its point, in the order of the results file.
COLUMNS = (
    "seed", "token_seed", "engine", "tokens", "throughput_tok_s", "latency_mean_s", "latency_p50_s",
    "latency_p95_s", "latency_p99_s", *STAGES, "first_token_s", "transmission_rate", "true_skip_rate",
    "rejection_rate", "uplink_bits", "llm_calls", "device_energy_j", "llm_nll", "on_trace", "source_top_p",
    "upload_entries", "output_tv", "trace_kind",
)  # fmt: skip

Row = dict[str, float | int | str | None]


@dataclass(frozen=True)
class StageSeconds:
    """Seconds of every round by stage, and what its prompt alone caused.

    All broadcast to the shape of the timings, [..., num_sessions, num_tokens]; what is the same for all of
    several seeds has no leading axis.

    Attributes
    ----------
    stages : mapping of stage to float
        Prompt upload and prefill are in ``uplink_s``, ``slm_s`` and ``llm_s`` only when they count.
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
        "slm_s": workload.slm_s,
        "uncertainty_s": workload.uncertainty_s,
        "grant_s": timings.grant_s,
        "uplink_s": timings.uplink_s,
        "queue_s": timings.queue_s,
        "llm_s": workload.llm_s + timings.batch_s,
        "downlink_s": workload.downlink_s,
    }
    stages = {name: plain[name] + prompt.get(name, 0.0) for name in STAGES} if count_prompt else plain
    # Small before large: what all seeds share is added up once.
    round_s = reduce(np.add, sorted((stages[name] for name in STAGES), key=np.ndim))
    left_out = [] if count_prompt else [seconds[..., 0] for seconds in prompt.values()]
    return StageSeconds(stages, round_s, reduce(np.add, left_out, np.zeros(round_s.shape[:-1])))


def timing_columns(
    workload: Workload, timings: Timings, power: Power, *, count_prompt: bool
) -> dict[str, FloatArray]:
    """Columns that depend on the radio: one device's sessions.

    ``throughput_tok_s`` is tokens over the sum over prompts of the time each took; all ``*_s`` columns but
    the percentiles and ``first_token_s`` are means over tokens; ``first_token_s`` is the mean over prompts.

    Parameters
    ----------
    timings : Timings
        [num_sessions, num_tokens], or [num_seeds, num_sessions, num_tokens] for several seeds that share
        their decisions.

    Returns
    -------
    dict of column to float array, [num_seeds], or [] for one seed or where all seeds agree
    """
    valid = np.arange(workload.slm_s.shape[1]) < workload.length[:, None]
    tokens = int(valid.sum())
    seconds = stage_seconds(workload, timings, count_prompt=count_prompt)

    def mean(values: FloatArray) -> FloatArray:
        """Mean over tokens; past a session's length all is 0."""
        total: FloatArray = values.sum(axis=(-2, -1))
        return total / tokens

    stages = {name: mean(seconds.stages[name]) for name in STAGES}
    mean_s = mean(seconds.round_s)
    air_s = mean(timings.air_s) + (mean(timings.prompt_air_s) if count_prompt else 0.0)
    computing_s = stages["slm_s"] + stages["uncertainty_s"]
    idle_s = mean_s - air_s - computing_s
    with np.errstate(divide="ignore"):  # rounds that take no time at all: infinitely fast
        throughput_tok_s = 1 / mean_s
    p50_s, p95_s, p99_s = _quantiles(seconds.round_s[..., valid], (0.5, 0.95, 0.99))
    return {
        "throughput_tok_s": throughput_tok_s,
        "latency_mean_s": mean_s,
        "latency_p50_s": p50_s,
        "latency_p95_s": p95_s,
        "latency_p99_s": p99_s,
        **stages,
        "first_token_s": (seconds.round_s[..., 0] + seconds.prompt_first_s).mean(axis=-1),
        "uplink_bits": mean(workload.bits) + (mean(workload.prompt_bits) if count_prompt else 0.0),
        "device_energy_j": power.transmit_w * air_s + power.compute_w * computing_s + power.idle_w * idle_s,
    }


def _quantiles(values: FloatArray, shares: Sequence[float]) -> list[FloatArray]:
    """Quantiles along the last axis, linear between order statistics (numpy's default, Hyndman and Fan's type 7).

    Sorting is several times faster than ``numpy.quantile``, which partitions.
    """
    ordered = np.sort(values, axis=-1)
    places = [(ordered.shape[-1] - 1) * share for share in shares]
    return [
        ordered[..., int(at)] + (at - int(at)) * (ordered[..., math.ceil(at)] - ordered[..., int(at)])
        for at in places
    ]


def decision_columns(rounds: Rounds, workload: Workload, *, drafts: bool) -> Row:
    """Columns that depend on the decisions alone; None where undefined."""
    valid = rounds.valid
    tokens = int(valid.sum())
    sent = rounds.transmitted & valid
    skipped = ~rounds.transmitted & valid
    recorded = (rounds.node[valid] >= 0).all()
    on_trace = float(rounds.on_tree[valid].mean()) if recorded else None
    return {
        "tokens": tokens,
        "transmission_rate": float(sent.sum() / tokens) if drafts else None,
        "true_skip_rate": _share(rounds.accepted, skipped) if drafts else None,
        "rejection_rate": _share(~rounds.accepted, sent) if drafts else None,
        "llm_calls": float(workload.calls_llm.sum() / tokens),
        "llm_nll": float(rounds.llm_nll[valid].mean()) if on_trace == 1 else None,
        "on_trace": on_trace,
        "upload_entries": _mean(rounds.entries, sent & (rounds.entries != ALL)),
        "output_tv": _mean(rounds.output_tv, sent) if recorded else None,
    }


def source_columns(trace: Trace | ParametricTrace) -> Row:
    """Columns that say what the decisions come from."""
    if isinstance(trace, ParametricTrace):
        return {"source_top_p": None, "trace_kind": "parametric"}
    return {"source_top_p": trace.manifest.sampler.top_p, "trace_kind": "recorded"}


def _mean(of: NDArray[np.int64] | FloatArray, among: NDArray[np.bool_]) -> float | None:
    """Mean over the chosen rounds; None if there are none."""
    return float(of[among].mean()) if among.any() else None


def _share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    """Share of ``of`` among the chosen rounds; None if there are none."""
    return float(of[among].mean()) if among.any() else None
