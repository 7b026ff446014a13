"""Draw a figure of a results folder and write it beside the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.style

from analysis.figures.kinds import BY_NAME, FIGURES, default_figure
from analysis.figures.over import draw_over
from analysis.figures.results import Results, read_results
from analysis.figures.style import STYLES, Style, format_of, save
from netsim.errors import did_you_mean

#: What ``--x`` or ``--y`` is when only the other is given.
DEFAULT_Y = "throughput_tok_s"


def styled(name: str = "screen", width_in: float | None = None, title: str = "") -> Style:
    """One of `STYLES`, with a width and a title of one's own.

    Raises
    ------
    ValueError
        If there is no such style, or the width is none.
    """
    if name not in STYLES:
        raise ValueError(f"no style {name!r}: there are {', '.join(STYLES)}")
    style = STYLES[name]
    if width_in is not None and not 1.0 <= width_in <= 60.0:
        raise ValueError(f"--width {width_in:g}: inches, allowed: 1 to 60")
    return replace(style, width_in=width_in or style.width_in, title=title)


def plot(
    results_folder: Path,
    kind: str | None = None,
    file_format: str | None = None,
    out: Path | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    where: Sequence[str] = (),
    style: Style = STYLES["screen"],
) -> tuple[Path, str]:
    """Draw one figure of a results folder.

    Parameters
    ----------
    results_folder : the folder that a sweep wrote.
    kind : the name of one of ``analysis.figures.kinds.FIGURES``; default: throughput over what is swept.
    file_format : ``png``, ``pdf`` or ``svg``; default: what the suffix of ``out`` says, else png.
    out : the file to write; by default ``<kind>.<format>`` in the results folder. The same results give the same bytes.
    x, y : in place of a kind, a result column over a swept key or another column.
    where : choices ``KEY=VALUE`` among the points; several of one key are not allowed.

    Returns
    -------
    Path, str
        The file written, and what a caption has to say: the interval, what hollow points and stars mean.

    Raises
    ------
    ValueError
        One line: an unknown kind or format, no results in the folder, or an axis that the sweep lacks.
    """
    form = format_of(out, file_format)
    if kind is not None and (x or y):
        raise ValueError("--kind and --x or --y: allowed is one or the other")
    if kind is not None and kind not in BY_NAME:
        names = [figure.name for figure in FIGURES]
        raise ValueError(f"no figure {kind!r}{did_you_mean(kind, names)}: there are {', '.join(names)}")
    results = chosen(read_results(results_folder), where)
    name, draw = default_figure(results)
    if kind is not None:
        name, draw = kind, BY_NAME[kind]
    elif x or y:
        y_name = y or DEFAULT_Y
        x_name = x or _swept_key(results)
        name, draw = f"{y_name}-vs-{x_name}", lambda of, look: draw_over(of, x_name, y_name, look)
    path = out or results_folder / f"{name}.{form}"
    with matplotlib.style.context(style.settings):
        drawing = draw(results, style)
        save(drawing.figure, path, form)
    return path, drawing.caption


def chosen(results: Results, where: Sequence[str]) -> Results:
    """The rows that fit every choice ``KEY=VALUE``.

    Raises
    ------
    ValueError
        If a choice has no ``=``, or names a key that is not swept or a value that it never has.
    """
    for choice in where:
        key, equals, value = choice.partition("=")
        if not equals:
            raise ValueError(f"--where {choice}: allowed: KEY=VALUE, of {results.swept}")
        results = results.where(key.strip(), value.strip())
    return results


def _swept_key(results: Results) -> str:
    """The key over which nobody asked not to draw: SNR, threshold, else the first."""
    for key in ("channel.snr_db", "policy.threshold", *results.axes):
        if key in results.axes:
            return key
    raise ValueError("nothing is swept: there is no --x")
