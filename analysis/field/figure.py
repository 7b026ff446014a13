"""The figures of ``docs/field.md``: throughput of every method, each with a look of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib.style
import pandas as pd

from analysis.figures.identity import COLOURS, DASHES
from analysis.figures.intervals import interval_words
from analysis.figures.kinds import RTT, THROUGHPUT
from analysis.figures.labels import axis_label
from analysis.figures.margins import footnote, legend_below
from analysis.figures.results import SNR, Results
from analysis.figures.style import STYLE, new_figure, save, scale
from analysis.figures.transforms import points

#: What the literature calls the policies of both scenarios, in their order.
METHODS = (
    "SLM alone", "LLM alone", "HLM", "U-HLM", "DSD", "TK-SLT", "QS", "SQS", "DSSD", "PicoSpec", "HAT's rule", "PipeSD's rule",
    "FlexSpec's rule",
)  # fmt: skip
#: So fast, and so far from the large model, that the others would lie on one line.
LEFT_OUT = "SLM alone"
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*", "<", ">", "d", "h", "p")


def by_method(results: Results, x: str) -> dict[str, pd.DataFrame]:
    """Throughput of each method over a swept key: columns ``x`` and ``mean``, ascending in ``x``."""
    table = points(results, [THROUGHPUT])
    others = [axis for axis in results.axes if axis != x]
    groups = [own for _, own in table.groupby(others, sort=False, dropna=False)]
    return {
        name: own.rename(columns={x: "x", f"{THROUGHPUT}_mean": "mean"})[["x", "mean"]].sort_values("x")
        for name, own in zip(METHODS, groups, strict=True)
    }


def interval(results: Results) -> str:
    """What the intervals of throughput are over."""
    return interval_words(results, points(results, [THROUGHPUT]), [THROUGHPUT])


def draw(over_snr: Results, over_rtt: Results, picture: Path) -> None:
    """Both sweeps side by side."""
    with matplotlib.style.context(STYLE):
        figure, panels = new_figure(2, height_in=2.8, share_y=True)
        for axes, results, key in zip(panels, (over_snr, over_rtt), (SNR, RTT), strict=True):
            _panel(axes, by_method(results, key))
            unit = scale(
                axes,
                "x",
                [float(value) for value in results.table[key].unique()],
                unit="s" if key == RTT else "dB",
                from_zero=key == RTT,
            )
            axes.set_xlabel(f"round-trip time ({unit})" if key == RTT else axis_label(key))
        panels[0].set(ylabel=axis_label(THROUGHPUT), ylim=(0, None))
        footnote(
            figure, ["Without the SLM alone; intervals are in the tables: twelve bands hide the curves."]
        )
        legend_below(figure)
        save(figure, picture, "png")


def _panel(axes: matplotlib.axes.Axes, methods: Mapping[str, pd.DataFrame]) -> None:
    for index, (name, curve) in enumerate(methods.items()):
        if name == LEFT_OUT:
            continue
        colour = (0.2, 0.2, 0.2) if name == "LLM alone" else COLOURS[index % len(COLOURS)]
        dash = DASHES[index // len(COLOURS)]
        axes.plot(curve["x"], curve["mean"], color=colour, linestyle=dash, marker=MARKERS[index], label=name)
