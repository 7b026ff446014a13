"""Figures of a made-up sweep, to be looked at by tests."""

from __future__ import annotations

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.kinds import FIGURES
from analysis.figures.over import Drawing
from analysis.figures.results import Results
from analysis.figures.style import STYLES

SCREEN = STYLES["screen"]
THROUGHPUT = "throughput_tok_s"
#: Kinds that fit the made-up sweep of policies, thresholds and SNRs.
FITTING = (
    "throughput-vs-snr", "throughput-vs-threshold", "accuracy-vs-throughput", "breakdown", "accuracy-vs-threshold",
)  # fmt: skip
KINDS = {figure.name: figure for figure in FIGURES}


def drawing(kind: str, results: Results, style_name: str = "screen") -> Drawing:
    with matplotlib.style.context(STYLES[style_name].settings):
        drawn = KINDS[kind](results, STYLES[style_name])
        drawn.figure.draw_without_rendering()
    return drawn


def draw(kind: str, results: Results) -> Figure:
    return drawing(kind, results).figure


def labelled_lines(figure: Figure) -> dict[str, np.ndarray]:
    lines = [line for line in figure.axes[0].lines if not str(line.get_label()).startswith("_")]
    return {str(line.get_label()): np.asarray(line.get_xydata()) for line in lines}


def footnote_of(figure: Figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def with_thresholds(results: Results, number: int) -> Results:
    """Two baselines and so many thresholds in place of the policies."""
    table = results.table
    baselines = table[table["policy.name"].isin(["slm", "llm"])]
    one = table[(table["policy.name"] == "u-hlm") & (table["policy.threshold"] == 0.1)]
    thresholds = pd.DataFrame({"policy.threshold": np.linspace(0, 1, number)})
    many = one.drop(columns="policy.threshold").merge(thresholds, how="cross")
    return Results(pd.concat([baselines, many[table.columns]], ignore_index=True), results.axes)
