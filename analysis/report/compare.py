"""Two results folders: the paired speed-up, cell by cell, and what differs in their scenarios."""

from __future__ import annotations

import difflib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.figures.labels import point_label
from analysis.figures.results import Results, read_results
from netsim.errors import Fault, InputError
from netsim.results.statistics import paired_ratio_interval
from netsim.sweeps.products import SCENARIO, read_product

#: What is compared where nobody chose.
COLUMN = "throughput_tok_s"


def speed_ups(folder: Path, baseline: Path, column: str = COLUMN) -> pd.DataFrame:
    """How many times as much each point of one sweep gives as the same point of another.

    Parameters
    ----------
    column : a result column of positive numbers; the throughput, whose ratio is a speed-up.

    Returns
    -------
    DataFrame
        ``point`` (its label), ``ratio``, ``low`` and ``high`` of the paired interval, and ``pairs``, the rows with
        the same seed in both.

    Raises
    ------
    InputError
        If a folder holds no results, or the two have no point in common.
    """
    ours, theirs = rows_of(folder), rows_of(baseline)
    for own, where in ((ours, folder), (theirs, baseline)):
        if column not in own.columns or not (own.table[column].dropna() > 0).all():
            raise InputError(
                [Fault(str(where), "", f"a ratio needs a column of positive numbers, given {column}")]
            )
    shared = [axis for axis in ours.axes if axis in theirs.axes]
    keys = [*shared, "seed"]
    columns = [*keys, column, "token_seed"]
    left, right = (_keyed(own, columns) for own in (ours, theirs))
    pairs = left.merge(right[[*keys, column]], on=keys, suffixes=("", "_baseline"))
    if pairs.empty:
        text = f"no point and seed in common with {baseline}"
        raise InputError([Fault(str(folder), "", text)])
    if pairs.duplicated(keys).any():
        text = f"several points differ only in keys that {baseline} does not sweep: nothing to pair them with"
        raise InputError([Fault(str(folder), "", text)])
    groups = pairs.groupby(shared, sort=False, dropna=False) if shared else [((), pairs)]
    return pd.DataFrame([_speed_up(key, rows, shared, column) for key, rows in groups])


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


def _keyed(results: Results, columns: list[str]) -> pd.DataFrame:
    return results.table[columns]


def _speed_up(key: Any, rows: pd.DataFrame, axes: list[str], column: str) -> dict[str, object]:
    at: dict[Hashable, Any] = dict(zip(axes, key if isinstance(key, tuple) else (key,), strict=True))
    ratio, low, high = paired_ratio_interval(rows[column], rows[f"{column}_baseline"], rows["token_seed"])
    return {
        "point": point_label(at) or "the only point",
        "ratio": ratio,
        "low": low,
        "high": high,
        "pairs": len(rows),
    }


def scenario_differences(folder: Path, baseline: Path) -> str:
    """Lines of the two scenarios that differ, as a unified diff; empty where they are the same."""
    before, after = (
        read_product(own, SCENARIO).decode(errors="replace").splitlines() for own in (baseline, folder)
    )
    return "\n".join(difflib.unified_diff(before, after, str(baseline), str(folder), lineterm="", n=1))
