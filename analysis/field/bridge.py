"""Sure drafts kept, or verified with the unsure one: the same threshold in both literatures, on the same draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd

from analysis.figures.identity import COLOURS
from analysis.figures.margins import footnote, legend_below
from analysis.figures.results import SNR, Results
from analysis.figures.style import STYLE, new_figure, save
from analysis.report.against import Comparison, against_hlm
from netsim.results.statistics import Interval

#: SNR of the table and the figure, dB.
SHOWN_DB = 10.0
#: What becomes of sure drafts: the policy, and the column that holds its threshold.
SIDES = {
    "kept (U-HLM)": ("u-hlm", "policy.threshold"),
    "verified (spec, gamma 8)": ("spec", "policy.stop.threshold"),
}
#: A threshold, and what it gives against hlm.
Side = list[tuple[float, Comparison]]


def sides(results: Results) -> dict[str, Side]:
    """Both ways at `SHOWN_DB`, by ascending threshold: speed and likelihood against hlm, paired over prompts."""
    found = {}
    for name, (policy, column) in SIDES.items():

        def here(table: pd.DataFrame, policy: str = policy) -> pd.Series[bool]:
            return (table[SNR] == SHOWN_DB) & table["policy.name"].isin(["hlm", policy])

        part = results.keep(here)
        thresholds = part.table.loc[part.table["policy.name"] == policy, column].astype(float).unique()
        found[name] = sorted(
            zip(thresholds.tolist(), against_hlm(part), strict=True), key=lambda pair: pair[0]
        )
    return found


def rows(both: dict[str, Side]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table: a row a threshold."""
    head = ["threshold", *(text for name in both for text in (f"times hlm, {name}", "likelihood of hlm's"))]
    lines = []
    for line in zip(*both.values(), strict=True):
        cells = [f"{line[0][0]:g}"]
        for _, one in line:
            speed, kept = one.speed_up, [100 * end for end in one.accuracy]
            cells += [
                f"{speed.mean:.2f} [{speed.low:.2f}, {speed.high:.2f}]",
                f"{kept[0]:.1f} % [{kept[1]:.1f}, {kept[2]:.1f}]",
            ]
        lines.append(cells)
    return head, lines


def draw_bridge(both: dict[str, Side], picture: Path) -> None:
    """Speed over the threshold, and the likelihood."""
    with matplotlib.style.context(STYLE):
        figure, panels = new_figure(2, height_in=2.6)
        for (name, own), colour, marker, dash in zip(both.items(), COLOURS, "os", ("-", "--"), strict=False):
            look: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": dash, "label": name}
            thresholds = [threshold for threshold, _ in own]
            speed = [one.speed_up for _, one in own]
            likelihood = [Interval(*(100 * end for end in one.accuracy)) for _, one in own]
            for axes, intervals in zip(panels, (speed, likelihood), strict=True):
                axes.plot(thresholds, [one.mean for one in intervals], **look)
                ends = [one.low for one in intervals], [one.high for one in intervals]
                axes.fill_between(thresholds, *ends, color=colour, alpha=0.15, linewidth=0)
                axes.set(xlabel="threshold", xticks=thresholds)
        panels[0].set(ylabel="throughput over hlm", ylim=(0, None))
        panels[1].set_ylabel("likelihood over hlm's (%)")
        over = " and ".join(sorted({text for own in both.values() for _, one in own for text in one.over}))
        footnote(figure, [f"{SHOWN_DB:g} dB. Bands: {over}."])
        legend_below(figure)
        save(figure, picture, "png")
