"""The figures of a sweep: one function each, and `plot`, which writes one beside the results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.drawing import draw_bars, draw_curves, draw_trade_off
from analysis.figures.labels import axis_label
from analysis.figures.results import SNR, Results, read_results
from analysis.figures.style import METADATA, STYLE, footnote, legend_below, new_figure, save, scale
from analysis.figures.transforms import EXACT_ON_TRACE, curves, families, panels, points
from netsim.results.columns import STAGES

THRESHOLD = "policy.threshold"
THROUGHPUT, THROUGHPUT_LABEL = "throughput_tok_s", "throughput (tokens/s)"
LLM_NLL = "llm_nll"
INTERVALS = "95 % confidence over token seeds"
OFF_TRACE = f"under {EXACT_ON_TRACE * 100:g} % of rounds are on the trace"


def throughput_vs_snr(results: Results) -> Figure:
    """Throughput over SNR, a curve for each policy."""
    results.require(SNR, "throughput-vs-snr")
    return _throughput_over(SNR, axis_label(SNR), [("", results)])


def throughput_vs_threshold(results: Results) -> Figure:
    """Throughput over the uncertainty threshold; a policy without one is a level line.

    A sweep over SNR as well is shown at its lowest, middle and highest.
    """
    results.require(THRESHOLD, "throughput-vs-threshold")
    return _throughput_over(THRESHOLD, "uncertainty threshold", panels(results, SNR))


def accuracy_vs_throughput(results: Results) -> Figure:
    """What the LLM makes of the output, over throughput: a point for each policy and setting.

    The y axis is turned round, so that up and right are better. A sweep over SNR is shown at its lowest,
    middle and highest. Points whose text is not exact have no accuracy and are left out.
    """
    if results.table[LLM_NLL].isna().all():
        raise ValueError("accuracy-vs-throughput needs llm_nll, and no row has it: no output text is exact")
    shown = [(title, families(part, [THROUGHPUT, LLM_NLL])) for title, part in panels(results, SNR)]
    everything = pd.concat([table for _, table in shown])
    scored = everything[f"{LLM_NLL}_mean"].notna()
    figure, all_axes = new_figure(len(shown), share_y=True)
    for axes, (title, table) in zip(all_axes, shown, strict=True):
        draw_trade_off(axes, table[table[f"{LLM_NLL}_mean"].notna()], THROUGHPUT, LLM_NLL)
        scale(axes, "x", everything.loc[scored, f"{THROUGHPUT}_mean"].tolist())
        axes.set(title=title, xlabel=THROUGHPUT_LABEL)
    all_axes[0].set_ylabel("neg. log-likelihood under the LLM\n(nats/token; up is better)")
    all_axes[0].invert_yaxis()
    notes = [f"Bars: {INTERVALS}."] if everything[f"{LLM_NLL}_low"].notna().any() else []
    notes += [] if scored.all() else ["Points whose text is not exact are left out."]
    footnote(figure, notes)
    legend_below(figure)
    return figure


def breakdown(results: Results) -> Figure:
    """Where a token's time goes: a stacked bar for each point.

    A sweep over SNR is shown at its lowest, middle and highest.
    """
    shown = [(title, points(part, STAGES)) for title, part in panels(results, SNR)]
    everything = pd.concat([table for _, table in shown])
    stages = [stage for stage in STAGES if (everything[f"{stage}_mean"] > 0).any()]
    figure, all_axes = new_figure(len(shown), height_in=0.8 + 0.22 * len(shown[0][1]), share_y=True)
    for axes, (title, table) in zip(all_axes, shown, strict=True):
        draw_bars(axes, table, stages)
        axes.set(title=title, xlabel="time (s/token)")
    all_axes[0].invert_yaxis()
    footnote(figure, [] if everything["exact"].all() else [f"*: {OFF_TRACE}."])
    legend_below(figure)
    return figure


FIGURES: dict[str, Callable[[Results], Figure]] = {
    "throughput-vs-snr": throughput_vs_snr,
    "throughput-vs-threshold": throughput_vs_threshold,
    "accuracy-vs-throughput": accuracy_vs_throughput,
    "breakdown": breakdown,
}


def plot(results_folder: Path, kind: str, file_format: str = "png", out: Path | None = None) -> Path:
    """Draw one figure of a results folder.

    Parameters
    ----------
    results_folder : the folder that a sweep wrote.
    kind : a key of `FIGURES`.
    file_format : ``png``, ``pdf`` or ``svg``. The same results give the same bytes.
    out : the file to write; by default ``<kind>.<format>`` in the results folder.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        One line: an unknown kind or format, no results in the folder, or an axis that the sweep lacks.
    """
    if kind not in FIGURES:
        raise ValueError(f"no figure {kind!r}: there are {', '.join(FIGURES)}")
    if file_format not in METADATA:
        raise ValueError(f"no format {file_format!r}: there are {', '.join(METADATA)}")
    path = out or results_folder / f"{kind}.{file_format}"
    with matplotlib.style.context(STYLE):
        save(FIGURES[kind](read_results(results_folder)), path, file_format)
    return path


def _throughput_over(x: str, x_label: str, parts: list[tuple[str, Results]]) -> Figure:
    """Throughput over a swept key, one panel for each titled part of the results."""
    shown = [(title, curves(part, x, THROUGHPUT)) for title, part in parts]
    everything = pd.concat([table for _, table in shown])
    figure, all_axes = new_figure(len(shown))
    for axes, (title, table) in zip(all_axes, shown, strict=True):
        draw_curves(axes, table)
        axes.set(title=title, xlabel=x_label)
        scale(axes, "y", everything["mean"].tolist())
    all_axes[0].set_ylabel(THROUGHPUT_LABEL)
    notes = [f"Bands: {INTERVALS}."] if everything["low"].notna().any() else []
    notes += [] if everything["exact"].all() else [f"Hollow: {OFF_TRACE}."]
    footnote(figure, notes)
    legend_below(figure)
    return figure
