"""Seconds of every round, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Workload
from netsim.engines.timings import Timings

FloatArray = NDArray[np.float64]


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
