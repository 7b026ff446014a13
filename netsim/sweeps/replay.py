"""Walk a trace under policies without a radio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from netsim.costs.workload import build_workload
from netsim.deciding.policies import terms_of
from netsim.results.rows import Row, decision_columns
from netsim.scenario import Scenario, assembly
from netsim.scenario.assembly import build_policy
from netsim.scenario.billing import build_costs
from netsim.scenario.blocks import LatencySettings
from netsim.scenario.policies.published import SlmSettings
from netsim.scenario.policy_context import policy_context
from netsim.scenario.policy_spec import parse_policy, policy_spec
from netsim.scenario.sources.built_in import RecordedTraceSettings
from traces.format.trace import Trace
from traces.speculative.rounds import Rounds

COLUMNS = (
    "tokens", "transmission_rate", "true_skip_rate", "rejection_rate", "uplink_bits", "llm_calls", "llm_nll", "on_trace",
)  # fmt: skip


def replay_rows(folder: Path, specs: Sequence[str], num_seeds: int | None = None) -> list[Row]:
    """One row per policy, its rates pooled over all rounds.

    Parameters
    ----------
    folder : Path
        Folder of a trace, or the name of one of the project's.
    specs : sequence of str
        Policies as ``netsim.scenario.policy_spec`` reads them.
    num_seeds : int, optional
        Seeds 0, 1, …; default: as many as the trace has token seeds.

    Returns
    -------
    list of mapping
        ``policy`` and ``COLUMNS``; bits without the prompt's ids.
    """
    settings = [parse_policy(spec) for spec in specs]
    base = Scenario(
        name="replay", trace=RecordedTraceSettings(folder=str(folder)), policy=SlmSettings(), tokens=1
    )
    trace = assembly.open_trace(base)
    seeds = range(num_seeds or len(trace.manifest.token_seeds))
    scenario = base.model_copy(update={"tokens": trace.manifest.num_tokens})
    return [_pooled(scenario.model_copy(update={"policy": own}), trace, seeds) for own in settings]


def _pooled(scenario: Scenario, trace: Trace, seeds: range) -> Row:
    decider = assembly.build_decider(scenario, trace)
    policy = build_policy(scenario.policy, replace(policy_context(scenario, trace), speed=None))
    costs = build_costs(scenario.model_copy(update={"latency": LatencySettings(slm=0.0, llm=0.0)}), trace)
    rounds = Rounds.joined([decider.rounds(policy, seed) for seed in seeds])
    prompt_tokens = np.tile(decider.prompt_tokens, len(seeds))
    workload = build_workload(rounds, prompt_tokens, costs, terms_of(policy))
    columns = decision_columns(rounds, workload, drafts=policy.drafts)
    columns["uplink_bits"] = float(workload.bits.sum() / rounds.valid.sum())
    return {"policy": policy_spec(scenario.policy), **{name: columns[name] for name in COLUMNS}}
