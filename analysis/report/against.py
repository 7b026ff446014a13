"""Every policy against hlm, whose output is the LLM's exactly: how much faster, and what the LLM makes of the text."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.identity import key_of
from analysis.figures.labels import point_label
from analysis.figures.results import Results
from netsim.results.over_prompts import paired_difference_over_prompts
from netsim.results.ratio_tables import paired_ratio, ratio_tables
from netsim.results.statistics import INTERVALS, Interval, paired_interval

THROUGHPUT, NLL = "throughput_tok_s", "llm_nll"
#: The accuracy that arXiv 2412.12687 keeps, 97.54 % of the LLM's, as a round number.
KEPT = 0.97


@dataclass(frozen=True)
class Comparison:
    """One policy against hlm at the same channel, under the same draws and prompts.

    Attributes
    ----------
    place : str. The point without its policy, in words: ``SNR 5 dB``.
    policy : str. The policy, in words.
    speed_up : Interval. Throughput over hlm's.
    accuracy : Interval. exp(nll of hlm - nll); NaN where the likelihood is undefined.
    threshold : bool. Whether the policy has one to choose; a baseline has not.
    over : tuple of str. What the intervals of speed-up and accuracy are over.
    """

    place: str
    policy: str
    speed_up: Interval
    accuracy: Interval
    threshold: bool
    over: tuple[str, str]


def against_hlm(results: Results) -> list[Comparison]:
    """Every point with an hlm beside it, in the order of the sweep; none where hlm is not among the policies."""
    beside = [axis for axis in results.axes if not axis.startswith("policy.")]
    points = results.table[list(results.axes)].drop_duplicates().to_dict("records")
    hlm = {key_of(point, beside): point for point in points if point.get("policy.name") == "hlm"}
    found = []
    for point in points:
        baseline = hlm.get(key_of(point, beside))
        if baseline is None or point is baseline:
            continue
        own, theirs = (_rows(results, one) for one in (point, baseline))
        speed_up, over = paired_ratio(THROUGHPUT, own[0], theirs[0], _both(own, theirs))
        accuracy, accuracy_over = _accuracy(own, theirs)
        place = point_label({axis: point[axis] for axis in beside}) or "the only channel"
        policy = point_label({axis: value for axis, value in point.items() if axis not in beside})
        threshold = not pd.isna(point.get("policy.threshold"))
        found.append(Comparison(place, policy, speed_up, accuracy, threshold, (over, accuracy_over)))
    return found


def best_kept(comparisons: list[Comparison]) -> Comparison | None:
    """The fastest policy with a threshold whose mean accuracy is at least `KEPT`; None where none is faster than hlm."""
    kept = [
        one for one in comparisons if one.threshold and one.accuracy.mean >= KEPT and one.speed_up.mean > 1
    ]
    return max(kept, key=lambda one: one.speed_up.mean, default=None)


#: Rows of one point, and its prompts' sums.
Rows = tuple[pd.DataFrame, pd.DataFrame | None]


def _rows(results: Results, point: dict[Hashable, Any]) -> Rows:
    def here(table: pd.DataFrame) -> pd.Series[bool]:
        chosen = pd.Series(data=True, index=table.index)
        for axis, value in point.items():
            chosen &= table[axis].isna() if pd.isna(value) else table[axis] == value
        return chosen

    kept = results.keep(here)
    prompts = None if results.interval == "draws" else kept.prompts()
    sums = None if prompts is None else prompts.sort_values(["seed", "prompt"])
    return kept.table.sort_values("seed"), sums


def _both(own: Rows, theirs: Rows) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    return None if own[1] is None or theirs[1] is None else (own[1], theirs[1])


def _accuracy(own: Rows, hlm: Rows) -> tuple[Interval, str]:
    """What the LLM makes of a token compared with hlm's, as ``netsim optimize`` has it."""
    tables = [ratio_tables(NLL, rows[NLL].astype(float), sums) for rows, sums in (own, hlm)]
    ours, theirs = tables
    over = INTERVALS[""]
    difference = Interval(np.nan, np.nan, np.nan)
    if ours is not None and theirs is not None and ours[0].shape == theirs[0].shape:
        difference, over = paired_difference_over_prompts(*ours, *theirs), INTERVALS["prompts_"]
    if np.isnan(difference.low):
        ours_nll, hlm_nll = (rows[NLL].astype(float) for rows, _ in (own, hlm))
        difference, over = paired_interval(ours_nll, hlm_nll, own[0]["token_seed"]), INTERVALS[""]
    mean, low, high = difference
    return Interval(*(float(np.exp(-end)) for end in (mean, high, low))), over
