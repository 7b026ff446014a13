"""Policies beside ``llm`` and beside ``hlm``: scores with intervals over prompts.

Every comparison is paired: both policies answered the same prompts under the same token seeds. The papers give
accuracy relative to the LLM, and put HLM itself at 97.5 % of it: a ratio to ``hlm`` is another figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.accuracy.outputs import BASELINES
from netsim.results.over_prompts import paired_ratio_over_prompts, ratio_over_prompts
from netsim.results.statistics import Interval

FloatArray = NDArray[np.float64]
UNKNOWN = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Score:
    """A score that is compared.

    Attributes
    ----------
    column : str
        Of the table of outputs.
    in_nats : bool
        Whether the column holds nats, of which a likelihood is made.
    needs : str
        What has to be given for it.
    """

    column: str
    in_nats: bool = False
    needs: str = ""

    def mean(self, values: FloatArray) -> Interval:
        """The mean over prompts, [num_prompts]."""
        mean, low, high = ratio_over_prompts(values[None], np.ones((1, len(values))))
        return Interval(*np.exp([-mean, -high, -low]).tolist()) if self.in_nats else Interval(mean, low, high)

    def ratio(self, values: FloatArray, baseline: FloatArray) -> Interval:
        """Ratio of the means of two policies over the same prompts, [num_prompts]."""
        ones = np.ones((1, len(values)))
        if self.in_nats:
            return Interval(*np.exp(ratio_over_prompts((baseline - values)[None], ones)).tolist())
        if min(values.mean(), baseline.mean()) <= 0:
            return UNKNOWN
        return paired_ratio_over_prompts(values[None], ones, baseline[None], ones)


_TEXT = "--tokenizer and rouge-score (pip install -e '.[accuracy]')"
_MEANING = "--tokenizer and --encoder"
#: Scores by name. ``likelihood`` is the geometric mean of what the LLM gives a token; its ratio is the likelihood kept.
SCORES = {
    "likelihood": Score("llm_nll", in_nats=True),
    "tv_to_llm": Score("tv_to_llm"),
    "cosine": Score("cosine", needs=f"{_MEANING}, and prompts with references"),
    "cosine_llm": Score("cosine_llm", needs=f"{_MEANING}, and two token seeds"),
    "rouge_l": Score("rouge_l", needs=f"{_TEXT}, and prompts with references"),
    "rouge_l_llm": Score("rouge_l_llm", needs=f"{_TEXT}, and two token seeds"),
}


def compare(table: pd.DataFrame) -> pd.DataFrame:
    """Scores of every policy, absolute and relative to ``llm`` and to ``hlm``.

    Parameters
    ----------
    table : DataFrame
        As `analysis.accuracy.outputs.Outputs` has it, perhaps with columns of similarity. Only outputs that are exact
        count, in a ratio only prompts and token seeds where both are.

    Returns
    -------
    DataFrame
        One row per policy and score: ``mean``, ``of_llm`` and ``of_hlm`` (ratios of means over the same prompts), each
        with the ends of its 95 % interval over prompts (``…_low``, ``…_high``; `netsim.results.over_prompts`);
        ``prompts`` that the mean is over, and ``exact``, the share of outputs that were recorded. A ratio to or of
        something that is not above 0 is NaN.
    """
    rows = []
    present = {name: score for name, score in SCORES.items() if score.column in table}
    for policy, own in table.groupby("policy", sort=False):
        for name, score in present.items():
            values = own.groupby("prompt")[score.column].mean().dropna().to_numpy(float)
            if len(values) == 0:
                continue
            row: dict[str, Any] = {"policy": policy, "score": name}
            row |= _named("mean", score.mean(values))
            for baseline in BASELINES:
                pairs = _pairs(own, table[table["policy"] == baseline], score.column)
                row |= _named(f"of_{baseline}", score.ratio(*pairs.T) if len(pairs) else UNKNOWN)
            rows.append({**row, "prompts": len(values), "exact": float(own["exact"].mean())})
    return pd.DataFrame(rows)


def missing_scores(compared: pd.DataFrame) -> dict[str, str]:
    """Scores that a comparison lacks, and what each needs."""
    return {name: score.needs for name, score in SCORES.items() if name not in set(compared["score"])}


def missing_baselines(table: pd.DataFrame) -> list[str]:
    """Baselines of which no output is recorded in full, so that there is no ratio to them."""
    recorded = table.groupby("policy")["exact"].any()
    return [name for name in BASELINES if not recorded[name]]


def _pairs(own: pd.DataFrame, baseline: pd.DataFrame, column: str) -> FloatArray:
    """Means of both policies over the token seeds that both have: [num_prompts, 2]."""
    keys = ["prompt", "token_seed"]
    both = own[[*keys, column]].merge(baseline[[*keys, column]], on=keys, suffixes=("", "_baseline")).dropna()
    return both.groupby("prompt")[[column, f"{column}_baseline"]].mean().to_numpy(float)


def _named(name: str, interval: Interval) -> dict[str, Any]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
