"""Every kind of figure of a sweep, declared once: name, sentence, what it needs, how it is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.drawing import draw_bars, number_bars, rows_height_in
from analysis.figures.logs import Window, draw_timeline, energy_queue, latency_cdf
from analysis.figures.margins import footnote, is_lowest, legend_below
from analysis.figures.over import OFF_TRACE, Drawing, draw_each, draw_over
from analysis.figures.results import SNR, Results
from analysis.figures.style import Style, new_figure, scale
from analysis.figures.transforms import MOST_BARS, check_number, curves, panels, points
from netsim.results.columns import STAGES

THRESHOLD, THROUGHPUT, RTT, GAMMA = "policy.threshold", "throughput_tok_s", "core.rtt_s", "policy.gamma"
#: Keys that raise the load of a network.
LOADS = ("devices", "requests.arrivals.rate_hz")
#: Panels of bars have one scale where the longest bars differ by no more than this factor: shorter ones can't be seen.
ONE_SCALE = 4.0
#: The share of requests that a network has to serve in time.
SERVED = 0.95


@dataclass(frozen=True)
class Figure:
    """A kind of figure.

    Attributes
    ----------
    name : str. As the command line spells it.
    sentence : str. What it shows.
    draw : callable. From the rows of a sweep and a style; ValueError where the sweep doesn't fit.
    needs : tuple of str. Swept keys without which there is nothing to draw; any one of them will do.
    """

    name: str
    sentence: str
    draw: Callable[[Results, Style], Drawing]
    needs: tuple[str, ...] = ()

    def __call__(self, results: Results, style: Style) -> Drawing:
        """Draw it.

        Raises
        ------
        ValueError
            If the sweep lacks the axis or the column that the figure is about.
        """
        if self.needs and not any(key in results.axes for key in self.needs):
            raise ValueError(
                f"{self.name} needs a sweep over {' or '.join(self.needs)}; this one is over {results.swept}"
            )
        return self.draw(results, style)


@dataclass(frozen=True)
class LogFigure:
    """A kind of figure of a single run.

    Attributes
    ----------
    name, sentence : str. As of `Figure`.
    draw : callable. From files, a style and what is shown of a timeline; ValueError where a file is none of its kind.
    """

    name: str
    sentence: str
    draw: Callable[[Sequence[Path], Style, Window], Drawing]


def _over(x: str, y: str) -> Callable[[Results, Style], Drawing]:
    return lambda results, style: draw_over(results, x, y, style)


def _over_load(y: str) -> Callable[[Results, Style], Drawing]:
    def draw(results: Results, style: Style) -> Drawing:
        return draw_over(results, next(key for key in LOADS if key in results.axes), y, style)

    return draw


def breakdown(results: Results, style: Style) -> Drawing:
    """Where a token's time goes: a stacked bar for each point; a sweep over SNR in three panels."""
    known = [stage for stage in STAGES if stage in results.columns]
    shown = [(title, points(part, known)) for title, part in panels(results, SNR)]
    everything = pd.concat([table for _, table in shown])
    check_number(len(shown[0][1]), MOST_BARS)
    stages = [stage for stage in known if (everything[f"{stage}_mean"] > 0).any()]
    height_in = rows_height_in(shown[0][1]["label"].tolist(), style)
    totals = [table[[f"{stage}_mean" for stage in stages]].sum(axis=1).tolist() for _, table in shown]
    longest = [max(own) for own in totals]
    one_scale = max(longest) <= ONE_SCALE * min(longest)
    figure, all_axes = new_figure(
        len(shown), height_in=height_in, share_x=one_scale, share_y=True, style=style
    )
    for axes, (title, table), own in zip(all_axes, shown, totals, strict=True):
        named = table.assign(label=table["label"].where(table["label"] != "", "the only point"))
        draw_bars(axes, named, stages)
        held = longest if one_scale else own
        unit = scale(axes, "x", [0.0, *held], unit="s/token", largest=max(longest))
        if not one_scale:
            number_bars(axes, own, "s/token", max(longest))
        lowest = is_lowest(axes) or not one_scale
        axes.set(title=title, xlabel=f"time ({unit})" if lowest else "")
    all_axes[0].invert_yaxis()
    notes = [] if everything["exact"].all() else [f"*: {OFF_TRACE}."]
    notes += [] if one_scale else ["Each panel has its own scale."]
    footnote(figure, notes if style.notes else [])
    legend_below(figure)
    return Drawing(figure, " ".join(notes))


def crossover(axes: Axes, part: Results) -> None:
    """Where the curves of other policies meet that of the LLM alone: a line down to the RTT."""
    drawn = curves(part, RTT, THROUGHPUT)
    ours = {str(label): curve for label, curve in drawn.groupby("label", observed=True)}
    llm = ours.get("llm")
    for label, curve in ours.items():
        if llm is None or label == "llm":
            continue
        at = crossings(curve["x"], curve["mean"] - np.interp(curve["x"], llm["x"], llm["mean"]))
        for rtt_s in at:
            axes.axvline(rtt_s, color="0.4", linewidth=0.7, linestyle=":")
            axes.annotate(
                f"{rtt_s * 1e3:.0f} ms",
                (rtt_s, 0.02),
                xycoords=axes.get_xaxis_transform(),
                ha="left",
                va="bottom",
                fontsize="small",
                rotation=90,
            )


def crossings(x: pd.Series[float], difference: pd.Series[float]) -> list[float]:
    """Where a difference changes its sign, by straight lines between its points.

    >>> crossings(pd.Series([0.0, 1.0, 3.0]), pd.Series([-1.0, 1.0, 2.0]))
    [0.5]
    """
    at, of = x.to_numpy(np.float64), difference.to_numpy(np.float64)
    turns = np.flatnonzero(of[:-1] * of[1:] < 0)
    return [float(at[i] - of[i] * (at[i + 1] - at[i]) / (of[i + 1] - of[i])) for i in turns]


def _served(axes: Axes, _part: Results) -> None:
    axes.axhline(SERVED, color="0.4", linewidth=0.8, linestyle=":")


FIGURES: tuple[Figure, ...] = (
    Figure("throughput-vs-snr", "Throughput over the SNR.", _over(SNR, THROUGHPUT), (SNR,)),
    Figure(
        "throughput-vs-threshold", "Throughput over the threshold; policies without one are levels.",
        _over(THRESHOLD, THROUGHPUT), (THRESHOLD,),
    ),
    Figure(
        "accuracy-vs-throughput", "What the LLM makes of the output over throughput: up and right are better.",
        _over(THROUGHPUT, "llm_nll"),
    ),
    Figure(
        "energy-vs-accuracy", "Energy of the device over what the LLM makes of the output.",
        _over("llm_nll", "device_energy_j"),
    ),
    Figure("breakdown", "Where a token's time goes: stages of every point.", breakdown),
    Figure(
        "transmission-vs-threshold", "Share of rounds that are sent over the threshold.",
        _over(THRESHOLD, "transmission_rate"), (THRESHOLD,),
    ),
    Figure(
        "accuracy-vs-threshold", "What the LLM makes of the output over the threshold.",
        _over(THRESHOLD, "llm_nll"), (THRESHOLD,),
    ),
    Figure(
        "bits-vs-exactness", "Uplink bits of a token over the distance of the output from the LLM's.",
        _over("output_tv", "uplink_bits"),
    ),
    Figure(
        "tokens-per-exchange", "Tokens that come out of an exchange over the number of drafts.",
        _over(GAMMA, "tokens_per_exchange"), (GAMMA,),
    ),
    Figure(
        "throughput-vs-rtt", "Throughput over the core network's round trip, with its crossing of the LLM alone.",
        lambda results, style: draw_over(results, RTT, THROUGHPUT, style, crossover), (RTT,),
    ),
    Figure("first-token-vs-load", "Time to the first token over the load.", _over_load("first_token_s"), LOADS),
    Figure(
        "deadline-vs-load", f"Share of requests within their deadline over the load; dotted: {SERVED:g}.",
        lambda results, style: draw_over(
            results, next(key for key in LOADS if key in results.axes), "deadline_met", style, _served
        ), LOADS,
    ),
)  # fmt: skip
LOG_FIGURES: tuple[LogFigure, ...] = (
    LogFigure(
        "latency-cdf",
        "Share of tokens within a time, of the token logs of `netsim run --tokens`.",
        latency_cdf,
    ),
    LogFigure(
        "energy-queue",
        "GELATO's energy queue over time, of the token log of `netsim run --tokens`.",
        energy_queue,
    ),
    LogFigure("timeline", "Who did what when, of the file of `netsim run --timeline`.", draw_timeline),
)
BY_NAME: dict[str, Figure | LogFigure] = {
    **{figure.name: figure for figure in FIGURES},
    **{figure.name: figure for figure in LOG_FIGURES},
}


def default_figure(results: Results) -> tuple[str, Callable[[Results, Style], Drawing]]:
    """The figure of a folder nobody asked a kind of: throughput over what is swept; its name for the file."""
    for name in ("throughput-vs-snr", "throughput-vs-threshold"):
        figure = next(own for own in FIGURES if own.name == name)
        key = figure.needs[0]
        if key in results.axes and results.table[key].nunique() > 1:
            return name, figure
    numeric = [
        axis for axis in results.axes
        if pd.api.types.is_numeric_dtype(results.table[axis]) and results.table[axis].nunique() > 1
    ]  # fmt: skip
    free = [axis for axis in numeric if not axis.startswith("policy.")] or numeric
    if free:
        return f"throughput-vs-{free[0].rpartition('.')[2].replace('_', '-')}", _over(free[0], THROUGHPUT)
    return "throughput", lambda results, style: draw_each(results, THROUGHPUT, style)
