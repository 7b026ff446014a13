"""Figures of every kind: what is marked, left out or refused, and the files that are written."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.ticker import MaxNLocator

from analysis.figures.identity import MAX_CURVES
from analysis.figures.kinds import BY_NAME, FIGURES, crossings
from analysis.figures.margins import legend_below, thin_ticks
from analysis.figures.over import draw_each, draw_over
from analysis.figures.plot import Wanted, plot
from analysis.figures.results import SNR, Results
from analysis.figures.style import STYLES, new_figure, scale, styled
from analysis.figures.transforms import panels, points
from netsim.results.columns import STAGES
from tests.drawn_figures import (
    FITTING,
    KINDS,
    SCREEN,
    draw,
    drawing,
    footnote_of,
)

pytestmark = pytest.mark.usefixtures("style")


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


@pytest.mark.parametrize("slower", [1.0, 40.0])
def test_panels_of_a_breakdown_can_be_compared(sweep: Results, slower: float) -> None:
    at_worst = sweep.table[SNR] == sweep.table[SNR].min()
    same = sweep.table.assign(**dict.fromkeys(STAGES, 0.01))
    results = replace(sweep, table=same.assign(uplink_s=np.where(at_worst, 0.01 * slower, 0.01)))
    drawn = drawing("breakdown", results)
    limits = {axes.get_xlim() for axes in drawn.figure.axes}
    numbers = [text.get_text() for axes in drawn.figure.axes for text in axes.texts]
    assert len(drawn.figure.axes) == 3
    assert len({axes.get_xlabel() for axes in drawn.figure.axes}) == 1  # one unit in any case
    if slower == 1.0:
        assert len(limits) == 1
        assert "own scale" not in drawn.caption
    else:
        assert len(limits) == 2
        assert "Each panel has its own scale." in drawn.caption
        others = 10.0 * (len(STAGES) - 1)
        assert {f"{others + 400:g}", f"{others + 10:g}"} <= set(numbers)


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
    with pytest.raises(
        ValueError,
        match=r"no row has it: it is empty where `on_trace` is below 1, and of a parametric trace$",
    ):
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


@pytest.mark.parametrize("style_name", STYLES)
@pytest.mark.parametrize("kind", ["breakdown", "each"])
def test_names_of_rows_do_not_overlap(sweep: Results, style_name: str, kind: str) -> None:
    long = sweep.table.assign(
        **{"latency.slm": "a-model-of-one-billion", "latency.llm": "a-model-of-ten-billion"}
    )
    short = sweep.table.assign(
        **{"latency.slm": "a-small-model-of-ours", "latency.llm": "a-large-model-of-ours"}
    )
    table = pd.concat([long, short], ignore_index=True)
    axes = ("latency.slm", "latency.llm", *(name for name in sweep.axes if name != SNR))
    results = Results(table[table[SNR] == 0].drop(columns=SNR), axes)
    with matplotlib.style.context(STYLES[style_name].settings):
        drawn = (
            KINDS["breakdown"](results, STYLES[style_name])
            if kind == "breakdown"
            else draw_each(results, "throughput_tok_s", STYLES[style_name])
        )
        drawn.figure.draw_without_rendering()
        boxes = [label.get_window_extent() for label in drawn.figure.axes[0].get_yticklabels()]
    assert max(label.get_text().count("\n") for label in drawn.figure.axes[0].get_yticklabels()) == 2
    ordered = sorted(boxes, key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(ordered))


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
