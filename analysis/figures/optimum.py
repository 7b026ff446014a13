"""The figure of ``netsim optimize``: the best threshold over SNR, and what it gains."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
import pandas as pd

from analysis.figures.identity import FAMILIES
from analysis.figures.labels import axis_label, title_and_unit
from analysis.figures.margins import footnote
from analysis.figures.results import SNR
from analysis.figures.style import STYLES, Style, format_of, new_figure, save


def draw_optimum(best: pd.DataFrame, objective: str, path: Path, style: Style = STYLES["screen"]) -> None:
    """Two panels over SNR: the threshold, and the objective's ratio to hlm's.

    Parameters
    ----------
    best : as ``netsim.sweeps.optimize.best_thresholds`` returns it.
    objective : name of the column that was maximised.
    path : its suffix names the format.
    """
    colour, marker = FAMILIES["u-hlm"]
    with matplotlib.style.context(style.settings):
        figure, (left, right) = new_figure(2, style=style)
        left.step(best[SNR], best["threshold"], where="mid", color=colour, marker=marker)
        left.set(xlabel=axis_label(SNR), ylabel="best threshold", ylim=(-0.02, 1.02))
        if "speed_up" in best:
            right.fill_between(
                best[SNR], best["speed_up_low"], best["speed_up_high"], color=colour, alpha=0.2, linewidth=0
            )
            right.plot(best[SNR], best["speed_up"], color=colour, marker=marker)
        right.axhline(1.0, color="0.5", linewidth=0.8)
        right.set(xlabel=axis_label(SNR), ylabel=f"{title_and_unit(objective)[0]} over hlm", ylim=(0, None))
        notes = ["No point: no threshold meets the bound."]
        if "speed_up" in best:
            over = ", ".join(best["speed_up_interval"].dropna().unique())
            notes = [f"Band: {over}, paired with hlm. {notes[0]}"]
        footnote(figure, notes if style.notes else [])
        save(figure, path, format_of(path, None))
