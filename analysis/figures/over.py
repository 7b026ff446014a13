"""Any result column over any swept key or over another column: one machinery, of which the kinds of figure are cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.drawing import draw_curves, draw_named, draw_trade_off, rows_height_in
from analysis.figures.identity import key_of, looks_of
from analysis.figures.intervals import interval_words
from analysis.figures.labels import title_and_unit
from analysis.figures.margins import footnote, is_lowest, legend_below
from analysis.figures.results import SNR, Results
from analysis.figures.style import Style, new_figure, scale
from analysis.figures.transforms import (
    EXACT_ON_TRACE,
    MOST_BARS,
    check_number,
    curves,
    families,
    numbers_of,
    panels,
    parts,
    points,
    thinned,
)
from netsim.errors import did_you_mean
from netsim.results.columns import BY_NAME

OFF_TRACE = f"under {EXACT_ON_TRACE * 100:g} % of rounds are on the trace"
#: A longer title has its unit on a line below.
LONG_TITLE = 20
#: Draws more into a panel: its axes, the titled part of the results.
Extra = Callable[[Axes, Results], None]


@dataclass(frozen=True)
class Drawing:
    """A figure, and what its caption has to say."""

    figure: Figure
    caption: str


def draw_over(results: Results, x: str, y: str, style: Style, extra: Extra | None = None) -> Drawing:
    """One result column over a swept key or over another column; a sweep over SNR as well in three panels.

    Parameters
    ----------
    x : a swept key, or a result column: then the points of a policy are joined.
    y : a result column.

    Raises
    ------
    ValueError
        If there is no such key or column, or the figure would be too crowded.
    """
    results.require_column(y, f"--y {y}")
    if x not in results.axes:
        if x not in results.columns:
            hint = did_you_mean(x, [*results.axes, *results.columns])
            text = f"--x {x}: neither a swept key nor a column{hint}; swept: {results.swept}"
            raise ValueError(text)
        return _trade_off(results, x, y, style)
    if _counts(results, x):
        return _curves(results, x, y, style, extra)
    return draw_each(results, y, style, panelled=x != SNR)


def _counts(results: Results, x: str) -> bool:
    """Whether the key has several numbers: else there is nothing to join."""
    values = results.table[x]
    return bool(pd.api.types.is_numeric_dtype(values)) and values.nunique() > 1


def _curves(results: Results, x: str, y: str, style: Style, extra: Extra | None) -> Drawing:
    results = _one_value_is_no_axis(results, x)
    # Each panel is thinned by itself: all show the same policies.
    fewer = [(title, *thinned(part, x)) for title, part in parts(results, x)]
    shown = [(title, part, curves(part, x, y)) for title, part, _ in fewer]
    thinnings = list(dict.fromkeys(thinning for *_, thinning in fewer))
    everything = pd.concat([table for *_, table in shown])
    figure, all_axes = new_figure(len(shown), share_x=True, share_y=True, style=style)
    for axes, (title, part, table) in zip(all_axes, shown, strict=True):
        looks = looks_of(results.whole, [axis for axis in part.axes if axis != x])
        draw_curves(axes, table, looks)
        axes.set_title(title)
        if extra:
            extra(axes, part)
    _scale_all(all_axes, (x, y), everything["x"], everything["mean"])
    table = everything.rename(columns={name: f"{y}_{name}" for name in ("low", "high", "over")})
    return _finish(figure, results, table, style, thinnings, "Bands", (y,))


def _trade_off(results: Results, x: str, y: str, style: Style) -> Drawing:
    results.require_column(x, f"--x {x}")
    results = _one_value_is_no_axis(results)
    shown = [(title, part, families(part, [x, y])) for title, part in panels(results, SNR)]
    everything = pd.concat([table for *_, table in shown])
    known = everything[[f"{x}_mean", f"{y}_mean"]].notna().all(axis=1)
    for *_, table in shown:
        check_number(table["label"].nunique())
    figure, all_axes = new_figure(len(shown), share_x=True, share_y=True, style=style)
    for axes, (title, part, table) in zip(all_axes, shown, strict=True):
        others = [axis for axis in part.axes if axis not in numbers_of(results)]
        drawn = table[table[[f"{x}_mean", f"{y}_mean"]].notna().all(axis=1)]
        draw_trade_off(axes, drawn, x, y, looks_of(results.whole, others))
        axes.set_title(title)
    means = everything.loc[known]
    _scale_all(all_axes, (x, y), means[f"{x}_mean"], means[f"{y}_mean"])
    missing = (
        ""
        if known.all()
        else f"Points without {y if everything[f'{y}_mean'].isna().any() else x} are left out."
    )
    return _finish(figure, results, everything, style, [missing], "Bars", (y, x))


def draw_each(results: Results, y: str, style: Style, *, panelled: bool = True) -> Drawing:
    """A bar for each point, by name; a sweep over SNR in three panels."""
    results = _one_value_is_no_axis(results)
    split = panels(results, SNR) if panelled or SNR in results.axes else [("", results)]
    shown = [(title, part, points(part, [y])) for title, part in split]
    everything = pd.concat([table for *_, table in shown])
    labels = shown[0][2]["label"].tolist()
    check_number(len(labels), MOST_BARS)
    figure, all_axes = new_figure(
        len(shown), height_in=rows_height_in(labels, style), share_x=True, share_y=True, style=style
    )
    for axes, (title, part, table) in zip(all_axes, shown, strict=True):
        keys = [key_of(point, part.axes) for point in table.to_dict("records")]
        named = table.assign(
            key=pd.Series(keys, index=table.index),
            label=table["label"].where(table["label"] != "", "the only point"),
        )
        draw_named(axes, named, looks_of(results.whole, part.axes), y)
        axes.set_title(title)
    title, unit = title_and_unit(y)
    for axes in all_axes:
        scaled = scale(axes, "x", [0.0, *everything[f"{y}_mean"]], unit=unit)
        axes.set_xlabel(_below(title, scaled, len(all_axes)))
    all_axes[0].invert_yaxis()
    return _finish(figure, results, everything, style, [], "Bars", (y,), mark="*")


def _one_value_is_no_axis(results: Results, *kept: str) -> Results:
    """Without the SNR as an axis where it has one value: it then tells nothing apart."""
    one = SNR in results.axes and SNR not in kept and results.table[SNR].nunique() == 1
    return results.at(SNR, results.table[SNR].iloc[0]) if one else results


def _scale_all(
    all_axes: Sequence[Axes], names: tuple[str, str], x_values: pd.Series[float], y_values: pd.Series[float]
) -> None:
    """The same scales on all panels, so that they can be compared; where both have a good end, it is up and right."""
    x, y = names
    x_title, x_unit = title_and_unit(x)
    y_title, y_unit = title_and_unit(y)
    # A swept value deserves a tick of its own, a result does not.
    ticks = [] if x in BY_NAME else np.unique(x_values.dropna()).tolist()
    from_zero = x in BY_NAME and not bool((x_values < 0).any())
    up_is_better = _better(x) == "high" and _better(y) == "low"
    for axes in all_axes:
        x_scaled = scale(axes, "x", x_values.dropna().tolist(), unit=x_unit, from_zero=from_zero, ticks=ticks)
        y_scaled = scale(axes, "y", y_values.dropna().tolist(), unit=y_unit, share=_is_share(y, y_values))
        said = "; up is better" if up_is_better else ""
        place = axes.get_subplotspec()
        first = place is None or place.is_first_col()
        axes.set(
            xlabel=_below(x_title, x_scaled, len(all_axes)),
            ylabel=_two_lines(y_title, f"{y_scaled}{said}") if first else "",
        )
        if not is_lowest(axes):
            axes.set_xlabel("")
    if up_is_better:
        all_axes[0].invert_yaxis()


def _is_share(name: str, values: pd.Series[float]) -> bool:
    """Whether a result is a share: without a unit, and between 0 and 1 throughout."""
    return name in BY_NAME and not BY_NAME[name].unit and bool(values.dropna().between(0.0, 1.0).all())


def _better(name: str) -> str:
    return BY_NAME[name].better if name in BY_NAME else ""


def _below(title: str, unit: str, num_panels: int) -> str:
    """Title and unit below a panel; of one of several, in lines of its width."""
    if num_panels == 1:
        return _two_lines(title, unit)
    return fill(f"{title} ({unit})" if unit else title, LONG_TITLE + 4)


def _two_lines(title: str, unit: str) -> str:
    """Title and unit, below each other where they are long."""
    if not unit:
        return title
    return f"{title}\n({unit})" if len(title) > LONG_TITLE else f"{title} ({unit})"


def _finish(
    figure: Figure,
    results: Results,
    table: pd.DataFrame,
    style: Style,
    further: Sequence[str],
    what: str,
    columns: Sequence[str],
    *,
    mark: str = "Hollow",
) -> Drawing:
    """Legend and notes; with them the caption."""
    interval = interval_words(results, table, columns)
    notes = [f"{interval}." if "no interval" in interval else f"{what}: {interval}." if interval else ""]
    notes += ["" if table["exact"].all() else f"{mark}: {OFF_TRACE}.", *further]
    said = [one for one in notes if one]
    footnote(figure, said if style.notes else [])
    legend_below(figure)
    return Drawing(figure, " ".join(said))
