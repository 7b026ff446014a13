"""Figures of every kind: axes, curves and bands of a made-up sweep, read back."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from analysis.figures.identity import MAX_CURVES
from analysis.figures.kinds import default_figure
from analysis.figures.over import draw_over
from analysis.figures.results import SNR, Results
from analysis.figures.style import COLUMN_IN, PAGE_IN, STYLES
from analysis.figures.transforms import CROWDED, curves, panels, points
from tests.drawn_figures import (
    FITTING,
    SCREEN,
    THROUGHPUT,
    draw,
    drawing,
    footnote_of,
    labelled_lines,
    with_thresholds,
)

pytestmark = pytest.mark.usefixtures("style")


@pytest.mark.parametrize("kind", FITTING)
@pytest.mark.parametrize("style_name", STYLES)
def test_axes_have_units_and_the_figure_the_styles_width(sweep: Results, kind: str, style_name: str) -> None:
    figure = drawing(kind, sweep, style_name).figure
    plain_width = COLUMN_IN if kind == "throughput-vs-snr" else PAGE_IN
    assert figure.get_figwidth() == (STYLES[style_name].width_in or plain_width)
    labels = {axes.get_xlabel() for axes in figure.axes} | {axes.get_ylabel() for axes in figure.axes}
    plain = {"uncertainty threshold", ""}  # a threshold has no unit, bars have names
    unit = re.compile(r"\((dB|tokens/s|m?s/token|nats/token(; up is better)?)\)$")
    assert all(unit.search(label) for label in labels - plain)


@pytest.mark.parametrize("kind", FITTING)
@pytest.mark.parametrize("style_name", STYLES)
@pytest.mark.parametrize("thresholds", [0, CROWDED - 2, MAX_CURVES - 2])
def test_it_can_be_read(sweep: Results, kind: str, style_name: str, thresholds: int) -> None:
    """Nothing leaves the figure, no ticks overlap, the legend covers nothing and is no larger than the panels."""
    shown = with_thresholds(sweep, thresholds) if thresholds else sweep
    figure = drawing(kind, shown, style_name).figure
    boxes = [box for axes in figure.axes if (box := axes.get_tightbbox()) is not None]
    assert all(box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1 for box in boxes)
    assert all(axes.bbox.height > 0.6 * figure.dpi for axes in figure.axes)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [
                tick.label1.get_window_extent()
                for tick in axis.get_major_ticks()
                if tick.label1.get_visible() and tick.label1.get_text() and low <= tick.get_loc() <= high
            ]
            assert len(ticks) != 1
            assert not any(one.overlaps(other) for one, other in pairwise(ticks))
    for legend in (own.get_window_extent() for own in figure.legends):
        assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= legend.y0
        assert not any(legend.overlaps(box) for box in boxes)
        assert legend.height <= max(box.y1 for box in boxes) - min(box.y0 for box in boxes)


def test_throughput_over_snr_draws_every_mean_and_band(sweep: Results) -> None:
    figure = draw("throughput-vs-snr", sweep)
    drawn = curves(sweep, SNR, THROUGHPUT)
    lines = labelled_lines(figure)
    assert list(lines) == drawn["label"].unique().tolist()
    for band, (label, curve) in zip(
        figure.axes[0].collections, drawn.groupby("label", observed=True), strict=True
    ):
        np.testing.assert_array_equal(lines[str(label)], curve[["x", "mean"]])
        corners = band.get_paths()[0].vertices
        assert set(curve["low"]) | set(curve["high"]) <= set(np.asarray(corners)[:, 1])


def test_throughput_over_threshold_draws_policies_without_one_level(sweep: Results) -> None:
    lines = labelled_lines(draw("throughput-vs-threshold", sweep))
    drawn = curves(panels(sweep, SNR)[0][1], "policy.threshold", THROUGHPUT).set_index("label")
    np.testing.assert_array_equal(lines["u-hlm"], drawn.loc["u-hlm", ["x", "mean"]])
    for label in ("slm", "hlm"):
        assert set(lines[label][:, 1]) == {drawn.loc[label, "mean"]}


def test_any_column_over_any_swept_key(sweep: Results) -> None:
    lines = labelled_lines(draw_over(sweep, SNR, "uplink_s", SCREEN).figure)
    rows = sweep.table[(sweep.table["policy.name"] == "hlm") & (sweep.table[SNR] == 5)]
    by_token_seed = rows.groupby("token_seed")["uplink_s"].mean()
    assert dict(lines["hlm"])[5] == pytest.approx(by_token_seed.mean(), rel=1e-12)


def test_panels_can_be_compared(sweep: Results) -> None:
    figure = draw("throughput-vs-threshold", sweep)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


def test_a_policy_has_the_same_colour_in_every_figure(sweep: Results) -> None:
    over_snr = draw("throughput-vs-snr", sweep).axes[0]
    trade = draw("accuracy-vs-throughput", sweep).axes[0]
    colours = {str(line.get_label()): line.get_color() for line in over_snr.lines}
    same = [
        container[0].get_color() == colours[str(container.get_label())]
        for container in trade.containers
        if str(container.get_label()) in colours
    ]
    assert len(same) == 5
    assert all(same)


def test_a_choice_of_policies_changes_no_colour(sweep: Results) -> None:
    chosen = sweep.where("policy.name", ["u-hlm"]).where("policy.threshold", ["0.5"])
    (line,) = (own for own in draw("throughput-vs-snr", chosen).axes[0].lines if np.size(own.get_xdata()))
    (before,) = (
        own for own in draw("throughput-vs-snr", sweep).axes[0].lines if own.get_label() == "u-hlm, threshold 0.5"
    )  # fmt: skip
    assert (line.get_color(), line.get_marker()) == (before.get_color(), before.get_marker())


def test_one_snr_is_bars_and_its_value_is_no_axis(sweep: Results) -> None:
    part = replace(sweep, table=sweep.table[sweep.table[SNR] == 10])
    assert default_figure(part)[0] == "throughput-vs-threshold"
    axes = draw("throughput-vs-snr", part).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "slm", "llm", "hlm", "rand-hlm", "u-hlm, threshold 0.1", "u-hlm, threshold 0.5", "oracle",
    ]  # fmt: skip
    lengths = [bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)]
    np.testing.assert_allclose(lengths, points(part.at(SNR, 10), [THROUGHPUT])[f"{THROUGHPUT}_mean"])


@pytest.mark.parametrize("axes", [(), ("policy.name",), ("devices",), ("channel.fading.name",), (SNR,)])
def test_the_default_figure_is_over_what_is_swept(sweep: Results, axes: tuple[str, ...]) -> None:
    rows = sweep.table[(sweep.table["policy.name"] == "hlm") & (sweep.table[SNR] < 5)].copy()
    rows["devices"] = rows[SNR].rank(method="dense")
    rows["channel.fading.name"] = np.where(rows[SNR] < 0, "none", "rayleigh")
    part = Results(rows, axes)
    name, figure = default_figure(part)
    expected = {"devices": "throughput-vs-devices", SNR: "throughput-vs-snr"}
    assert name == expected.get(axes[0] if axes else "", "throughput")
    drawn = figure(part, SCREEN).figure.axes[0]
    if axes == ("devices",):
        assert drawn.get_xlabel() == "devices"


@pytest.mark.parametrize("kind", FITTING)
def test_one_seed_says_so(sweep: Results, kind: str) -> None:
    one = replace(sweep, table=sweep.table[sweep.table["seed"] == 0])
    assert kind == "breakdown" or "One seed: no interval." in drawing(kind, one).caption


def test_the_paper_leaves_notes_to_the_caption(sweep: Results) -> None:
    on_paper, on_screen = (drawing("throughput-vs-snr", sweep, name) for name in ("paper", "screen"))
    assert on_paper.caption == on_screen.caption == "Bands: 95 % interval over token seeds."
    assert not footnote_of(on_paper.figure)
    assert footnote_of(on_screen.figure) == on_screen.caption


@pytest.mark.parametrize(("stretch", "expected"), [(9.0, "linear"), (11.0, "log")])
def test_the_y_axis_is_logarithmic_from_a_decade_on(sweep: Results, stretch: float, expected: str) -> None:
    is_slm = sweep.table["policy.name"] == "slm"
    table = sweep.table.assign(throughput_tok_s=np.where(is_slm, 1.0, stretch))
    axes = draw("throughput-vs-snr", replace(sweep, table=table)).axes[0]
    assert axes.get_yscale() == expected
    assert expected == "log" or axes.get_ylim()[0] == 0


def test_a_band_down_to_zero_does_not_stretch_a_logarithmic_axis(sweep: Results) -> None:
    # Two token seeds far apart: Student's t with one degree of freedom reaches below 0.
    is_first = sweep.table["token_seed"] == 0
    table = sweep.table.assign(token_seed=np.where(is_first, 0, 1))
    table["throughput_tok_s"] *= np.where(is_first, 0.2, 1.0)
    part = replace(sweep, table=table)
    drawn = curves(part, SNR, THROUGHPUT)
    assert drawn["low"].min() < 0
    assert draw("throughput-vs-snr", part).axes[0].get_ylim()[0] >= drawn["mean"].min() / 2
