"""Accuracy of the pairs' texts, as the papers measure it, for ``docs/reproduction.md``."""

from __future__ import annotations

import pandas as pd

from analysis.accuracy.compare import compare
from analysis.accuracy.outputs import named_policies, outputs_of
from analysis.accuracy.similarity import with_similarity
from analysis.reproduction.tables import NONE, ROOT, table
from netsim.results.similarity_file import read_similarities
from traces.format.trace import Trace

#: Policies of the table on each pair, and the scores: the cosine is the papers' measure.
POLICIES = {
    "tiny": ("llm", "hlm", "u-hlm:threshold=0.1", "u-hlm:threshold=0.3", "u-hlm:threshold=0.5", "rand-hlm:skip_probability=0.448"),
    "qwen": ("llm", "hlm", "u-hlm:threshold=0", "u-hlm:threshold=0.2", "u-hlm:threshold=0.65", "u-hlm:threshold=1", "rand-hlm:skip_probability=0.4"),
}  # fmt: skip
SCORES = ("cosine", "rouge_l", "likelihood")
NAMES = {"tiny": "built-in pair", "qwen": "real pair"}


def texts_section() -> str:
    """Scores of the recorded texts, each relative to llm and to hlm, with intervals over prompts."""
    rows = []
    for name, policies in POLICIES.items():
        trace = Trace.open(ROOT / "traces" / name)
        recorded = [policy for policy in policies if policy in trace.manifest.policies]
        outputs = outputs_of(trace, named_policies(trace, recorded))
        stored = read_similarities(trace)
        scored = compare(outputs.table if stored is None else with_similarity(outputs, stored))
        rows += [
            [
                f"{NAMES[name]}, {policy}",
                score,
                *(_interval(own, kind) for kind in ("mean", "of_llm", "of_hlm")),
            ]
            for policy in recorded
            for score in SCORES
            for _, own in scored[(scored["policy"] == policy) & (scored["score"] == score)].iterrows()
        ]
    return table(["", "score", "mean", "relative to llm", "relative to hlm"], rows)


def _interval(row: pd.Series, name: str) -> str:
    """``0.975 [0.968, 0.982]``."""
    if pd.isna(row[name]):
        return NONE
    return f"{row[name]:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"
