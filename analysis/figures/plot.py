"""Draw a figure of a results folder or of a run's logs, and write it beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import matplotlib.style

from analysis.figures.kinds import BY_NAME, Figure, LogFigure, default_figure
from analysis.figures.logs import Window
from analysis.figures.over import Drawing, draw_over
from analysis.figures.results import SNR, Interval, Results, read_results
from analysis.figures.style import STYLES, Style, format_of, save
from analysis.figures.transforms import EXACT_BY
from netsim.errors import did_you_mean

#: What is drawn over ``--x`` where nobody says what.
DEFAULT_Y = "throughput_tok_s"
THRESHOLD = "policy.threshold"


@dataclass(frozen=True)
class Wanted:
    """Which figure a person asks for.

    Attributes
    ----------
    kind : str or None. The name of one of ``analysis.figures.kinds``; None: throughput over what is swept.
    x, y : str or None. In place of a kind, a result column over a swept key or over another column.
    where : sequence of str. Choices ``KEY=VALUE`` among the points.
    window : Window. What of a timeline is shown.
    interval : str. ``prompts``, ``draws``, or, empty, over prompts wherever a column has that.
    """

    kind: str | None = None
    x: str | None = None
    y: str | None = None
    where: Sequence[str] = ()
    window: Window = field(default_factory=Window)
    interval: Interval = ""


def plot(
    source: Path | Sequence[Path],
    wanted: Wanted | str | None = None,
    file_format: str | None = None,
    out: Path | None = None,
    style: Style = STYLES["screen"],
) -> tuple[Path, str]:
    """Draw one figure.

    Parameters
    ----------
    source : the folder that a sweep wrote; for figures of a run, its files.
    wanted : which figure, or the name of a kind.
    file_format : ``png``, ``pdf`` or ``svg``; default: what the suffix of ``out`` says, else png.
    out : the file to write; by default ``<kind>.<format>`` in the results folder. The same results give the same bytes.

    Returns
    -------
    Path, str
        The file written, and what a caption has to say: the interval, what hollow points and stars mean.

    Raises
    ------
    ValueError
        One line: an unknown kind or format, no results in the folder, or an axis that the sweep lacks.
    """
    ask = wanted if isinstance(wanted, Wanted) else Wanted(kind=wanted)
    sources = [source] if isinstance(source, Path) else list(source)
    form = format_of(out, file_format)
    if ask.kind is not None and (ask.x or ask.y):
        raise ValueError("--kind goes without --x and --y")
    figure = _kind(ask.kind) if ask.kind is not None else None
    draw: Callable[[], Drawing]
    if isinstance(figure, LogFigure):
        path = out or sources[0].with_name(f"{sources[0].stem}-{figure.name}.{form}")
        draw = partial(figure.draw, sources, style, ask.window)
    else:
        if len(sources) != 1:
            raise ValueError(f"one results folder, given {len(sources)}")
        results = chosen(read_results(sources[0], _columns(ask)), ask.where, ask.interval)
        name, drawn_by = (figure.name, figure) if figure else _asked(results, ask)
        path = out or sources[0] / f"{name}.{form}"
        draw = partial(drawn_by, results, style)
    with matplotlib.style.context(style.settings):
        drawing = draw()
        save(drawing.figure, path, form)
    return path, drawing.caption


def _kind(name: str) -> Figure | LogFigure:
    if name not in BY_NAME:
        raise ValueError(f"no figure {name!r}{did_you_mean(name, BY_NAME)}: there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def _columns(ask: Wanted) -> Sequence[str] | None:
    """Result columns of a folder's own figure, which many sweeps end with; None, all of them, for others."""
    return None if ask.kind or ask.x or ask.y else (DEFAULT_Y, EXACT_BY)


def _asked(results: Results, ask: Wanted) -> tuple[str, Callable[[Results, Style], Drawing]]:
    """The figure over keys and columns of one's own choice; without any, the folder's own."""
    if not ask.x and not ask.y:
        return default_figure(results)
    y = ask.y or DEFAULT_Y
    x = ask.x or next((key for key in (SNR, THRESHOLD, *results.axes) if key in results.axes), "")
    if not x:
        raise ValueError("nothing is swept: say over what with --x, another column")
    return f"{y}-vs-{x}", lambda of, style: draw_over(of, x, y, style)


def chosen(results: Results, where: Sequence[str], interval: Interval = "") -> Results:
    """The rows that fit every choice ``KEY=VALUE``; several values of one key are alternatives.

    Raises
    ------
    ValueError
        If a choice has no ``=``, or names a key that is not swept or a value that it never has.
    """
    results = replace(results, interval=interval)
    values: dict[str, list[str]] = {}
    for choice in where:
        key, equals, value = choice.partition("=")
        if not equals:
            raise ValueError(f"--where {choice}: allowed: KEY=VALUE, of {results.swept}")
        values.setdefault(key.strip(), []).append(value.strip())
    for key, texts in values.items():
        results = results.where(key, texts)
    if results.table.empty:
        raise ValueError(f"no point fits every --where: {', '.join(where)}")
    return results
