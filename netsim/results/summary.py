"""The summary of a sweep: means of every column, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from netsim.results.over_prompts import ratio_over_prompts
from netsim.results.prompt_sums import RATIOS
from netsim.results.ratio_tables import ratio_tables
from netsim.results.statistics import fading_interval, token_seed_interval

#: Numbers that name a row; their mean says nothing.
KEYS = ("seed", "token_seed")


def summarise(
    table: pd.DataFrame, point_columns: Sequence[str], prompts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row per point of a sweep: mean and intervals of every numeric result column.

    Parameters
    ----------
    table : results, one row per point and seed, with the columns ``seed`` and ``token_seed``.
    point_columns : names of the columns that tell points apart; none for a run of a single point.
    prompts : sums of the prompts (`netsim.results.prompt_sums.SUMS`), one row per point, seed and prompt, optional.

    Returns
    -------
    DataFrame
        The point columns, ``seeds`` and ``token_seeds`` (how many rows and distinct token seeds), and for
        each numeric column ``C``: ``C_mean``, ``C_low``, ``C_high`` (other token draws and fading on these
        prompts: `token_seed_interval`), ``C_fading_low``, ``C_fading_high`` (other fading alone:
        `fading_interval`), and, where ``prompts`` are given and C may be a ratio of their sums, ``C_prompts_low`` and
        ``C_prompts_high`` (other prompts: `ratio_over_prompts`), NaN where it is none: the throughput of several
        devices is the mean of theirs. Points keep the order in which the table has them.
    """
    numeric = table.select_dtypes("number").columns
    result_columns = [column for column in numeric if column not in (*point_columns, *KEYS)]
    points = _points(table, point_columns)
    sums = [None] * len(points) if prompts is None else _points(prompts, point_columns)
    return pd.DataFrame(
        [
            _of_point(point, point_columns, result_columns, own)
            for point, own in zip(points, sums, strict=True)
        ]
    )


def _points(table: pd.DataFrame, point_columns: Sequence[str]) -> list[pd.DataFrame]:
    """The rows of each point. An empty key (the threshold of hlm) is a key too."""
    if not point_columns:
        return [table]
    place = table.groupby(list(point_columns), sort=False, dropna=False).ngroup().to_numpy()
    return [point for _, point in table.groupby(place, sort=True)]


def _of_point(
    point: pd.DataFrame,
    point_columns: Sequence[str],
    result_columns: Sequence[str],
    prompts: pd.DataFrame | None,
) -> dict[str, object]:
    token_seeds = point["token_seed"].to_numpy()
    row: dict[str, object] = {column: point[column].iloc[0] for column in point_columns}
    row |= {"seeds": len(point), "token_seeds": len(np.unique(token_seeds))}
    for column in result_columns:
        values = point[column].to_numpy(dtype=np.float64, na_value=np.nan)
        row[f"{column}_mean"], row[f"{column}_low"], row[f"{column}_high"] = token_seed_interval(
            values, token_seeds
        )
        _, row[f"{column}_fading_low"], row[f"{column}_fading_high"] = fading_interval(values, token_seeds)
        if prompts is not None and column in RATIOS:
            tables = ratio_tables(column, values, prompts)
            over_prompts = ratio_over_prompts(*tables)[1:] if tables else (np.nan, np.nan)
            row[f"{column}_prompts_low"], row[f"{column}_prompts_high"] = over_prompts
    return row
