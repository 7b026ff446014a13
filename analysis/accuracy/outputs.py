"""What policies wrote: every prompt under every recorded token seed, with the scores that need no text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from netsim.deciding.policies import Hlm, Llm
from netsim.deciding.recorded import Decider
from netsim.results.similarity import Counterparts, output_digests
from netsim.scenario import Scenario
from netsim.scenario.assembly import build_policy
from netsim.scenario.policy_context import policy_context
from netsim.scenario.policy_spec import parse_policy
from netsim.scenario.sources.built_in import RecordedTraceSettings
from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.speculative.walk import Measure, Policy, Rounds

#: What every policy is compared with.
BASELINES: dict[str, Policy] = {"llm": Llm(), "hlm": Hlm()}


@dataclass(frozen=True)
class Outputs:
    """Outputs of policies on one trace.

    Attributes
    ----------
    table : DataFrame
        ``policy``, ``prompt`` (its number), ``token_seed``, ``exact`` (whether the whole output was recorded), and
        where it was: ``output`` (digest of its tokens, else empty), ``llm_nll`` (nats per token under the LLM) and
        ``tv_to_llm``: mean over rounds of the total variation distance to the LLM of what the round's token came
        from, the SLM's distribution if it was skipped, the server's output if it was sent.
    tokens : mapping of digest to tuple of int
        Token ids of every output.
    counterparts : Counterparts
    """

    table: pd.DataFrame
    tokens: Mapping[str, tuple[int, ...]]
    counterparts: Counterparts


def named_policies(trace: Trace, specs: Sequence[str]) -> dict[str, Policy]:
    """Policies of a trace by their specs, as ``netsim replay --policy`` takes them.

    Raises
    ------
    InputError
        If a spec is none.
    """
    settings = [parse_policy(spec) for spec in specs]
    source = RecordedTraceSettings(folder=str(trace.folder))
    context = policy_context(Scenario(name="score", trace=source, policy=settings[0]), trace)
    context = replace(context, speed=None)
    return {spec: build_policy(own, context) for spec, own in zip(specs, settings, strict=True)}


def outputs_of(trace: Trace, policies: Mapping[str, Policy]) -> Outputs:
    """Outputs of policies, of ``llm`` and of ``hlm``.

    Raises
    ------
    TraceError
        If a shard is damaged, or no output of one of ``policies`` is recorded in full.
    """
    manifest = trace.manifest
    measure = Measure(manifest.measure.samples, manifest.measure.theta_max, manifest.measure.name)
    decider = Decider(trace, measure, manifest.num_tokens, manifest.eos)
    parts, tokens = [], dict[str, tuple[int, ...]]()
    llm: dict[int, dict[int, str]] = {}
    for place, token_seed in enumerate(manifest.token_seeds):
        for name, policy in {**BASELINES, **policies}.items():
            rounds = decider.rounds(policy, place)
            own = _table(decider, name, policy, rounds, place)
            if name == "llm":
                written = zip(own["prompt"], own["output"], strict=True)
                llm[token_seed] = {int(prompt): output for prompt, output in written if output}
            parts.append(own)
            found = zip(own["output"], rounds.token, rounds.length, strict=True)
            tokens |= {key: tuple(ids[:length].tolist()) for key, ids, length in found if key}
    table = pd.concat(parts, ignore_index=True)
    _require_exact(table, policies)
    return Outputs(table, tokens, Counterparts.of(trace, llm))


def _table(decider: Decider, name: str, policy: Policy, rounds: Rounds, place: int) -> pd.DataFrame:
    valid = rounds.valid
    exact = (rounds.on_tree | ~valid).all(axis=1)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        total: NDArray[np.float64] = np.where(valid, values, 0.0).sum(axis=1)
        return np.where(exact, total / rounds.length, np.nan)

    return pd.DataFrame(
        {
            "policy": name,
            "prompt": decider.trace.prompts,
            "token_seed": decider.token_seed(place),
            "exact": exact,
            "output": output_digests(rounds),
            "llm_nll": mean(rounds.llm_nll),
            "tv_to_llm": mean(_tv(decider, policy, rounds, place)),
        }
    )


def _tv(decider: Decider, policy: Policy, rounds: Rounds, place: int) -> NDArray[np.float64]:
    """Total variation distance to the LLM of every round: [num_prompts, num_tokens]."""
    if not policy.drafts:
        return np.zeros(rounds.token.shape)
    forest = decider.forest(decider.tree_seed(place))
    between = np.add.reduceat(np.maximum(0.0, forest.x - forest.y), forest.starts)
    # A bonus token is the LLM's own.
    return np.where(rounds.bonus, 0.0, np.where(rounds.transmitted, rounds.output_tv, between[rounds.node]))


def _require_exact(table: pd.DataFrame, policies: Mapping[str, Policy]) -> None:
    """Refuse a policy of which nothing is left to compare."""
    recorded = table.groupby("policy")["exact"].any()
    for name in policies:
        if not recorded[name]:
            raise TraceError(
                f"no text of {name} is recorded in full: record that policy (--extend adds to a trace)"
            )
