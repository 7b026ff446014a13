"""Figures of a single run's logs: who did what when, and how long tokens took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from analysis.figures.drawing import STAGE_LOOKS
from analysis.figures.identity import COLOURS, DASHES
from analysis.figures.margins import legend_below
from analysis.figures.over import Drawing
from analysis.figures.style import PAGE_IN, STYLES, Style, new_figure, scale
from netsim.results.columns import BY_NAME
from netsim.results.timeline import ORDER, read_timeline

#: Tokens of each device that are shown where nobody chose a time.
FIRST_TOKENS = 4
#: More rows than these can't be told apart in print.
MOST_ROWS = 40
#: More bars than these of a stage would be all edge.
MOST_EDGES = 200
#: The column of the results that a stage of a timeline counts in: it lends it its colour and its name.
COLUMN_OF = {
    "slm": "slm_s", "uncertainty": "uncertainty_s", "grant": "grant_s", "wait for uplink": "queue_s", "uplink": "uplink_s",
    "propagation": "uplink_s", "core up": "core_s", "wait for server": "queue_s", "llm": "llm_s", "core down": "core_s",
    "downlink": "downlink_s",
}  # fmt: skip


@dataclass(frozen=True)
class Window:
    """What of a timeline is shown.

    Attributes
    ----------
    devices : tuple of int. Empty: all.
    from_s, to_s : float or None. Simulated time; without both, the first tokens of each device.
    """

    devices: tuple[int, ...] = ()
    from_s: float | None = None
    to_s: float | None = None

    def of(self, spans: pd.DataFrame) -> pd.DataFrame:
        """The spans that are shown, in the order of their starts.

        Raises
        ------
        ValueError
            If a device is not there, or nothing happens in that time.
        """
        known = sorted(set(spans["device"]))
        unknown = sorted(set(self.devices) - set(known))
        if unknown:
            raise ValueError(
                f"--devices {unknown[0]}: not in the timeline, allowed: {known[0]} to {known[-1]}"
            )
        if self.devices:
            spans = spans[spans["device"].isin(self.devices)]
        if self.from_s is None and self.to_s is None:
            first = spans.sort_values("start_s", kind="stable").drop_duplicates("device")
            prompts = first.set_index("device")["prompt"]
            shown = (spans["prompt"] == spans["device"].map(prompts)) & (spans["position"] < FIRST_TOKENS)
        else:
            ends_s = spans["start_s"] + spans["seconds"]
            shown = (ends_s > (self.from_s or 0.0)) & (spans["start_s"] < (self.to_s or np.inf))
        if not shown.any():
            raise ValueError(f"nothing happens then: the timeline ends at {spans['start_s'].max():g} s")
        return spans[shown].sort_values("start_s", kind="stable")


def timeline(spans: pd.DataFrame, style: Style = STYLES["screen"], window: Window = Window()) -> Figure:
    """Draw who did what when.

    Parameters
    ----------
    spans : pandas.DataFrame
        As ``netsim.results.timeline.spans`` gives.

    Raises
    ------
    ValueError
        If there are too many rows, or nothing to show.
    """
    shown = window.of(spans)
    rows = sorted(set(shown["row"]), key=_row_order)
    if len(rows) > MOST_ROWS:
        raise ValueError(
            f"timeline: {len(rows)} rows can't be told apart, at most {MOST_ROWS} are drawn: "
            "choose some with --devices 0,1,…"
        )
    figure, (axes,) = new_figure(1, height_in=0.8 + 0.2 * len(rows), style=style)
    figure.set_figwidth(style.width_in or PAGE_IN)
    for stage in ORDER:
        part = shown[shown["stage"] == stage]
        if part.empty:
            continue
        colour, hatch = STAGE_LOOKS[COLUMN_OF[stage]]
        waits = stage.startswith("wait")
        axes.barh(
            [rows.index(row) for row in part["row"]],
            part["seconds"],
            left=part["start_s"],
            label=BY_NAME[COLUMN_OF[stage]].title,
            color="white" if waits else colour,
            hatch="" if waits else hatch,
            edgecolor="0.6" if waits else "0.15",
            linewidth=0.4 if len(part) < MOST_EDGES else 0.0,
            height=0.7,
        )
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    if window.from_s is not None or window.to_s is not None:
        axes.set_xlim(window.from_s, window.to_s)
    axes.set_xlabel("time (s)")
    _one_label_each(figure)
    legend_below(figure)
    return figure


def _row_order(row: str) -> tuple[int, int]:
    """Devices by number, then uplink, then server."""
    name, _, number = row.partition(" ")
    return ("device", "uplink", "server").index(name), int(number or 1)


def _one_label_each(figure: Figure) -> None:
    """Stages of one column look alike: name them once."""
    seen: set[str] = set()
    for container in figure.axes[0].containers:
        label = str(container.get_label())
        if label in seen:
            container.set_label("_repeated")
        seen.add(label)


def draw_timeline(files: Sequence[Path], style: Style, window: Window) -> Drawing:
    """The timeline that ``netsim run --timeline`` wrote.

    Raises
    ------
    ValueError
        If there are several files, or the file is no timeline.
    """
    if len(files) != 1:
        raise ValueError(f"timeline: one file, given {len(files)}")
    return Drawing(timeline(read_timeline(files[0]), style, window), "")


def latency_cdf(files: Sequence[Path], style: Style, _window: Window) -> Drawing:
    """Share of tokens within a time, from the token logs that ``netsim run --tokens`` wrote: a curve for each file.

    Raises
    ------
    ValueError
        If a file is no token log, or holds no token.
    """
    if len(files) > len(COLOURS):
        raise ValueError(f"latency-cdf: {len(files)} curves can't be told apart, at most {len(COLOURS)}")
    figure, (axes,) = new_figure(1, style=style)
    everything: list[float] = []
    for number, file in enumerate(files):
        seconds = np.sort(token_seconds(file))
        axes.step(
            seconds,
            np.arange(1, seconds.size + 1) / seconds.size,
            where="post",
            label=file.stem,
            color=COLOURS[number],
            linestyle=DASHES[number % len(DASHES)],
        )
        everything += [float(seconds[0]), float(seconds[-1])]
    unit = scale(axes, "x", everything, unit="s/token", from_zero=False)
    axes.set(xlabel=f"latency ({unit})", ylabel="share of tokens within it", ylim=(0.0, 1.02))
    if len(files) > 1:
        legend_below(figure)
    return Drawing(figure, "")


def energy_queue(files: Sequence[Path], style: Style, _window: Window) -> Drawing:
    """GELATO's queue over simulated time (arXiv 2605.10124), from a token log: a curve for each device.

    Raises
    ------
    ValueError
        If there are several files, the file is no token log, or no device has a budget.
    """
    if len(files) != 1:
        raise ValueError(f"energy-queue: one file, given {len(files)}")
    log = _token_log(files[0], ["seed", "device", "start_s", "energy_queue_j"]).dropna()
    if log.empty:
        raise ValueError(f"{files[0]}: no device has an energy queue, allowed: a run of gelato")
    log = log[log["seed"] == log["seed"].iloc[0]]
    curves = dict(list(log.groupby("device")))
    if len(curves) > len(COLOURS):
        raise ValueError(f"energy-queue: {len(curves)} curves can't be told apart, at most {len(COLOURS)}")
    figure, (axes,) = new_figure(1, style=style)
    for number, (device, own) in enumerate(curves.items()):
        axes.step(
            own["start_s"], own["energy_queue_j"], where="post", label=f"device {device}",
            color=COLOURS[number], linestyle=DASHES[number % len(DASHES)],
        )  # fmt: skip
    unit = scale(axes, "y", [0.0, float(log["energy_queue_j"].max())], unit="J")
    axes.set(xlabel="time (s)", ylabel=f"energy above the budget ({unit})")
    if len(curves) > 1:
        legend_below(figure)
    return Drawing(figure, "")


def token_seconds(file: Path) -> np.ndarray:
    """Seconds of every token of a log: [num_tokens], float.

    Raises
    ------
    ValueError
        If the file is no token log, or holds no token.
    """
    log = _token_log(file, ["start_s", "end_s"])
    if log.empty:
        raise ValueError(f"{file}: no token")
    return np.asarray(log["end_s"] - log["start_s"], np.float64)


def _token_log(file: Path, columns: list[str]) -> pd.DataFrame:
    """Some columns of a token log; ValueError where the file is none."""
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    try:
        if file.suffix == ".csv":
            return pd.read_csv(file, usecols=columns)
        log: pd.DataFrame = pq.read_table(file, columns=columns).to_pandas()
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{file}: not a token log, write one with netsim run --tokens: {reason}") from None
    return log
