"""How good a policy's text is, beside its speed: likelihood, distance to the LLM, and likeness to references.

Scores are means over a prompt's token seeds, and every comparison with ``llm`` is paired over prompts: both policies
answered the same prompts with the same draws, and differences are small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from netsim.deciding.policies import Llm
from netsim.deciding.recorded import Decider
from netsim.results.statistics import CONFIDENCE, Interval, token_seed_interval
from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.speculative.walk import Measure, Policy, Rounds

#: Text of token ids.
Decode = Callable[[Sequence[int]], str]
#: Unit vectors of texts: [num_texts, dimension].
Embed = Callable[[Sequence[str]], NDArray[np.float64]]

SCORES = ("llm_nll", "tv_to_llm", "rouge_l", "cosine")
REFERENCE = "llm"


def score(
    trace: Trace, policies: Mapping[str, Policy], decode: Decode | None = None, embed: Embed | None = None
) -> pd.DataFrame:
    """Score every prompt under every recorded token seed.

    Parameters
    ----------
    policies : mapping of name to Policy
        ``llm`` is added, as what the others are compared with.
    decode : callable, optional
        Without it there are no texts, and no scores of them.
    embed : callable, optional
        Without it there is no cosine.

    Returns
    -------
    DataFrame
        ``policy``, ``prompt``, ``token_seed``, ``exact`` (whether the whole text was recorded), and where it was:
        ``llm_nll`` (nats per token under the LLM), ``tv_to_llm`` (mean over rounds of the total variation distance
        to the LLM of what the round's token came from: the SLM's distribution if it was skipped, the server's
        output if it was sent), and against the prompt's reference ``rouge_l`` (F1) and ``cosine``.

    Raises
    ------
    TraceError
        If a shard is damaged.
    """
    manifest = trace.manifest
    measure = Measure(manifest.measure.samples, manifest.measure.theta_max, manifest.measure.name)
    decider = Decider(trace, measure, manifest.num_tokens, manifest.eos)
    texts = [trace.prompt(number).reference for number in trace.prompts]
    references = _References(texts, decode, embed) if decode is not None and all(texts) else None
    parts = [
        _scores(decider, name, policy, seed, references)
        for name, policy in {REFERENCE: Llm(), **policies}.items()
        for seed in range(len(manifest.token_seeds))
    ]
    return pd.concat(parts, ignore_index=True)


def compare(scores: pd.DataFrame) -> pd.DataFrame:
    """Means per policy with 95 % intervals over prompts, absolute and relative to ``llm``.

    Parameters
    ----------
    scores : DataFrame
        As `score` returns it. Only texts that are exact, of the policy and of ``llm``, count.

    Returns
    -------
    DataFrame
        One row per policy and score: ``mean`` with ``low`` and ``high``, ``difference`` to ``llm`` and ``relative``
        (the ratio of the means) with the ends of their paired intervals, ``prompts`` and ``exact``, the share of texts
        that were recorded.
    """
    rows = []
    keys = ["prompt", "token_seed"]
    reference = scores[scores["policy"] == REFERENCE]
    for policy, own in scores.groupby("policy", sort=False):
        both = own.merge(reference, on=keys, suffixes=("", "_llm"))
        both = both[both["exact"] & both["exact_llm"]]
        for name in (name for name in SCORES if name in scores):
            pairs = both[["prompt", name, f"{name}_llm"]].dropna().groupby("prompt").mean().to_numpy(float)
            rows.append(
                {"policy": policy, "score": name, **_compared(pairs), "exact": float(own["exact"].mean())}
            )
    return pd.DataFrame(rows)


def paired_ratio(values: NDArray[np.float64], baseline: NDArray[np.float64]) -> Interval:
    """Ratio of two means of paired values, with its 95 % interval.

    The ratio estimator and its linearised variance: Cochran, "Sampling Techniques" (1977), section 2.11, with Student's
    t instead of the normal quantile.

    Parameters
    ----------
    values, baseline : [num_pairs], float

    Examples
    --------
    >>> ratio = paired_ratio(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    >>> ratio.mean, ratio.low, ratio.high
    (0.5, 0.5, 0.5)
    """
    count, below = len(values), float(baseline.mean()) if len(baseline) else 0.0
    if below == 0:
        return Interval(np.nan, np.nan, np.nan)
    ratio = float(values.mean()) / below
    if count < 2:
        return Interval(ratio, np.nan, np.nan)
    spread = float(np.sqrt(((values - ratio * baseline) ** 2).sum() / (count - 1) / count)) / abs(below)
    half = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * spread
    return Interval(ratio, ratio - half, ratio + half)


def _compared(pairs: NDArray[np.float64]) -> dict[str, Any]:
    own, llm, units = pairs[:, 0], pairs[:, 1], np.arange(len(pairs))
    result: dict[str, Any] = {}
    for name, (mean, low, high) in (
        ("mean", token_seed_interval(own, units)),
        ("difference", token_seed_interval(own - llm, units)),
        ("relative", paired_ratio(own, llm)),
    ):
        prefix = "" if name == "mean" else f"{name}_"
        result |= {name: mean, f"{prefix}low": low, f"{prefix}high": high}
    return {**result, "prompts": len(pairs)}


@dataclass(frozen=True)
class _References:
    """Reference answers of all prompts, and how like them a policy's texts are."""

    texts: Sequence[str]
    decode: Decode
    embed: Embed | None

    @cached_property
    def vectors(self) -> NDArray[np.float64]:
        assert self.embed is not None
        return self.embed(self.texts)

    def likeness(self, rounds: Rounds) -> dict[str, NDArray[np.float64]]:
        """Scores of the texts of all prompts, by name."""
        pairs = zip(rounds.token, rounds.length, strict=True)
        texts = [self.decode(row[: int(length)].tolist()) for row, length in pairs]
        scores = {}
        rouge = _rouge_l(texts, self.texts)
        if rouge is not None:
            scores["rouge_l"] = rouge
        if self.embed is not None:
            scores["cosine"] = (self.embed(texts) * self.vectors).sum(axis=1)
        return scores


def _scores(
    decider: Decider, name: str, policy: Policy, seed: int, references: _References | None
) -> pd.DataFrame:
    rounds = decider.rounds(policy, seed)
    valid = rounds.valid
    exact = (rounds.on_tree | ~valid).all(axis=1)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        total: NDArray[np.float64] = np.where(valid, values, 0.0).sum(axis=1)
        return total / rounds.length

    columns = {"llm_nll": mean(rounds.llm_nll), "tv_to_llm": mean(_tv(decider, policy, rounds, seed))}
    columns |= references.likeness(rounds) if references is not None else {}
    return pd.DataFrame(
        {
            "policy": name,
            "prompt": decider.trace.prompts,
            "token_seed": decider.token_seed(seed),
            "exact": exact,
            **{key: np.where(exact, values, np.nan) for key, values in columns.items()},
        }
    )


def _tv(decider: Decider, policy: Policy, rounds: Rounds, seed: int) -> NDArray[np.float64]:
    """Total variation distance to the LLM of every round: [num_prompts, num_tokens]."""
    if not policy.drafts:
        return np.zeros(rounds.token.shape)
    forest = decider.forest(decider.tree_seed(seed))
    between = np.add.reduceat(np.maximum(0.0, forest.x - forest.y), forest.starts)
    return np.where(rounds.transmitted, rounds.output_tv, between[rounds.node])


def _rouge_l(texts: Sequence[str], references: Sequence[str]) -> NDArray[np.float64] | None:
    """ROUGE-L F1 (Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004); None without its library."""
    try:
        from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        return None
    scorer = RougeScorer(["rougeL"])
    pairs = zip(references, texts, strict=True)
    return np.array([scorer.score(reference, text)["rougeL"].fmeasure for reference, text in pairs])


def require_exact(scores: pd.DataFrame) -> None:
    """Refuse scores of which nothing is left to compare (`TraceError`)."""
    for policy, own in scores.groupby("policy"):
        if not own["exact"].any():
            raise TraceError(
                f"no text of {policy} is recorded in full: record that policy (--extend adds to a trace)"
            )
