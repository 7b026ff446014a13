"""The figure of ``netsim optimize``: the best threshold over SNR, and what it gains."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
import pandas as pd

from analysis.figures.labels import axis_label
from analysis.figures.results import SNR
from analysis.figures.style import COLOURS, STYLE, footnote, new_figure, save


def draw_optimum(best: pd.DataFrame, objective: str, path: Path, file_format: str = "png") -> None:
    """Two panels over SNR: the threshold, and the objective's ratio to hlm's.

    Parameters
    ----------
    best : as ``netsim.sweeps.optimize.best_thresholds`` returns it.
    objective : name of the column that was maximised.
    """
    with matplotlib.style.context(STYLE):
        figure, (left, right) = new_figure(2)
        left.step(best[SNR], best["threshold"], where="mid", color=COLOURS[0], marker="o")
        left.set(xlabel=axis_label(SNR), ylabel="best threshold", ylim=(-0.02, 1.02))
        if "speed_up" in best:
            right.fill_between(
                best[SNR],
                best["speed_up_low"],
                best["speed_up_high"],
                color=COLOURS[1],
                alpha=0.2,
                linewidth=0,
            )
            right.plot(best[SNR], best["speed_up"], color=COLOURS[1], marker="s")
        right.axhline(1.0, color="0.5", linewidth=0.8)
        right.set(xlabel=axis_label(SNR), ylabel=f"{objective},\nratio to hlm", ylim=(0, None))
        footnote(
            figure, ["Band: 95 % over token seeds, paired with hlm. No point: no threshold meets the bound."]
        )
        save(figure, path, file_format)
