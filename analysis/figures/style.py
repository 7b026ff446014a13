"""How every figure looks: sizes, type, and lines that stay apart without colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

#: Width of one column and of a page of a two-column paper, inches.
COLUMN_IN, PAGE_IN = 3.5, 7.0
#: Okabe and Ito's colours as seaborn has them, without the two that are too pale for a thin line.
COLOURS: list[tuple[float, float, float]] = [
    sns.color_palette("colorblind")[i] for i in (0, 1, 2, 3, 4, 5, 7, 9)
]
MARKERS: tuple[str, ...] = ("o", "s", "^", "D", "v", "P", "X", "<")
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
)
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "||||")
#: What a legend can hold; the pairs of marker and dashes are all different up to here.
MAX_CURVES = 16
#: A quantity that spans more than this factor is drawn on a logarithmic axis.
DECADE = 10.0

STYLE = sns.axes_style("ticks") | {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure on every machine
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "pdf.fonttype": 42,  # TrueType: text in a PDF can be searched and edited
    "svg.fonttype": "none",
    "svg.hashsalt": "netsim",  # else an SVG names its parts differently every time
    "savefig.dpi": 300,
}
#: No date and no version in a file: the same results give the same bytes.
METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}


class CurveStyle(TypedDict):
    """What matplotlib's ``plot`` takes for one curve."""

    color: tuple[float, float, float]
    marker: str
    linestyle: str | tuple[int, tuple[float, ...]]


def curve_style(index: int) -> CurveStyle:
    """Colour, marker and dashes of the curve with this number; without colour they still differ."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index % len(DASHES)],
    }


def new_figure(
    num_panels: int, *, height_in: float = 2.3, share_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side: one of a column's width, or several across a page."""
    width_in = COLUMN_IN if num_panels == 1 else PAGE_IN
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    axes = figure.subplots(1, num_panels, sharey=share_y, squeeze=False)
    sns.despine(fig=figure)
    return figure, list(axes[0])


def scale(axes: Axes, direction: Literal["x", "y"], means: Sequence[float]) -> None:
    """Logarithmic axis, with plain numbers on it, where `means` span more than a decade; else one from 0."""
    finite = [mean for mean in means if np.isfinite(mean)]
    lowest, highest = min(finite, default=0.0), max(finite, default=0.0)
    if lowest <= 0 or highest <= DECADE * lowest:
        axes.set(**{f"{direction}lim": (0.0, None)})
        return
    axes.set(**{f"{direction}scale": "log"})
    axis: Axis = getattr(axes, f"{direction}axis")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if highest <= DECADE**2 * lowest else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    # A band may reach down to 0; the axis follows the curves.
    axes.set(**{f"{direction}lim": (max(axis.get_view_interval()[0], lowest / 2), None)})


def legend_below(figure: Figure) -> None:
    """A legend under all panels, where it covers no curve; the figure grows by its rows."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if not any(labels):
        return
    for columns in (4, 3, 2, 1):
        legend = figure.legend(
            handles, labels, loc="outside lower center", ncols=columns, handlelength=2.8, columnspacing=0.8
        )
        if columns == 1 or legend.get_window_extent().width < figure.bbox.width:
            break
        legend.remove()
    figure.set_figheight(figure.get_figheight() + legend.get_window_extent().height / figure.dpi)


def footnote(figure: Figure, lines: Sequence[str]) -> None:
    """Small print under the label of the middle panel's x axis; the figure grows by its lines."""
    if not lines:
        return
    figure.set_figheight(figure.get_figheight() + 0.12 * len(lines))
    axes = figure.axes[len(figure.axes) // 2]
    axes.annotate(
        "\n".join(lines),
        xy=(0.5, 0),
        xycoords=axes.xaxis.label,
        xytext=(0, -3),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=6,
    )


def save(figure: Figure, path: Path, file_format: str) -> None:
    """Write the figure; `file_format` is a key of `METADATA`."""
    figure.savefig(path, format=file_format, metadata=METADATA[file_format])
