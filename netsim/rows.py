"""A row of the results: what a scenario's point gives under one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.timings import Timings
from netsim.workload import Workload
from traces.walk import Rounds

FloatArray = NDArray[np.float64]

#: Stages of a round in the order in which they happen; they add up to the round's seconds.
STAGES = ("slm_s", "uncertainty_s", "grant_s", "uplink_s", "queue_s", "llm_s", "downlink_s")
#: Columns of a row after the coordinates of its point, in the order of the results file.
COLUMNS = (
    "seed", "token_seed", "engine", "tokens", "throughput_tok_s", "latency_mean_s", "latency_p50_s",
    "latency_p95_s", "latency_p99_s", *STAGES, "first_token_s", "transmission_rate", "true_skip_rate",
    "rejection_rate", "uplink_bits", "llm_calls", "device_energy_j", "llm_nll", "on_trace", "source_top_p",
)  # fmt: skip

Row = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Power:
    """Power that the device draws, in watts: sending, computing, and besides those."""

    transmit_w: float
    compute_w: float
    idle_w: float


@dataclass(frozen=True)
class StageSeconds:
    """Seconds of every round by stage, and what its prompt alone caused.

    Attributes
    ----------
    stages : mapping of stage to [num_sessions, num_tokens], float
        Prompt upload and prefill are in ``uplink_s``, ``slm_s`` and ``llm_s`` only when they count.
    round_s : [num_sessions, num_tokens], float. Sum of the stages.
    prompt_s : [num_sessions, num_tokens], float. Left out of ``round_s``.
    """

    stages: dict[str, FloatArray]
    round_s: FloatArray
    prompt_s: FloatArray


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
        "llm_s": workload.llm_s,
        "downlink_s": workload.downlink_s,
    }
    stages = {name: plain[name] + prompt.get(name, 0.0) for name in STAGES} if count_prompt else plain
    round_s: FloatArray = np.sum([stages[name] for name in STAGES], axis=0)
    prompt_s = np.zeros_like(round_s) if count_prompt else np.sum(list(prompt.values()), axis=0)
    return StageSeconds(stages, round_s, prompt_s)


def timing_columns(workload: Workload, timings: Timings, power: Power, *, count_prompt: bool) -> Row:
    """Columns that depend on the radio: one device's sessions.

    ``throughput_tok_s`` is tokens over the sum over prompts of the time each took; all ``*_s`` columns but
    the percentiles and ``first_token_s`` are means over tokens; ``first_token_s`` is the mean over prompts.
    """
    valid = np.arange(workload.slm_s.shape[1]) < workload.length[:, None]
    seconds = stage_seconds(workload, timings, count_prompt=count_prompt)
    tokens = int(valid.sum())
    per_token = seconds.round_s[valid]
    first = (seconds.round_s + seconds.prompt_s)[:, 0]
    p50, p95, p99 = np.quantile(per_token, [0.5, 0.95, 0.99])
    air_s = timings.air_s + (timings.prompt_air_s if count_prompt else 0.0)
    computing_s = seconds.stages["slm_s"] + seconds.stages["uncertainty_s"]
    idle_s = seconds.round_s - air_s - computing_s
    energy_j = power.transmit_w * air_s + power.compute_w * computing_s + power.idle_w * idle_s
    bits = workload.bits + (workload.prompt_bits if count_prompt else 0.0)
    columns = {
        "throughput_tok_s": tokens / per_token.sum(),
        "latency_mean_s": per_token.mean(),
        "latency_p50_s": p50,
        "latency_p95_s": p95,
        "latency_p99_s": p99,
        **{name: seconds.stages[name][valid].mean() for name in STAGES},
        "first_token_s": first.mean(),
        "uplink_bits": bits[valid].mean(),
        "device_energy_j": energy_j[valid].mean(),
    }
    return {name: float(value) for name, value in columns.items()}


def decision_columns(rounds: Rounds, workload: Workload, *, drafts: bool) -> Row:
    """Columns that depend on the decisions alone; None where undefined."""
    valid = rounds.valid
    tokens = int(valid.sum())
    sent = rounds.transmitted & valid
    skipped = ~rounds.transmitted & valid
    on_trace = float(rounds.on_tree[valid].mean())
    return {
        "tokens": tokens,
        "transmission_rate": float(sent.sum() / tokens) if drafts else None,
        "true_skip_rate": _share(rounds.accepted, skipped) if drafts else None,
        "rejection_rate": _share(~rounds.accepted, sent) if drafts else None,
        "llm_calls": float(workload.calls_llm.sum() / tokens),
        "llm_nll": float(rounds.llm_nll[valid].mean()) if on_trace == 1 else None,
        "on_trace": on_trace,
    }


def _share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    """Share of ``of`` among the chosen rounds; None if there are none."""
    return float(of[among].mean()) if among.any() else None
