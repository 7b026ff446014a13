"""Which interval of a column is shown, and how a caption names it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.figures.labels import title_and_unit
from analysis.figures.results import Interval, Results
from netsim.results.over_prompts import LEAST_PROMPTS
from netsim.results.statistics import INTERVALS


def shown_interval(summary: pd.DataFrame, column: str, wanted: Interval) -> str:
    """Which interval of a column is shown, as a key of ``netsim.results.statistics.INTERVALS``.

    That over prompts, unless some points have that over draws alone (of several devices, say): a figure of which some
    points have no interval would say that they are exact.

    Raises
    ------
    ValueError
        If the interval over prompts is wanted of a column that has none.
    """
    over_prompts = f"{column}_prompts_low"
    if wanted != "draws" and over_prompts in summary and summary[over_prompts].notna().any():
        lacking = summary[over_prompts].isna() & summary[f"{column}_low"].notna()
        if wanted == "prompts" or not lacking.any():
            return "prompts_"
        return ""
    if wanted == "prompts" and summary[f"{column}_mean"].notna().any():
        raise ValueError(
            f"--interval prompts: {column} has no interval over prompts: it takes prompts.parquet, at least "
            f"{LEAST_PROMPTS} prompts, and a column that is a ratio of their sums"
        )
    return ""


def interval_words(results: Results, table: pd.DataFrame, columns: Sequence[str]) -> str:
    """What the intervals of some columns of `points` are, or why there are none; empty where there is nothing to say."""
    over: dict[str, list[str]] = {}
    for column in dict.fromkeys(columns):
        for words in table.loc[table[f"{column}_low"].notna(), f"{column}_over"].unique():
            over.setdefault(words, []).append(title_and_unit(column)[0])
    if len(over) == 1:
        return next(iter(over))
    if over:
        first, *others = sorted(over, key=list(INTERVALS.values()).index)
        return "; ".join([first, *(f"of {', '.join(over[words])}: {words}" for words in others)])
    if results.table["token_seed"].nunique() > 1:
        return ""
    rows = results.table["seed"].nunique()
    return "One seed: no interval" if rows == 1 else f"{rows} seeds of one token seed: no interval"
