"""A Gantt figure of the first tokens of a timeline: who did what when."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import COLOURS, HATCHES, METADATA, STYLE, legend_below, new_figure, save
from netsim.results.timeline import ORDER, read_timeline

#: Tokens of each device that are shown.
FIRST_TOKENS = 4
#: More rows than these can't be told apart in print.
MOST_ROWS = 40
WAITS = tuple(stage for stage in ORDER if stage.startswith("wait"))
WORK = tuple(stage for stage in ORDER if stage not in WAITS)


def timeline(spans: pd.DataFrame, first_tokens: int = FIRST_TOKENS) -> Figure:
    """Draw the first tokens of every device.

    Parameters
    ----------
    spans : pandas.DataFrame
        As ``netsim.results.timeline.spans`` gives.
    first_tokens : int
        Rounds of each device's first prompt that are shown, >= 1.

    Raises
    ------
    ValueError
        If there are too many rows.
    """
    first = spans.sort_values("start_s", kind="stable").drop_duplicates("device")
    prompts = first.set_index("device")["prompt"]
    shown = spans[
        (spans["prompt"] == spans["device"].map(prompts)) & (spans["position"] < first_tokens)
    ].sort_values("start_s", kind="stable")
    rows = sorted(set(shown["row"]), key=_row_order)
    if len(rows) > MOST_ROWS:
        raise ValueError(f"timeline: {len(rows)} rows can't be told apart, at most {MOST_ROWS} are drawn")
    figure, (axes,) = new_figure(1, height_in=0.8 + 0.2 * len(rows))
    figure.set_figwidth(7.0)
    for stage in ORDER:
        part = shown[shown["stage"] == stage]
        if part.empty:
            continue
        number = WORK.index(stage) if stage in WORK else None
        axes.barh(
            [rows.index(row) for row in part["row"]],
            part["seconds"],
            left=part["start_s"],
            label="wait" if number is None else stage,
            color="white" if number is None else COLOURS[number],
            hatch="" if number is None else HATCHES[number],
            edgecolor="0.6" if number is None else "0.15",
            linewidth=0.4,
            height=0.7,
        )
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("time (s)")
    _one_label_each(figure)
    legend_below(figure)
    return figure


def plot_timeline(file: Path, file_format: str = "png", out: Path | None = None) -> Path:
    """Draw the figure of a file that ``netsim run --timeline`` wrote; returns the file written.

    Raises
    ------
    ValueError
        If the file is no timeline, or there is no such format.
    """
    if file_format not in METADATA:
        raise ValueError(f"no format {file_format!r}: there are {', '.join(METADATA)}")
    path = out or file.with_suffix(f".{file_format}")
    with matplotlib.style.context(STYLE):
        save(timeline(read_timeline(file)), path, file_format)
    return path


def _row_order(row: str) -> tuple[int, int]:
    """Devices by number, then uplink, then server."""
    name, _, number = row.partition(" ")
    return ("device", "uplink", "server").index(name), int(number or 1)


def _one_label_each(figure: Figure) -> None:
    """Both waits look alike: name them once."""
    seen: set[str] = set()
    for container in figure.axes[0].containers:
        label = str(container.get_label())
        if label in seen:
            container.set_label("_repeated")
        seen.add(label)
