"""The summary of a sweep: means of every column, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from netsim.results.over_prompts import LEAST_PROMPTS, ratio_over_prompts
from netsim.results.prompt_sums import RATIOS, SUMS
from netsim.results.ratio_tables import ratio_tables
from netsim.results.statistics import IntervalTable, interval_tables

FloatArray = NDArray[np.float64]
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
    place, first_row = _places(table, point_columns)
    values = table[result_columns].to_numpy(np.float64, na_value=np.nan)
    token_seeds = table["token_seed"].to_numpy(np.int64)
    over_draws, over_fading = interval_tables(values, place, token_seeds)
    different = np.unique(np.stack([place, token_seeds]), axis=1)[0]
    columns: dict[str, object] = {
        **{column: table[column].to_numpy()[first_row] for column in point_columns},
        "seeds": np.bincount(place),
        "token_seeds": np.bincount(different),
    }
    over_prompts = (
        {} if prompts is None else _over_prompts(values, place, result_columns, prompts, point_columns)
    )
    for number, column in enumerate(result_columns):
        columns |= _ends(f"{column}_", number, over_draws, ("mean", "low", "high"))
        columns |= _ends(f"{column}_fading_", number, over_fading, ("low", "high"))
        columns |= over_prompts.get(column, {})
    return pd.DataFrame(columns)


def _places(table: pd.DataFrame, point_columns: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of the point of each row, and the first row of each point. An empty key (the threshold of hlm) is a key too."""
    if not point_columns:
        return np.zeros(len(table), np.int64), np.zeros(1, np.int64)
    # Rows of a point mostly follow each other, and then one of them is looked up for all.
    begins = np.zeros(len(table), bool)
    begins[:1] = True
    for name in point_columns:
        keys = table[name].to_numpy()
        begins[1:] |= keys[1:] != keys[:-1]
    first = np.flatnonzero(begins)
    groups = table[list(point_columns)].iloc[first].groupby(list(point_columns), sort=False, dropna=False)
    numbers = np.asarray(groups.ngroup(), np.int64)
    first_row: NDArray[np.int64] = first[np.unique(numbers, return_index=True)[1]]
    return np.repeat(numbers, np.diff(first, append=len(table))), first_row


def _ends(start: str, number: int, table: IntervalTable, ends: Sequence[str]) -> dict[str, FloatArray]:
    """Summary columns of one result column: the ``ends`` of its intervals, [num_points] each."""
    return {start + end: getattr(table, end)[:, number] for end in ends}


def _over_prompts(
    values: FloatArray,
    place: NDArray[np.int64],
    result_columns: Sequence[str],
    prompts: pd.DataFrame,
    point_columns: Sequence[str],
) -> dict[str, dict[str, FloatArray]]:
    """Summary columns of the intervals over prompts, by the result column that they are of."""
    ratios = {column: number for number, column in enumerate(result_columns) if column in RATIOS}
    ends = {column: np.full((place.max() + 1, 2), np.nan) for column in ratios}
    # So few prompts determine no interval: there is nothing to look for, point by point.
    if len(prompts) and prompts["prompt"].max() + 1 >= LEAST_PROMPTS:
        rows = _rows_of_points(place)
        prompt_rows = _rows_of_points(_places(prompts, point_columns)[0])
        whole = {name: prompts[name].to_numpy() for name in ("prompt", *SUMS)}
        for point, (own, own_prompts) in enumerate(zip(rows, prompt_rows, strict=True)):
            sums = {name: of[own_prompts] for name, of in whole.items()}
            for column, number in ratios.items():
                tables = ratio_tables(column, values[own, number], sums)
                if tables:
                    ends[column][point] = ratio_over_prompts(*tables)[1:]
    return {
        column: {f"{column}_prompts_low": both[:, 0], f"{column}_prompts_high": both[:, 1]}
        for column, both in ends.items()
    }


def _rows_of_points(place: NDArray[np.int64]) -> list[NDArray[np.int64] | slice]:
    """Rows of each point, in their order; of points that follow each other, as slices, of which nothing is copied."""
    ends = np.cumsum(np.bincount(place))
    if (np.diff(place) >= 0).all():
        return [slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
    return list(np.split(np.argsort(place, kind="stable"), ends[:-1]))
