"""What stands around the panels of a figure: legend, small print, ticks that don't touch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

#: Of small print, a little more than fits into the width of a panel.
LETTERS_PER_INCH = 26
#: Of a letter of small print, in heights of its type: a line of that many letters is as wide as the figure at most.
LETTER_WIDTH = 0.6


def legend_below(figure: Figure, *, most_of_height: float = 0.9) -> None:
    """A legend under all panels, where it covers no curve; the figure grows by its rows.

    It takes as many columns as fit; where it would be higher than the panels, its type shrinks.
    """
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            # Whether a point has an error bar is no part of its name.
            entries.setdefault(label, handle[0] if isinstance(handle, ErrorbarContainer) else handle)
    if not any(entries):
        return
    size = float(figure.axes[0].xaxis.label.get_fontsize()) - 1.0
    for shrink, letters in ((1.0, 200), (0.85, 200), (0.7, 200), (0.7, 60), (0.7, 40), (0.7, 28)):
        labels = [wrapped(label, letters) for label in entries]
        for columns in (6, 5, 4, 3, 2, 1):
            legend = figure.legend(
                list(entries.values()),
                labels,
                loc="outside lower center",
                ncols=-(-len(entries) // -(-len(entries) // columns)),  # rows as full as each other
                handlelength=2.8,
                columnspacing=0.9,
                fontsize=size * shrink,
            )
            box = legend.get_window_extent()
            fits = bool(box.width < 0.98 * figure.bbox.width)
            if columns == 1 or fits:
                break
            legend.remove()
        if fits and (box.height <= most_of_height * figure.bbox.height or shrink <= 0.7):
            break
        if letters > 28:
            legend.remove()
    figure.set_figheight(figure.get_figheight() + box.height / figure.dpi)


def wrapped(label: str, letters: int) -> str:
    r"""A label in lines of so many letters, broken after its commas.

    >>> wrapped("spec, gamma 8, product stop (0.3)", 20)
    'spec, gamma 8,\n  product stop (0.3)'
    """
    lines: list[str] = []
    for part in label.split(", "):
        if lines and len(lines[-1]) + len(part) + 2 <= letters:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return ",\n  ".join(lines)


def footnote(figure: Figure, lines: Sequence[str]) -> None:
    """Small print under all panels; the figure grows by its lines."""
    if not lines:
        return
    size = float(figure.axes[0].xaxis.label.get_fontsize()) * 0.75
    across = len({_columns_of(axes) for axes in figure.axes})
    # Of several panels it hangs below one, whose place a longer line would take.
    per_inch = LETTERS_PER_INCH if across > 1 else 72 / (LETTER_WIDTH * size)
    letters = int(per_inch * figure.get_figwidth() / across)
    lines = [part for line in lines for part in wrap(line, letters)]
    figure.set_figheight(figure.get_figheight() + 1.35 * size / 72 * len(lines))
    bottom = max(_rows_of(axes).stop for axes in figure.axes)
    lowest = [axes for axes in figure.axes if _rows_of(axes).stop == bottom]
    axes = lowest[len(lowest) // 2]
    axes.annotate(
        "\n".join(lines),
        xy=(0.5, 0),
        xycoords=axes.xaxis.label,
        xytext=(0, -3),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=size,
    )


def is_lowest(axes: Axes) -> bool:
    """Whether no panel is below."""
    own = axes.get_subplotspec()
    others = (other.get_subplotspec() for other in axes.figure.axes)
    return own is None or not any(
        other is not None and other.colspan == own.colspan and other.rowspan.start >= own.rowspan.stop
        for other in others
    )


def _rows_of(axes: Axes) -> range:
    place = axes.get_subplotspec()
    return place.rowspan if place is not None else range(1)


def _columns_of(axes: Axes) -> range:
    place = axes.get_subplotspec()
    return place.colspan if place is not None else range(1)


def thin_ticks(axes: Axes) -> None:
    """Take so many ticks from the horizontal axis that no two labels touch."""
    for most in (4, 3, 2, 1):
        boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        inside = [box for box in boxes if axes.bbox.x0 - 1 <= (box.x0 + box.x1) / 2 <= axes.bbox.x1 + 1]
        gap = 0.4 * max((box.height for box in inside), default=0.0)
        if all(left.x1 + gap <= right.x0 for left, right in pairwise(sorted(inside, key=lambda box: box.x0))):
            return
        locator = axes.xaxis.get_major_locator()
        if isinstance(locator, FixedLocator):
            known = np.asarray(locator())
            places = known[np.unique(np.linspace(0, len(known) - 1, most + 1).round().astype(int))]
            axes.xaxis.set_major_locator(FixedLocator(places.tolist()))
        elif isinstance(locator, MaxNLocator):
            axes.xaxis.set_major_locator(MaxNLocator(nbins=most))
        else:
            return
