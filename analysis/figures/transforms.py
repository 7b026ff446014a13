"""From results to what a figure draws: DataFrame in, DataFrame out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.figures.labels import point_label, value_label, value_text
from analysis.figures.results import Results
from netsim.results.statistics import summarise

#: Below this share of rounds on the trace, a row is a model of the run and not a replay: figures mark it.
EXACT_ON_TRACE = 0.99


def points(results: Results, columns: Sequence[str]) -> pd.DataFrame:
    """One row per point, in the order of the sweep.

    Parameters
    ----------
    results : the rows of a sweep.
    columns : the result columns wanted.

    Returns
    -------
    DataFrame
        The axes, ``label`` (from the axes that vary), ``C_mean``, ``C_low`` and ``C_high`` for each column
        ``C`` (95 % interval over token seeds), and ``exact``: whether every row of the point has at least
        `EXACT_ON_TRACE` of its rounds on the trace.
    """
    axes = list(results.axes)
    table = results.table.assign(exact=~(results.table["on_trace"] < EXACT_ON_TRACE))
    summary = summarise(table[[*axes, "token_seed", *columns]], axes)
    same_point = table.groupby(axes, sort=False, dropna=False) if axes else table.groupby(lambda _row: 0)
    summary["exact"] = same_point["exact"].all().to_numpy()
    summary["label"] = _labels(summary, axes)
    return summary


def curves(results: Results, x: str, y: str) -> pd.DataFrame:
    """Points of `y` over the swept key `x`, told apart by the other axes.

    Returns
    -------
    DataFrame
        ``label`` (the curve, in the order of the sweep), ``x``, ``mean``, ``low``, ``high``, ``exact``.
        Curves stay together, their points ascend in ``x``; ``x`` is NaN for a point without the key.
    """
    table = points(results, [y])
    labels = _labels(table, [axis for axis in results.axes if axis != x])
    drawn = pd.DataFrame(
        {
            "label": pd.Categorical(labels, categories=list(dict.fromkeys(labels))),
            "x": table[x].to_numpy(dtype=np.float64, na_value=np.nan),
            "mean": table[f"{y}_mean"],
            "low": table[f"{y}_low"],
            "high": table[f"{y}_high"],
            "exact": table["exact"],
        }
    )
    return drawn.sort_values(["label", "x"], kind="stable", ignore_index=True)


def families(results: Results, columns: Sequence[str]) -> pd.DataFrame:
    """The rows of `points`, labelled by policy: those that differ in the policy's settings alone are one family.

    Returns
    -------
    DataFrame
        As `points`, in the order of the sweep. A family of several points is labelled with the first and the
        last value of each setting that varies: ``u-hlm, threshold 0.1 to 0.9``.
    """
    table = points(results, columns)
    settings = [axis for axis in results.axes if axis.startswith("policy.") and axis != "policy.name"]
    table["family"] = _labels(table, [axis for axis in results.axes if axis not in settings])
    for name, family in table.groupby("family", sort=False):
        varying = [axis for axis in settings if family[axis].nunique(dropna=False) > 1]
        if varying:
            ends = [
                f"{value_label(axis, family[axis].iloc[0])} to {value_text(family[axis].iloc[-1])}"
                for axis in varying
            ]
            table.loc[family.index, "label"] = ", ".join(filter(None, [str(name), *ends]))
    return table.drop(columns="family")


def panels(results: Results, axis: str) -> list[tuple[str, Results]]:
    """Lowest, middle and highest value of an axis, each with its title and rows; all rows where it is no axis."""
    if axis not in results.axes:
        return [("", results)]
    values = np.sort(results.table[axis].unique())
    shown = values if len(values) <= 3 else values[[0, len(values) // 2, -1]]
    return [(value_label(axis, float(value)), results.at(axis, value)) for value in shown]


def _labels(table: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """A label for every row, from those axes on which the rows differ."""
    varying = [axis for axis in axes if table[axis].nunique(dropna=False) > 1]
    return (
        [point_label(point) for point in table[varying].to_dict("records")] if varying else [""] * len(table)
    )
