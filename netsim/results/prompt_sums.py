"""What each prompt adds to a row: the sums of which the row's rates and means are ratios.

They are kept beside the results, so that an interval over prompts needs no new run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netsim.costs.energy import Power
from netsim.engines.network import DeviceRun
from netsim.results.facts import Timed
from netsim.results.requests import RequestTimes
from traces.speculative.rounds import Rounds

FloatArray = NDArray[np.float64]
#: Sums of one prompt under one seed; of several devices, over all of its visits.
SUMS = (
    "tokens", "seconds", "drafted", "transmitted", "skipped", "skipped_accepted", "rejected", "uplink_bits",
    "llm_calls", "energy_j", "nll",
)  # fmt: skip
#: Those of them that are decided: the same, row for row, for all seeds of a token seed.
DECIDED_SUMS = tuple(name for name in SUMS if name not in ("seconds", "energy_j"))
#: Columns of a row that are a ratio of two sums; with several devices the throughput is that of all tokens.
RATIOS = {
    "throughput_tok_s": ("tokens", "seconds"),
    "latency_mean_s": ("seconds", "tokens"),
    "transmission_rate": ("transmitted", "drafted"),
    "true_skip_rate": ("skipped_accepted", "skipped"),
    "rejection_rate": ("rejected", "transmitted"),
    "uplink_bits": ("uplink_bits", "tokens"),
    "llm_calls": ("llm_calls", "tokens"),
    "device_energy_j": ("energy_j", "tokens"),
    "llm_nll": ("nll", "tokens"),
}


def session_sums(rounds: Rounds, timed: Timed, *, drafts: bool) -> dict[str, FloatArray]:
    """Sums of every session.

    Returns
    -------
    dict of each of ``SUMS`` to [..., num_sessions], float
        With a leading axis for several seeds that share their decisions, where they differ.
    """
    valid = rounds.valid
    sent, skipped = rounds.transmitted & valid & drafts, ~rounds.transmitted & valid & drafts
    seconds, power, of_prompt = timed.sessions, timed.power, float(timed.count_prompt)

    def total(values: NDArray[np.bool_] | FloatArray) -> FloatArray:
        return np.asarray(values.sum(axis=-1), np.float64)

    air_s = seconds["air_s"] + of_prompt * seconds["prompt_air_s"]
    busy_s = seconds["slm_s"] + seconds["uncertainty_s"] + seconds["saved_s"] + seconds["vain_s"]
    spent_s = seconds["round_s"]
    energy_j = power.transmit_w * air_s + power.compute_w * busy_s + power.idle_w * (spent_s - air_s - busy_s)
    return {
        "tokens": total(valid),
        "seconds": spent_s,
        "drafted": total(valid & drafts),
        "transmitted": total(sent),
        "skipped": total(skipped),
        "skipped_accepted": total(rounds.accepted & skipped),
        "rejected": total(~rounds.accepted & sent),
        "uplink_bits": seconds["bits"] + of_prompt * seconds["prompt_bits"],
        "llm_calls": total(timed.workload.calls_llm),
        "energy_j": energy_j,
        # Off the tree there is no likelihood, and then the row has none.
        "nll": total(np.where(valid, np.where(rounds.on_tree, rounds.llm_nll, np.nan), 0.0)),
    }


def pooled_sums(
    runs: Sequence[DeviceRun], num_prompts: int, power: Power, *, count_prompt: bool
) -> dict[str, FloatArray]:
    """Sums of every prompt over all devices: each of ``SUMS`` to [num_prompts], float."""
    sums = {name: np.zeros(num_prompts) for name in SUMS}
    for run in runs:
        counted = np.flatnonzero(RequestTimes.of(run).counted & (run.rounds.length > 0))
        own = session_sums(
            run.rounds.take(counted),
            Timed.of(run.workload.take(counted), run.timings.take(counted), power, count_prompt=count_prompt),
            drafts=run.device.policy.drafts,
        )
        places = [run.sessions[session].place for session in counted.tolist()]
        for name in SUMS:
            np.add.at(sums[name], places, own[name])
    return sums
