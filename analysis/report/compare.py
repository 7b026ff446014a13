"""Two results folders: the paired speed-up, cell by cell, and what differs in their scenarios."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.figures.labels import point_label
from analysis.figures.results import Interval, Results, read_results
from netsim.errors import Fault, InputError
from netsim.results.over_prompts import LEAST_PROMPTS
from netsim.results.ratio_tables import paired_ratio
from netsim.results.statistics import INTERVALS
from netsim.sweeps.products import SCENARIO, read_product

#: What is compared where nobody chose.
COLUMN = "throughput_tok_s"


def speed_ups(folder: Path, baseline: Path, column: str = COLUMN, interval: Interval = "") -> pd.DataFrame:
    """How many times as much each point of one sweep gives as the same point of another.

    Parameters
    ----------
    column : a result column of positive numbers; the throughput, whose ratio is a speed-up.
    interval : ``prompts``, token ``draws``, or, empty, over prompts where both folders have the same number of them.

    Returns
    -------
    DataFrame
        ``point`` (its label), ``ratio``, ``low`` and ``high`` of the paired interval, ``over`` (what the interval is
        over, as ``netsim.results.statistics.INTERVALS`` has it), and ``pairs``, the rows with the same seed in both.

    Raises
    ------
    InputError
        If a folder holds no results, the two have no point in common, or no interval over prompts, which is wanted.
    """
    ours, theirs = rows_of(folder), rows_of(baseline)
    for own, where in ((ours, folder), (theirs, baseline)):
        if column not in own.columns or not (own.table[column].dropna() > 0).all():
            raise InputError(
                [Fault(str(where), "", f"a ratio needs a column of positive numbers, given {column}")]
            )
    shared = [axis for axis in ours.axes if axis in theirs.axes]
    keys = [*shared, "seed"]
    pairs = ours.table[keys].merge(theirs.table[keys], on=keys)
    if pairs.empty:
        text = f"no point and seed in common with {baseline}"
        raise InputError([Fault(str(folder), "", text)])
    if pairs.duplicated(keys).any():
        text = f"several points differ only in keys that {baseline} does not sweep: nothing to pair them with"
        raise InputError([Fault(str(folder), "", text)])
    tables = [own.table.merge(pairs, on=keys) for own in (ours, theirs)]
    read = [None if interval == "draws" else own.prompts() for own in (ours, theirs)]
    sums = [None if own is None else own.merge(pairs, on=keys) for own in read]
    points: list[dict[Hashable, Any]] = pairs[shared].drop_duplicates().to_dict("records") if shared else [{}]
    table = pd.DataFrame([_speed_up(column, at, tables, sums) for at in points])
    if interval == "prompts" and not (table["over"] == INTERVALS["prompts_"]).all():
        text = f"--interval prompts: {column} has none over the same number of prompts, at least {LEAST_PROMPTS}, in both"
        raise InputError([Fault(str(folder), "", text)])
    return table


def rows_of(folder: Path) -> Results:
    """Rows of a results folder.

    Raises
    ------
    InputError
        If it holds none.
    """
    try:
        return read_results(folder)
    except ValueError as error:
        raise InputError([Fault("", "", str(error))]) from None


def _speed_up(
    column: str,
    at: dict[Hashable, Any],
    tables: Sequence[pd.DataFrame],
    sums: Sequence[pd.DataFrame | None],
) -> dict[str, object]:
    own, baseline = (_at(table, at) for table in tables)
    ours, theirs = (None if part is None else _at(part, at) for part in sums)
    prompts = None if ours is None or theirs is None else (ours, theirs)
    interval, over = paired_ratio(column, own, baseline, prompts)
    return {
        "point": point_label(at) or "the only point",
        "ratio": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "over": over,
        "pairs": len(own),
    }


def _at(table: pd.DataFrame, at: dict[Hashable, Any]) -> pd.DataFrame:
    """The rows of one point; an empty key is a key too."""
    for axis, value in at.items():
        table = table[table[axis].isna() if pd.isna(value) else table[axis] == value]
    return table


def scenario_differences(folder: Path, baseline: Path) -> str:
    """Lines of the two scenarios that differ, as a unified diff; empty where they are the same."""
    before, after = (
        read_product(own, SCENARIO).decode(errors="replace").splitlines() for own in (baseline, folder)
    )
    return "\n".join(difflib.unified_diff(before, after, str(baseline), str(folder), lineterm="", n=1))
