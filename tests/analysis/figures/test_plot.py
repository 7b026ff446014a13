"""Figures of a sweep: what they draw, what they refuse, and that they can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.figures.identity import MAX_CURVES
from analysis.figures.kinds import BY_NAME, FIGURES, crossings, default_figure
from analysis.figures.margins import legend_below, thin_ticks
from analysis.figures.over import Drawing, draw_over
from analysis.figures.plot import Wanted, plot, styled
from analysis.figures.results import SNR, Results
from analysis.figures.style import COLUMN_IN, PAGE_IN, STYLES, new_figure, scale
from analysis.figures.transforms import CROWDED, curves, panels, points
from netsim.results.columns import STAGES
from tests.sweep_factory import made_up_sweep

SCREEN = STYLES["screen"]
THROUGHPUT = "throughput_tok_s"
#: Kinds that fit the made-up sweep of policies, thresholds and SNRs.
FITTING = (
    "throughput-vs-snr", "throughput-vs-threshold", "accuracy-vs-throughput", "breakdown", "accuracy-vs-threshold",
)  # fmt: skip
KINDS = {figure.name: figure for figure in FIGURES}


@pytest.fixture
def sweep() -> Results:
    return made_up_sweep()


@pytest.fixture
def results_folder(tmp_path: Path) -> Path:
    made_up_sweep().table.to_parquet(tmp_path / "results.parquet")
    return tmp_path


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with matplotlib.style.context(SCREEN.settings):
        yield


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


def test_points_off_the_trace_are_hollow_and_explained(sweep: Results) -> None:
    off = (sweep.table["policy.threshold"] == 0.5) & (sweep.table[SNR] >= 20)
    table = sweep.table.assign(on_trace=np.where(off, 0.9, 1.0))
    figure = draw("throughput-vs-snr", replace(sweep, table=table))
    lines = figure.axes[0].lines
    hollow = [line for line in lines if line.get_markerfacecolor() == "white" and np.size(line.get_xdata())]
    assert [np.asarray(line.get_xdata()).tolist() for line in hollow] == [[20, 25, 30]]
    (line,) = (line for line in lines if line.get_label() == "u-hlm, threshold 0.5")
    assert line.get_markevery() == [0, 1, 2, 3, 4, 5]
    assert "Hollow: under 99 % of rounds are on the trace." in footnote_of(figure)
    assert "Hollow" not in footnote_of(draw("throughput-vs-snr", sweep))


def test_bars_off_the_trace_have_a_star_and_are_explained(sweep: Results) -> None:
    off = sweep.table["policy.threshold"] == 0.5
    figure = draw("breakdown", replace(sweep, table=sweep.table.assign(on_trace=np.where(off, 0.9, 1.0))))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [label for label in labels if label.endswith("*")] == ["u-hlm, threshold 0.5*"]
    assert "*: under 99 % of rounds are on the trace." in footnote_of(figure)


def test_bars_end_where_the_stages_add_up(sweep: Results) -> None:
    figure = draw("breakdown", sweep)
    for axes, (_, part) in zip(figure.axes, panels(sweep, SNR), strict=True):
        table = points(part, [*STAGES, "latency_mean_s"])
        ends = [bar.get_x() + bar.get_width() for bar in axes.containers[-1]]
        np.testing.assert_allclose(ends, table["latency_mean_s_mean"], rtol=1e-12)


def test_more_policies_than_anybody_can_tell_apart_are_refused(sweep: Results) -> None:
    table = sweep.table[sweep.table["policy.name"] == "hlm"].drop(columns="policy.name")
    names = pd.DataFrame({"policy.name": [f"mine:P{number}" for number in range(MAX_CURVES + 1)]})
    many = Results(table.merge(names, how="cross")[sweep.table.columns], sweep.axes)
    with pytest.raises(ValueError, match=r"^25 curves or bars are more than one figure can hold \(24\)"):
        draw("throughput-vs-snr", many)


@pytest.mark.parametrize("kind", FITTING)
@pytest.mark.parametrize("file_format", ["png", "pdf", "svg"])
def test_the_same_results_give_the_same_bytes(
    results_folder: Path, tmp_path: Path, kind: str, file_format: str
) -> None:
    path, _ = plot(results_folder, kind, file_format)
    assert path == results_folder / f"{kind}.{file_format}"
    again, _ = plot(results_folder, kind, out=tmp_path / f"again.{file_format}")
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("kind", [figure.name for figure in FIGURES if figure.needs])
def test_a_missing_axis_is_named_beside_those_there_are(sweep: Results, kind: str) -> None:
    needs = KINDS[kind].needs
    axes = tuple(name for name in sweep.axes if name not in needs)
    message = f"{kind} needs a sweep over {' or '.join(needs)}; this one is over {axes[0]}, "
    with pytest.raises(ValueError, match=re.escape(message)):
        draw(kind, replace(sweep, axes=axes))
    with pytest.raises(ValueError, match=r"this one is over nothing$"):
        draw(kind, replace(sweep, axes=()))


def test_a_column_that_no_row_defines_says_when_it_is_empty(sweep: Results) -> None:
    without = replace(sweep, table=sweep.table.assign(llm_nll=np.nan))
    with pytest.raises(ValueError, match=r"no row has it: it is empty where `on_trace` is below 1$"):
        draw("accuracy-vs-throughput", without)


def test_points_without_exact_text_are_left_out_and_explained(sweep: Results) -> None:
    nll = sweep.table["llm_nll"].where(sweep.table["policy.threshold"] != 0.5)
    figure = draw("accuracy-vs-throughput", replace(sweep, table=sweep.table.assign(llm_nll=nll)))
    assert "Points without llm_nll are left out." in footnote_of(figure)


@pytest.mark.parametrize(
    ("wanted", "out", "message"),
    [
        ("throughput-vs-snrr", None, "^no figure 'throughput-vs-snrr'; did you mean 'throughput-vs-snr'"),
        ("breakdown", "fig.gif", "^fig.gif: the suffix names the format, allowed: png, pdf, svg$"),
        (Wanted("breakdown", x=SNR), None, "^--kind goes without --x and --y$"),
        (Wanted(x="channel.snr"), None, "^--x channel.snr: neither a swept key nor a column; did you mean 'channel.snr_db'"),
        (Wanted(y="throughput"), None, "which these results lack; did you mean 'throughput_tok_s'"),
        (Wanted(where=("channel.snr_db",)), None, "^--where channel.snr_db: allowed: KEY=VALUE, of policy.name, "),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_and_nothing_written(
    results_folder: Path, wanted: Wanted | str, out: str | None, message: str
) -> None:
    before = set(results_folder.iterdir())
    with pytest.raises(ValueError, match=message):
        plot(results_folder, wanted, out=results_folder / out if out else None)
    assert set(results_folder.iterdir()) == before


def test_a_suffix_that_contradicts_the_format_is_refused(results_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"^a\.png contradicts the format pdf$"):
        plot(results_folder, "breakdown", "pdf", results_folder / "a.png")


def test_the_suffix_gives_the_format(results_folder: Path) -> None:
    path, _ = plot(results_folder, "breakdown", out=results_folder / "fig.PDF")
    assert path.read_bytes().startswith(b"%PDF")


def test_type_in_a_pdf_for_a_paper_is_truetype_and_no_bitmap(results_folder: Path) -> None:
    path, _ = plot(results_folder, "throughput-vs-snr", "pdf", style=styled("paper"))
    content = path.read_bytes()
    assert b"/FontFile2" in content or b"/CIDFontType2" in content
    assert b"/Type3" not in content


def test_a_width_puts_panels_below_each_other(sweep: Results) -> None:
    narrow = KINDS["throughput-vs-threshold"](sweep, styled(width_in=3.5)).figure
    narrow.draw_without_rendering()
    assert narrow.get_figwidth() == 3.5
    assert len({round(axes.get_position().x0, 3) for axes in narrow.axes}) == 1
    with pytest.raises(ValueError, match=r"--width 0\.1: allowed are 1\.5 to 60 inches"):
        styled(width_in=0.1)


def test_where_two_lines_cross() -> None:
    assert crossings(pd.Series([0.0, 1.0, 2.0]), pd.Series([2.0, 1.0, -1.0])) == [1.5]
    assert crossings(pd.Series([0.0, 1.0]), pd.Series([2.0, 1.0])) == []


def test_every_kind_has_a_sentence_and_a_name_of_its_own() -> None:
    assert all(own.sentence.endswith(".") for own in BY_NAME.values())
    assert set(BY_NAME) >= set(KINDS)


def test_a_share_has_a_linear_axis_that_ends_at_one(sweep: Results) -> None:
    at_worst = sweep.table[SNR] == sweep.table[SNR].min()
    share = np.where(at_worst, 0.12 * (sweep.table["token_seed"] % 2), 1.0)  # a band below 0, a mean of 1
    results = replace(sweep, table=sweep.table.assign(deadline_met=share))
    (axes,) = draw_over(results, SNR, "deadline_met", SCREEN).figure.axes
    assert axes.get_yscale() == "linear"
    assert 0 == axes.get_ylim()[0] < 1 <= axes.get_ylim()[1] <= 1.02


def test_an_interval_that_is_nothing_but_rounding_can_be_drawn(sweep: Results) -> None:
    table = sweep.table.assign(throughput_tok_s=0.1 + 0.2)
    drawn = draw_over(replace(sweep, table=table), "throughput_tok_s", "llm_nll", SCREEN)
    assert len(drawn.figure.axes) == 3


def test_labels_of_ticks_do_not_touch() -> None:
    figure, panels_of = new_figure(6, style=SCREEN)
    for axes in panels_of:
        scale(axes, "x", [0.0, 123456.0], unit="")
        axes.set_xlim(0, 123456)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=12))
    figure.draw_without_rendering()
    for axes in panels_of:
        thin_ticks(axes)
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        inside = [box for box in boxes if axes.bbox.x0 <= (box.x0 + box.x1) / 2 <= axes.bbox.x1 + 1]
        assert len(inside) >= 2
        assert all(left.x1 < right.x0 for left, right in pairwise(inside))


def test_a_long_legend_stays_inside_the_figure() -> None:
    figure, (axes,) = new_figure(1, style=SCREEN)
    for number in range(12):
        axes.plot(
            [0, 1],
            [0, number],
            label=f"spec, gamma {number}, probability-only payload (all), most 8, rate mean",
        )
    legend_below(figure)
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
