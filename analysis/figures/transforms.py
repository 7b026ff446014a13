"""From results to what a figure draws: DataFrame in, DataFrame out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.identity import MAX_CURVES, family_of, in_order, key_of
from analysis.figures.intervals import shown_interval
from analysis.figures.labels import point_label, value_label, value_text
from analysis.figures.results import SNR, Results
from netsim.results.statistics import INTERVALS
from netsim.results.summary import summarise

#: Share of rounds that are on the trace.
EXACT_BY = "on_trace"
#: Below this share of rounds on the trace, a row is a model of the run and not a replay: figures mark it.
EXACT_ON_TRACE = 0.99
#: Curves beyond which the legend outgrows the figure, and members of a family that such a figure keeps.
CROWDED, MEMBERS_KEPT = 16, 5
#: Curves of one panel before keys beside the policy get panels of their own, and how many of these.
MANY_CURVES, MOST_PANELS = 8, 4
#: Bars with a name each: they need no look of their own.
MOST_BARS = 40
#: Settings of a policy that a label has room for, also where they have their default.
FEW_SETTINGS = 2
#: Digits that labels are given until all that differ read differently.
DIGITS = (3, 4, 6, 10)


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
        ``C``, with ``C_over``, what that interval is over, as `INTERVALS` has it, and ``exact``: whether every row of
        the point has at least `EXACT_ON_TRACE` of its rounds on the trace.

    Raises
    ------
    ValueError
        If the interval over prompts is wanted of a column that has none.
    """
    axes = list(results.axes)
    table = results.table.assign(exact=~(results.table[EXACT_BY] < EXACT_ON_TRACE))
    summary = _summary(results, columns)
    for column in dict.fromkeys(columns):
        prefix = shown_interval(summary, column, results.interval)
        summary[f"{column}_over"] = INTERVALS[prefix]
        for end in ("low", "high"):
            summary[f"{column}_{end}"] = summary[f"{column}_{prefix}{end}"]
    same_point = table.groupby(axes, sort=False, dropna=False) if axes else table.groupby(lambda _row: 0)
    summary["exact"] = same_point["exact"].all().to_numpy()
    summary["label"] = labels(results, summary, axes)
    return summary


def _summary(results: Results, columns: Sequence[str]) -> pd.DataFrame:
    """Means and intervals of columns, a row per point: those that the sweep wrote, if it did."""
    axes, wanted = list(results.axes), list(dict.fromkeys(columns))
    if results.summary is not None and {f"{column}_mean" for column in wanted} <= {*results.summary}:
        ends = [
            f"{column}_{end}"
            for column in wanted
            for end in ("mean", *(start + name for start in INTERVALS for name in ("low", "high")))
        ]
        known = [name for name in ("seeds", "token_seeds", *ends) if name in results.summary]
        return results.summary[[*axes, *known]].copy()
    prompts = None if results.interval == "draws" else results.prompts()
    return summarise(results.table[[*axes, "token_seed", *wanted]], axes, prompts)


def curves(results: Results, x: str, y: str) -> pd.DataFrame:
    """Points of `y` over the swept key `x`, told apart by the other axes.

    Returns
    -------
    DataFrame
        ``label`` (the curve, in the order of the sweep), ``key`` (its values on the other axes), ``x``, ``mean``,
        ``low``, ``high``, ``over``, ``exact``. Curves stay together, their points ascend in ``x``; ``x`` is NaN for a point
        without the key.
    """
    table = points(results, [y])
    others = [axis for axis in results.axes if axis != x]
    names = labels(results, table, others)
    drawn = pd.DataFrame(
        {
            "label": pd.Categorical(names, categories=list(dict.fromkeys(names))),
            "key": [key_of(point, others) for point in table.to_dict("records")],
            "x": table[x].to_numpy(dtype=np.float64, na_value=np.nan),
            "mean": table[f"{y}_mean"],
            "low": table[f"{y}_low"],
            "high": table[f"{y}_high"],
            "over": table[f"{y}_over"],
            "exact": table["exact"],
        }
    )
    return drawn.sort_values(["label", "x"], kind="stable", ignore_index=True)


def families(results: Results, columns: Sequence[str]) -> pd.DataFrame:
    """The rows of `points`, labelled by policy: those that differ in numbers of the policy alone are one family.

    Returns
    -------
    DataFrame
        As `points`, in the order of the sweep, with ``key`` as `curves` has it. A family of several points is
        labelled with the first and the last value of each setting that varies: ``u-hlm, threshold 0.1 to 0.9``.
    """
    table = points(results, columns)
    settings = numbers_of(results)
    others = [axis for axis in results.axes if axis not in settings]
    table["family"] = labels(results, table, others)
    table["key"] = [key_of(point, others) for point in table.to_dict("records")]
    for name, family in table.groupby("family", sort=False):
        varying = [axis for axis in settings if family[axis].nunique() > 1]
        ends = [_range(axis, family[axis]) for axis in varying]
        table.loc[family.index, "label"] = ", ".join(filter(None, [str(name), *ends]))
    # Along a family's line its settings ascend, whatever order the sweep names them in.
    order = dict.fromkeys(table["family"])
    table["place"] = table["family"].map({name: number for number, name in enumerate(order)})
    return table.sort_values(["place", *settings], kind="stable", ignore_index=True).drop(
        columns=["family", "place"]
    )


def _range(axis: str, values: pd.Series[Any]) -> str:
    """``threshold 0.1 to 0.9``."""
    known = values.dropna().sort_values()
    return f"{value_label(axis, known.iloc[0])} to {value_text(known.iloc[-1])}"


def settings_of(axes: Sequence[str]) -> list[str]:
    """The settings of policies among the swept keys."""
    return [axis for axis in axes if axis.startswith("policy.") and axis != "policy.name"]


def numbers_of(results: Results) -> list[str]:
    """Those settings of policies that are numbers throughout: along them points can be joined."""
    numeric = pd.api.types.is_numeric_dtype
    return [axis for axis in settings_of(results.axes) if numeric(results.whole[axis])]


def panels(results: Results, axis: str) -> list[tuple[str, Results]]:
    """Lowest, middle and highest value of an axis, each with its title and rows; all rows where it is no axis."""
    if axis not in results.axes:
        return [("", results)]
    values = np.sort(results.table[axis].unique())
    shown = values if len(values) <= 3 else values[[0, len(values) // 2, -1]]
    return [(value_label(axis, float(value)), results.at(axis, value)) for value in shown]


def parts(results: Results, x: str) -> list[tuple[str, Results]]:
    """The panels of curves over ``x``, each with its title and rows.

    Over another key than the SNR, three values of that; over the SNR, where curves are many and a key or block beside
    the policy has few values, a panel for each of these.
    """
    if x != SNR:
        return panels(results, SNR)
    axes = [axis for axis in results.axes if axis != x]
    beside = [axis for axis in axes if not axis.startswith("policy.")]
    of_panel = results.table[beside].drop_duplicates() if beside else pd.DataFrame()
    if len(results.table[axes].drop_duplicates()) <= MANY_CURVES or not 2 <= len(of_panel) <= MOST_PANELS:
        return [("", results)]
    left = tuple(axis for axis in results.axes if axis not in beside)
    shown = []
    for point in of_panel.to_dict("records"):
        key = key_of(point, beside)

        def is_here(table: pd.DataFrame, key: tuple[Any, ...] = key) -> pd.Series[bool]:
            rows = [key_of(row, beside) == key for row in table[beside].to_dict("records")]
            return pd.Series(rows, table.index, dtype=bool)

        title = point_label({axis: value for axis, value in point.items() if of_panel[axis].nunique() > 1})
        shown.append((title, replace(results.keep(is_here), axes=left)))
    return shown


def thinned(results: Results, x: str) -> tuple[Results, str]:
    """A crowded figure's curves over ``x``: of families with many members some, evenly spaced; and what was left out.

    Raises
    ------
    ValueError
        If that is still more than anybody could tell apart.
    """
    # Another SNR is another panel.
    others = [axis for axis in results.axes if axis not in (x, SNR)]
    if not others:
        return results, ""
    found = results.table[others].drop_duplicates()
    if len(found) <= CROWDED:
        return results, ""
    kept: list[dict[Hashable, Any]] = []
    left_out: list[str] = []
    members: dict[str, list[dict[Hashable, Any]]] = {}
    for point in found.to_dict("records"):
        members.setdefault(family_of(point), []).append(point)
    for name, own in members.items():
        places = np.unique(np.linspace(0, len(own) - 1, min(len(own), MEMBERS_KEPT)).round().astype(int))
        ordered = in_order(own, others)
        kept += [ordered[place] for place in places]
        if len(places) < len(own):
            left_out.append(f"{len(places)} of {len(own)} {name or 'curves'}".rstrip())
    check_number(len(kept))
    chosen = {key_of(point, others) for point in kept}

    def is_chosen(table: pd.DataFrame) -> pd.Series[bool]:
        rows = [key_of(point, others) in chosen for point in table[others].to_dict("records")]
        return pd.Series(rows, table.index, dtype=bool)

    return results.keep(is_chosen), f"Shown: {', '.join(left_out)}."


def check_number(number: int, most: int = MAX_CURVES) -> None:
    """Refuse a figure that nobody could read."""
    if number > most:
        raise ValueError(
            f"{number} curves or bars are more than one figure can hold ({most}): "
            "choose among them with --where KEY=VALUE, or draw another kind of figure"
        )


def labels(results: Results, table: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """A label for every row, from those axes on which the rows differ; different rows never read the same.

    A setting on which the rows of one policy agree is not said: it belongs in a caption.
    """
    varying = [axis for axis in axes if table[axis].nunique(dropna=False) > 1]
    if not varying:
        return [""] * len(table)
    rows = table[varying].to_dict("records")
    settings = settings_of(varying)
    spread = _spread(rows, settings)
    said = [
        {
            axis: value
            for axis, value in row.items()
            if axis not in settings or (family_of(row), axis) in spread
        }
        for row in rows
    ]
    different = len({key_of(row, varying) for row in rows})
    for short in (_shortened(said), said):
        for digits in DIGITS:
            texts = [_label(results, row, digits) for row in short]
            if len(set(texts)) == different:
                return texts
    return texts


def _shortened(rows: Sequence[dict[Hashable, Any]]) -> Sequence[dict[Hashable, Any]]:
    """Without settings that have their default, where policies have so many that a label is long."""
    known = (
        sum(not pd.isna(value) for axis, value in row.items() if axis in settings_of([str(axis)]))
        for row in rows
    )
    if max(known, default=0) <= FEW_SETTINGS:
        return rows
    from analysis.figures.defaults import without_defaults  # noqa: PLC0415  (few figures need the scenario's kinds)

    return [without_defaults(row) for row in rows]


def _spread(rows: Sequence[dict[Hashable, Any]], settings: Sequence[str]) -> set[tuple[str, str]]:
    """The settings on which the rows of a policy differ."""
    values: dict[tuple[str, str], set[Any]] = {}
    for row in rows:
        for axis in settings:
            values.setdefault((family_of(row), axis), set()).add(None if pd.isna(row[axis]) else row[axis])
    return {name for name, found in values.items() if len(found) > 1}


def _label(results: Results, row: dict[Hashable, Any], digits: int) -> str:
    """A point's label, its threshold by name where the scenario gives it by name: ``risk-prone (0.54)``."""
    threshold = row.get("policy.threshold")
    for name, numbers in results.named.items():
        if threshold is not None and any(np.isclose(threshold, number, rtol=1e-9) for number in numbers):
            rest = {key: value for key, value in row.items() if key != "policy.threshold"}
            return f"{point_label(rest, digits)}, {name} ({value_text(threshold, 2)})".removeprefix(", ")
    return point_label(row, digits)
