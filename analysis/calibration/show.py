"""A fitted line as text, as JSON and as a figure."""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes

from analysis.calibration.fit import Fit
from analysis.calibration.lines import Estimate
from analysis.figures.identity import COLOURS
from analysis.figures.margins import footnote
from analysis.figures.style import STYLES, Style, format_of, new_figure, save

#: Area of the largest marker, points squared; a bin's area is in proportion to its rounds.
LARGEST_MARKER = 60.0


def report(fit: Fit) -> str:
    """Lines of text: the estimates with their intervals, the bins, and what to beware of."""
    rows = [
        ("a", fit.a),
        ("b", fit.b),
        ("a of single rounds", fit.raw_a),
        ("b of single rounds", fit.raw_b),
        ("mean rejection", fit.mean_rejection),
        ("Delta = P(y_d < x_d)", fit.delta),
        ("risk-averse threshold", fit.risk_averse),
        ("risk-prone threshold", fit.risk_prone),
        ("coefficient of u^2", fit.curvature),
    ]
    lines = [f"{fit.rounds} rounds of {fit.prompts} prompts; in brackets 95 % intervals over prompts", ""]
    lines += [f"{name:22s} {value:9.4f}  [{low:.4f}, {high:.4f}]" for name, (value, low, high) in rows]
    lines += [f"{'r of bins':22s} {fit.binned_r:9.4f}", f"{'r of single rounds':22s} {fit.raw_r:9.4f}", ""]
    lines.append(
        f"{'u':>6s} {'share':>8s} {'beta':>8s}  {'line':>8s} {'skipped':>8s} {'R(u)':>8s} {'measured':>9s}"
    )
    lines += [
        f"{one.threshold:6.3f} {one.share:8.4f} {one.rejection.value:8.4f}{'*' if one.leaves_line else ' '} "
        f"{one.line:8.4f} {one.skipped:8.4f} {one.bound:8.4f} {one.risk.value:9.4f}"
        for one in fit.bins
    ]
    return "\n".join([*lines, "", *cautions(fit)])


def cautions(fit: Fit) -> list[str]:
    """What a reader of the line should know: one sentence each."""
    said = []
    if fit.a.low <= 0:
        said.append(
            "The line does not rise beyond chance: uncertainty does not predict rejection for this pair."
        )
    if not fit.linear:
        bend = "upward" if fit.curvature.value > 0 else "downward"
        said.append(f"Not linear: the bins' means bend {bend} beyond chance.")
    away = [one for one in fit.bins if one.leaves_line]
    if away:
        where = ", ".join(f"{one.threshold:g} ({one.deviation.value:+.3f})" for one in away)
        said.append(
            f"* The mean rejection leaves the line at u = {where}; the line understates it where the sign is plus."
        )
    if not all(one.fitted for one in fit.bins):
        where = ", ".join(f"{one.threshold:g}" for one in fit.bins if not one.fitted)
        said.append(f"Not fitted, since the line is not positive there: u = {where}.")
    for name, (value, _, _) in (("risk-averse", fit.risk_averse), ("risk-prone", fit.risk_prone)):
        if value < 0:
            said.append(f"{name} is below 0 and clipped: u-hlm is then hlm but for rounds with u = 0.")
        elif value >= 1:
            said.append(f"{name} is not below 1 and clipped: u-hlm is then slm.")
    return said


def to_json(fit: Fit) -> str:
    """All of the fit; intervals as ``{"value", "low", "high"}``, null where undefined."""
    content = _plain(fit) | {"linear": fit.linear, "cautions": cautions(fit)}
    return json.dumps(content, indent=1) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return {name: _plain(number) for name, number in value._asdict().items()}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def draw(fit: Fit, path: Path, style: Style = STYLES["screen"]) -> None:
    """Two panels: rejection over uncertainty with the line, and risk over the threshold; the suffix names the format."""
    with matplotlib.style.context(style.settings):
        figure, (left, right) = new_figure(2, style=style)
        _draw_line(left, fit)
        _draw_risk(right, fit)
        notes = ["Bars and band: 95 % over prompts. A dot's area is its share of the rounds."]
        footnote(figure, notes if style.notes else [])
        save(figure, path, format_of(path, None))


def _draw_line(axes: Axes, fit: Fit) -> None:
    u = np.array([one.uncertainty for one in fit.bins])
    mean, low, high = np.array([one.rejection for one in fit.bins]).T
    share = np.array([one.share for one in fit.bins])
    axes.errorbar(u, mean, yerr=[mean - low, high - mean], fmt="none", ecolor="0.6", elinewidth=0.7)
    axes.scatter(
        u, mean, LARGEST_MARKER * share / share.max(), color=COLOURS[0], label="mean of a bin", zorder=3
    )
    grid = np.linspace(0, 1, 201)
    line = np.maximum(0.0, fit.a.value * grid + fit.b.value)
    label = f"{fit.a.value:.3f} u {fit.b.value:+.3f}".replace("-", "\N{MINUS SIGN}")
    axes.plot(grid, line, color=COLOURS[1], linestyle=(0, (5, 1.5)), label=label)
    axes.set(xlabel="uncertainty u", ylabel="rejection probability", xlim=(-0.03, 1.03), ylim=(0, 1.02))
    axes.legend(loc="upper left")


def _draw_risk(axes: Axes, fit: Fit) -> None:
    threshold = np.array([one.threshold for one in fit.bins])
    measured, low, high = np.array([one.risk for one in fit.bins]).T
    bound = [one.bound for one in fit.bins]
    axes.fill_between(threshold, low, high, color=COLOURS[0], alpha=0.2, linewidth=0)
    axes.plot(threshold, measured, color=COLOURS[0], marker="o", label="measured")
    axes.plot(threshold, bound, color=COLOURS[1], linestyle=(0, (5, 1.5)), label="from the line")
    label = "share of all rounds\nskipped and rejected"
    axes.set(xlabel="threshold", ylabel=label, xlim=(-0.03, 1.03), ylim=(0, None))
    axes.legend(loc="upper left")
