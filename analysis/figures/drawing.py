"""What the figures draw with: curves with bands, trade-offs with error bars, points by name, stacked bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from analysis.figures.identity import COLOURS, HATCHES, Appearance
from analysis.figures.labels import scaled_unit, value_text
from analysis.figures.margins import wrapped
from analysis.figures.style import Style
from netsim.results.columns import BY_NAME, STAGES

BAND_OPACITY = 0.2
#: Of a name's lines, in heights of their type: enough for a face with long strokes.
LINE_SPACING = 1.45
#: Of a line of a row's name, so that names leave the bars their place.
ROW_LETTERS = 32
#: A band's edge, so that it is still there in grey.
EDGE_WIDTH, EDGE_OPACITY = 0.4, 0.6
Looks = Mapping[tuple[Any, ...], Appearance]
#: Colour and hatch of a stage: the same in a breakdown, a timeline and a comparison.
STAGE_LOOKS = {
    stage: (COLOURS[index % len(COLOURS)], HATCHES[index % len(HATCHES)])
    for index, stage in enumerate(STAGES)
}


def draw_curves(axes: Axes, table: pd.DataFrame, looks: Looks) -> None:
    """Every curve with its band; points that are not exact are hollow; a curve without x is a level line.

    Parameters
    ----------
    axes : where to draw.
    table : as `analysis.figures.transforms.curves` returns it.
    looks : by the curves' keys.
    """
    for label, curve in table.groupby("label", sort=True, observed=True):
        look = looks[curve["key"].iloc[0]]
        if curve["x"].isna().all():
            _draw_level(axes, str(label), curve.iloc[0], look)
        else:
            _draw_curve(axes, str(label), curve, look)


def draw_trade_off(axes: Axes, table: pd.DataFrame, x: str, y: str, looks: Looks) -> None:
    """One result column over another, with error bars both ways; the points of a label are joined.

    Parameters
    ----------
    axes : where to draw.
    table : as `analysis.figures.transforms.families` returns it.
    x, y : names of result columns.
    """
    for label, family in table.groupby("label", sort=False):
        look = looks[family["key"].iloc[0]]
        points, *_ = axes.errorbar(
            family[f"{x}_mean"],
            family[f"{y}_mean"],
            xerr=_lengths(family, x),
            yerr=_lengths(family, y),
            label=str(label),
            elinewidth=0.7,
            color=look.colour,
            marker=look.marker,
            linestyle=look.dash if len(family) > 1 else "none",
        )
        points.set_clip_on(False)  # a marker at the end of an axis is whole
        hollow = family[~family["exact"]]
        axes.plot(hollow[f"{x}_mean"], hollow[f"{y}_mean"], **_hollow(look))


def draw_named(axes: Axes, table: pd.DataFrame, looks: Looks, y: str) -> None:
    """A horizontal bar with its interval for each point; a label with * is not exact.

    Parameters
    ----------
    table : as `analysis.figures.transforms.points` returns it, with ``key``.
    y : name of a result column.
    """
    positions = np.arange(len(table))
    mean = table[f"{y}_mean"].to_numpy(np.float64)
    own = [looks[key] for key in table["key"]]
    axes.barh(
        positions,
        mean,
        xerr=_lengths(table, y),
        color=[look.colour for look in own],
        edgecolor="0.15",
        linewidth=0.4,
        height=0.7,
        error_kw={"elinewidth": 0.8, "ecolor": "0.15", "capsize": 2},
    )
    _name_rows(axes, table)


def draw_bars(axes: Axes, table: pd.DataFrame, stages: Sequence[str]) -> None:
    """A horizontal bar for each point, stacked from its stages; a label with * is not exact.

    Parameters
    ----------
    axes : where to draw.
    table : as `analysis.figures.transforms.points` returns it.
    stages : names of result columns that add up; undefined is drawn as nothing.
    """
    positions = np.arange(len(table))
    left = np.zeros(len(table))
    for stage in stages:
        colour, hatch = STAGE_LOOKS[stage]
        width = table[f"{stage}_mean"].fillna(0.0).to_numpy(dtype=np.float64)
        axes.barh(
            positions,
            width,
            left=left,
            label=BY_NAME[stage].title,
            color=colour,
            hatch=hatch,
            edgecolor="0.15",
            linewidth=0.4,
            height=0.7,
        )
        left += width
    _name_rows(axes, table)


def number_bars(axes: Axes, totals: Sequence[float], unit: str, largest: float) -> None:
    """Write each bar's length at its end, in the unit that fits ``largest``, and make room for it."""
    factor, _ = scaled_unit(unit, largest)
    for row, total in enumerate(totals):
        text = value_text(total / factor, 2 if total < factor else 3)
        axes.annotate(
            text, (total, row), xytext=(2, 0), textcoords="offset points", va="center", fontsize="x-small"
        )
    axes.set_xlim(0.0, 1.25 * max(totals))


def rows_height_in(labels: Sequence[str], style: Style) -> float:
    """Height of a panel with a bar for each of some labels, inches at scale 1."""
    lines = max(wrapped(label, ROW_LETTERS).count("\n") + 1 for label in labels)
    line_in = LINE_SPACING * float(style.settings["ytick.labelsize"]) / 72 / style.scale
    return 0.7 + len(labels) * max(0.2, 0.06 + lines * line_in)


def _name_rows(axes: Axes, table: pd.DataFrame) -> None:
    names = [
        wrapped(name if exact else f"{name}*", ROW_LETTERS)
        for name, exact in zip(table["label"], table["exact"], strict=True)
    ]
    axes.set_yticks(np.arange(len(table)), names)
    # The same margin whether there is one bar or twenty.
    axes.set_ylim(-0.7, len(table) - 0.3)
    axes.grid(visible=False, axis="y")


def _draw_curve(axes: Axes, label: str, curve: pd.DataFrame, look: Appearance) -> None:
    axes.fill_between(
        curve["x"],
        curve["low"],
        curve["high"],
        facecolor=(*look.colour, BAND_OPACITY),
        edgecolor=(*look.colour, EDGE_OPACITY),
        linewidth=EDGE_WIDTH,
    )
    exact = np.flatnonzero(curve["exact"]).tolist()
    axes.plot(
        curve["x"],
        curve["mean"],
        label=label,
        markevery=exact,
        color=look.colour,
        marker=look.marker,
        linestyle=look.dash,
    )
    hollow = curve[~curve["exact"]]
    axes.plot(hollow["x"], hollow["mean"], **_hollow(look))


def _hollow(look: Appearance) -> dict[str, Any]:
    return {
        "color": to_hex(look.colour),
        "marker": look.marker,
        "markerfacecolor": "white",
        "linestyle": "none",
    }


def _draw_level(axes: Axes, label: str, point: pd.Series[float], look: Appearance) -> None:
    axes.axhspan(point["low"], point["high"], color=look.colour, alpha=BAND_OPACITY, linewidth=0)
    # From edge to edge whatever the axis is: x counts in widths of the panel. Markers sit inside.
    x = np.linspace(0.0, 1.0, 5)
    axes.plot(
        x,
        np.full_like(x, point["mean"]),
        label=label,
        markevery=[1, 3],
        markerfacecolor=look.colour if point["exact"] else "white",
        transform=axes.get_yaxis_transform(),
        clip_on=False,  # a marker at the end of the axis is whole
        color=look.colour,
        marker=look.marker,
        linestyle=look.dash,
    )


def _lengths(table: pd.DataFrame, column: str) -> list[pd.Series[float]]:
    """Error bars' lengths below and above the mean, as matplotlib takes them."""
    mean = table[f"{column}_mean"]
    # Of an interval that is nothing but rounding, the mean may lie outside: an error bar has no negative length.
    return [(mean - table[f"{column}_low"]).clip(lower=0.0), (table[f"{column}_high"] - mean).clip(lower=0.0)]
