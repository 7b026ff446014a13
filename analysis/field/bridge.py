"""Sure drafts kept, or verified with the unsure one: the same threshold in both literatures, on the same draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd

from analysis.figures.identity import COLOURS
from analysis.figures.intervals import interval_words
from analysis.figures.kinds import THROUGHPUT
from analysis.figures.labels import axis_label
from analysis.figures.margins import footnote, legend_below
from analysis.figures.results import SNR, Results
from analysis.figures.style import STYLE, new_figure, save
from analysis.figures.transforms import points

#: SNR of the table and the figure, dB.
SHOWN_DB = 10.0
#: What becomes of sure drafts: the policy, and the column that holds its threshold.
SIDES = {
    "kept (U-HLM)": ("u-hlm", "policy.threshold"),
    "verified (spec, gamma 8)": ("spec", "policy.stop.threshold"),
}


def sides(results: Results, llm_nll: float) -> dict[str, pd.DataFrame]:
    """Both ways at `SHOWN_DB`, by threshold: columns ``threshold``, ``mean``, ``low``, ``high`` and ``kept``.

    ``mean`` and its interval are tokens per second; ``kept`` is ``exp(llm_nll - nll)``, ``llm_nll`` being that of ``llm``.
    """
    table = points(results, [THROUGHPUT, "llm_nll"])
    table = table[table[SNR] == SHOWN_DB]
    ends = {f"{THROUGHPUT}_{end}": end for end in ("mean", "low", "high")}
    found = {}
    for name, (policy, threshold) in SIDES.items():
        own = table[table["policy.name"] == policy].rename(columns={threshold: "threshold", **ends})
        own = own.assign(
            threshold=own["threshold"].astype(float), kept=np.exp(llm_nll - own["llm_nll_mean"].astype(float))
        )
        found[name] = own.sort_values("threshold")[["threshold", *ends.values(), "kept"]]
    return found


def rows(both: dict[str, pd.DataFrame]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table: a row a threshold."""
    head = ["threshold"]
    for name in both:
        head += [f"tokens/s, {name}", "likelihood kept"]
    lines = []
    for line in zip(*(own.to_dict("records") for own in both.values()), strict=True):
        cells = [f"{line[0]['threshold']:g}"]
        for own in line:
            cells += [
                f"{own['mean']:.1f} ± {(own['high'] - own['low']) / 2:.1f}",
                f"{100 * own['kept']:.1f} %",
            ]
        lines.append(cells)
    return head, lines


def draw_bridge(results: Results, both: dict[str, pd.DataFrame], picture: Path) -> None:
    """Throughput, and the likelihood that is kept, over the threshold."""
    with matplotlib.style.context(STYLE):
        figure, (speed, quality) = new_figure(2, height_in=2.6)
        for (name, own), colour, marker, dash in zip(both.items(), COLOURS, "os", ("-", "--"), strict=False):
            look: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": dash, "label": name}
            speed.plot(own["threshold"], own["mean"], **look)
            speed.fill_between(
                own["threshold"], own["low"], own["high"], color=colour, alpha=0.12, linewidth=0
            )
            quality.plot(own["threshold"], 100 * own["kept"], **look)
        for axes, label in ((speed, axis_label(THROUGHPUT)), (quality, "likelihood kept of llm's (%)")):
            axes.set(xlabel="threshold", ylabel=label, xticks=own["threshold"])
        speed.set_ylim(0, None)
        interval = interval_words(results, points(results, [THROUGHPUT]), [THROUGHPUT])
        footnote(figure, [f"{SHOWN_DB:g} dB. Bands: {interval}."])
        legend_below(figure)
        save(figure, picture, "png")
