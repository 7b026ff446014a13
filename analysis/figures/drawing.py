"""What the figures draw with: curves with bands, trade-offs with error bars, stacked bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.style import COLOURS, HATCHES, MAX_CURVES, CurveStyle, curve_style

BAND_OPACITY = 0.2


def draw_curves(axes: Axes, table: pd.DataFrame) -> None:
    """Every curve with its band; points that are not exact are hollow; a curve without x is a level line.

    Parameters
    ----------
    axes : where to draw.
    table : as `analysis.figures.transforms.curves` returns it.
    """
    check_number(table["label"].nunique())
    for index, (label, curve) in enumerate(table.groupby("label", sort=True, observed=True)):
        if curve["x"].isna().all():
            _draw_level(axes, str(label), curve.iloc[0], curve_style(index))
        else:
            _draw_curve(axes, str(label), curve, curve_style(index))


def draw_trade_off(axes: Axes, table: pd.DataFrame, x: str, y: str) -> None:
    """One result column over another, with error bars both ways; the points of a label are joined.

    Parameters
    ----------
    axes : where to draw.
    table : as `analysis.figures.transforms.families` returns it.
    x, y : names of result columns.
    """
    check_number(table["label"].nunique())
    for index, (label, family) in enumerate(table.groupby("label", sort=False)):
        style = curve_style(index)
        if len(family) == 1:
            style["linestyle"] = "none"
        axes.errorbar(
            family[f"{x}_mean"],
            family[f"{y}_mean"],
            xerr=_lengths(family, x),
            yerr=_lengths(family, y),
            label=str(label),
            elinewidth=0.7,
            **style,
        )


def draw_bars(axes: Axes, table: pd.DataFrame, stages: Sequence[str]) -> None:
    """A horizontal bar for each point, stacked from its stages; a label with * is not exact.

    Parameters
    ----------
    axes : where to draw.
    table : as `analysis.figures.transforms.points` returns it.
    stages : names of result columns that add up; undefined is drawn as nothing.
    """
    check_number(len(table))
    labels = [
        name if exact else f"{name}*" for name, exact in zip(table["label"], table["exact"], strict=True)
    ]
    positions = np.arange(len(table))
    left = np.zeros(len(table))
    for index, stage in enumerate(stages):
        width = table[f"{stage}_mean"].fillna(0.0).to_numpy(dtype=np.float64)
        axes.barh(
            positions,
            width,
            left=left,
            label=stage.removesuffix("_s"),
            color=COLOURS[index],
            hatch=HATCHES[index],
            edgecolor="0.15",
            linewidth=0.4,
            height=0.7,
        )
        left += width
    axes.set_yticks(positions, labels)
    axes.grid(visible=False, axis="y")


def check_number(num_curves: int) -> None:
    """Refuse a figure that nobody could read."""
    if num_curves > MAX_CURVES:
        raise ValueError(
            f"{num_curves} curves or bars are more than one figure can hold ({MAX_CURVES}): "
            "plot a sweep over fewer policies, or another kind of figure"
        )


def _draw_curve(axes: Axes, label: str, curve: pd.DataFrame, style: CurveStyle) -> None:
    axes.fill_between(
        curve["x"], curve["low"], curve["high"], color=style["color"], alpha=BAND_OPACITY, linewidth=0
    )
    exact = np.flatnonzero(curve["exact"]).tolist()
    axes.plot(curve["x"], curve["mean"], label=label, markevery=exact, **style)
    hollow = curve[~curve["exact"]]
    axes.plot(
        hollow["x"],
        hollow["mean"],
        color=style["color"],
        marker=style["marker"],
        markerfacecolor="white",
        linestyle="none",
    )


def _draw_level(axes: Axes, label: str, point: pd.Series[float], style: CurveStyle) -> None:
    axes.axhspan(point["low"], point["high"], color=style["color"], alpha=BAND_OPACITY, linewidth=0)
    # From edge to edge whatever the axis is: x counts in widths of the panel. Markers sit inside.
    x = np.linspace(0.0, 1.0, 5)
    axes.plot(
        x,
        np.full_like(x, point["mean"]),
        label=label,
        markevery=[1, 3],
        markerfacecolor=style["color"] if point["exact"] else "white",
        transform=axes.get_yaxis_transform(),
        **style,
    )


def _lengths(table: pd.DataFrame, column: str) -> list[pd.Series[float]]:
    """Error bars' lengths below and above the mean, as matplotlib takes them."""
    mean = table[f"{column}_mean"]
    return [mean - table[f"{column}_low"], table[f"{column}_high"] - mean]
