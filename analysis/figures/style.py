"""How every figure looks: sizes and type for a screen, a paper, slides; axes, legends, notes, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import seaborn as sns
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from analysis.figures.labels import MINUS, scaled_unit
from analysis.figures.margins import thin_ticks
from netsim.errors import did_you_mean

#: Width of one column and of a page of a two-column paper, inches.
COLUMN_IN, PAGE_IN = 3.5, 7.0
#: A panel is never narrower.
PANEL_IN = 2.0
#: A quantity that spans more than this factor is drawn on a logarithmic axis.
DECADE = 10.0
#: Values that each get a tick of their own on a logarithmic axis.
MOST_TICKS = 6

STYLE: dict[str, Any] = sns.axes_style("ticks") | {
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
#: A face like Times, which comes with matplotlib; no title and no note: they belong in the caption.
_PAPER = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
_SLIDES = {
    "font.size": 16,
    "axes.labelsize": 16,
    "axes.titlesize": 16,
    "axes.linewidth": 1.4,
    "grid.linewidth": 0.9,
    "legend.fontsize": 14,
    "lines.linewidth": 2.6,
    "lines.markersize": 8,
    "xtick.labelsize": 13,
    "ytick.labelsize": 13,
    "hatch.linewidth": 0.9,
    "savefig.dpi": 150,
}
#: Faces that come with matplotlib, so that they look the same on every machine: like Verdana, and like Times.
FONTS = {"sans": "DejaVu Sans", "serif": "STIXGeneral"}
#: The letters of formulas that go with a face.
MATHS = {"STIXGeneral": "stix", "DejaVu Serif": "dejavuserif"}
#: No date and no version in a file: the same results give the same bytes.
METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}


@dataclass(frozen=True)
class Style:
    """Sizes of a figure.

    Attributes
    ----------
    settings : matplotlib's.
    scale : float. Lengths compared with those of the style for a screen.
    width_in : float or None. Of the whole figure; None: a column for one panel, a page for several.
    title : str. Above the figure.
    notes : bool. Whether the figure says what its bands are; else that belongs in the caption.
    """

    settings: dict[str, Any]
    scale: float = 1.0
    width_in: float | None = None
    title: str = ""
    notes: bool = True


STYLES: dict[str, Style] = {
    "screen": Style(STYLE),
    "paper": Style(STYLE | _PAPER, width_in=COLUMN_IN, notes=False),
    "slides": Style(STYLE | _SLIDES, scale=2.0, width_in=13.3),
}


def styled(name: str = "screen", width_in: float | None = None, title: str = "", font: str = "") -> Style:
    """One of `STYLES`, with a width, a title and a font of one's own.

    Parameters
    ----------
    font : str
        ``sans`` or ``serif``, which come with matplotlib, or a family that is installed; empty: the style's.

    Raises
    ------
    ValueError
        If there is no such style or font, or nothing can be that wide.
    """
    if name not in STYLES:
        raise ValueError(f"no style {name!r}: there are {', '.join(STYLES)}")
    if width_in is not None and not 1.5 <= width_in <= 60.0:
        raise ValueError(f"--width {width_in:g}: allowed are 1.5 to 60 inches")
    style = STYLES[name]
    settings = style.settings | _font_settings(font) if font else style.settings
    return replace(style, settings=settings, width_in=width_in or style.width_in, title=title)


def _font_settings(font: str) -> dict[str, Any]:
    """Settings of a font; signs that it lacks are taken from matplotlib's own."""
    known = {family.lower(): family for family in font_manager.get_font_names()}
    family = FONTS.get(font.lower()) or known.get(font.lower())
    if family is None:
        hint = did_you_mean(font, known)
        raise ValueError(
            f"--font {font}: no such font is installed{hint}, allowed: {', '.join(FONTS)}, or a family's name"
        )
    return {"font.family": [family, FONTS["sans"]], "mathtext.fontset": MATHS.get(family, "dejavusans")}


def new_figure(
    num_panels: int,
    *,
    height_in: float = 2.3,
    share_x: bool = False,
    share_y: bool = False,
    style: Style = STYLES["screen"],
) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side, as many as its width holds, the others below.

    Parameters
    ----------
    height_in : of a panel with its labels, at scale 1.
    """
    width_in = style.width_in or (COLUMN_IN if num_panels == 1 else PAGE_IN)
    across = min(num_panels, max(1, int(width_in / (PANEL_IN * style.scale))))
    rows = -(-num_panels // across)
    figure = Figure(figsize=(width_in, rows * height_in * style.scale), layout="constrained")
    grid = figure.subplots(rows, across, sharex=share_x, sharey=share_y, squeeze=False)
    panels = list(grid.flat)
    for unused in panels[num_panels:]:
        unused.remove()
    for above_nothing in panels[max(0, num_panels - across) : num_panels]:
        above_nothing.tick_params(labelbottom=True)
    sns.despine(fig=figure)
    if style.title:
        figure.suptitle(style.title, fontsize=style.settings["axes.titlesize"])
    return figure, panels[:num_panels]


def scale(
    axes: Axes,
    direction: Literal["x", "y"],
    values: Sequence[float],
    *,
    unit: str = "",
    from_zero: bool = True,
    ticks: Sequence[float] = (),
    share: bool = False,
    largest: float | None = None,
) -> str:
    """Scale and ticks of an axis that has to hold some values; returns the unit in which its ticks are.

    Logarithmic where positive values span more than a decade, else linear.

    Parameters
    ----------
    from_zero : whether a linear axis starts at 0.
    ticks : values that each deserve a tick on a logarithmic axis, if they are few.
    largest : what the unit is chosen for, if not the values: panels with scales of their own have one unit.
    share : whether it is a share: its axis is linear, from 0 and never beyond 1, whatever an interval says.
    """
    finite = [value for value in values if np.isfinite(value)]
    lowest, highest = min(finite, default=0.0), max(finite, default=0.0)
    factor, scaled = scaled_unit(unit, highest if largest is None else largest)
    axis: Axis = getattr(axes, f"{direction}axis")
    if share:
        axis.set_major_locator(MaxNLocator(nbins=5))
        axes.set(**{f"{direction}lim": (0.0, min(1.02, axis.get_view_interval()[1]))})
    elif lowest > 0 and highest > DECADE * lowest:
        axes.set(**{f"{direction}scale": "log"})
        axis.set_major_locator(_log_locator(lowest, highest, ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
        # A band may reach down to 0; the axis follows the curves.
        axes.set(**{f"{direction}lim": (max(axis.get_view_interval()[0], lowest / 2), None)})
    else:
        axis.set_major_locator(MaxNLocator(nbins=5))
        if from_zero and lowest >= 0:
            axes.set(**{f"{direction}lim": (0.0, None)})
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:g}".replace("-", MINUS)))
    return scaled


def _log_locator(lowest: float, highest: float, ticks: Sequence[float]) -> FixedLocator | LogLocator:
    known = sorted({value for value in ticks if value > 0})
    if known and len(known) <= MOST_TICKS:
        return FixedLocator(known)
    # At least two ticks and, in a narrow panel, no two that touch.
    ratio = highest / lowest
    return LogLocator(subs=(1, 2, 5) if ratio <= 20 else (1, 3) if ratio <= 200 else (1,), numticks=8)


def save(figure: Figure, path: Path | BinaryIO, file_format: str) -> None:
    """Write the figure to a file or into memory; `file_format` is a key of `METADATA`."""
    figure.draw_without_rendering()  # only now every panel has its place
    for axes in figure.axes:
        thin_ticks(axes)
    figure.savefig(path, format=file_format, metadata=METADATA[file_format])


def format_of(out: Path | None, wanted: str | None) -> str:
    """The format of a file: what its suffix says, else what is wanted, else png.

    Raises
    ------
    ValueError
        If the suffix is of no format there is, or of another one than is wanted.
    """
    allowed = ", ".join(METADATA)
    if wanted is not None and wanted not in METADATA:
        raise ValueError(f"no format {wanted!r}: there are {allowed}")
    if out is None:
        return wanted or "png"
    suffix = out.suffix.lower().removeprefix(".")
    if suffix not in METADATA:
        raise ValueError(f"{out.name}: the suffix names the format, allowed: {allowed}")
    if wanted is not None and wanted != suffix:
        raise ValueError(f"{out.name} contradicts the format {wanted}")
    return suffix
