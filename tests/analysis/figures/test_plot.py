from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures.plot import FIGURES, breakdown, plot, throughput_vs_snr, throughput_vs_threshold
from analysis.figures.results import SNR, Results
from analysis.figures.style import COLUMN_IN, MAX_CURVES, PAGE_IN, STYLE, curve_style
from analysis.figures.transforms import curves, panels, points
from netsim.results.columns import STAGES
from tests.sweep_factory import made_up_sweep

ONE_PANEL = {"throughput-vs-snr"}


@pytest.fixture
def sweep() -> Results:
    return made_up_sweep()


@pytest.fixture
def results_folder(tmp_path: Path) -> Path:
    made_up_sweep().table.to_parquet(tmp_path / "results.parquet")
    return tmp_path


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with matplotlib.style.context(STYLE):
        yield


def labelled_lines(figure: Figure) -> dict[str, np.ndarray]:
    lines = [line for line in figure.axes[0].lines if not str(line.get_label()).startswith("_")]
    return {str(line.get_label()): np.asarray(line.get_xydata()) for line in lines}


def footnote_of(figure: Figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


@pytest.mark.parametrize("kind", FIGURES)
def test_axes_have_units_and_the_figure_a_papers_width(sweep: Results, kind: str) -> None:
    figure = FIGURES[kind](sweep)
    assert figure.get_figwidth() == (COLUMN_IN if kind in ONE_PANEL else PAGE_IN)
    labels = [axes.get_xlabel() for axes in figure.axes] + [figure.axes[0].get_ylabel()]
    plain = {"uncertainty threshold", ""}  # a threshold has no unit, bars have names
    assert all(
        re.search(r"\((dB|tokens/s|s/token|nats/token; up is better)\)$", x) for x in set(labels) - plain
    )


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("long_names", [False, True])
def test_the_legend_covers_no_panel_and_fits(sweep: Results, kind: str, long_names: bool) -> None:
    if long_names:
        names = sweep.table["policy.name"].where(
            sweep.table["policy.name"] != "u-hlm", "module.of.mine:LongName"
        )
        sweep = replace(sweep, table=sweep.table.assign(**{"policy.name": names}))
    figure = FIGURES[kind](sweep)
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= legend.y0
    assert all(not legend.overlaps(box) for axes in figure.axes if (box := axes.get_tightbbox()) is not None)
    assert all(axes.bbox.height > 0.8 * figure.dpi for axes in figure.axes)


def test_throughput_over_snr_draws_every_mean_and_band(sweep: Results) -> None:
    figure = throughput_vs_snr(sweep)
    drawn = curves(sweep, SNR, "throughput_tok_s")
    lines = labelled_lines(figure)
    assert list(lines) == drawn["label"].unique().tolist()
    for band, (label, curve) in zip(
        figure.axes[0].collections, drawn.groupby("label", observed=True), strict=True
    ):
        np.testing.assert_array_equal(lines[str(label)], curve[["x", "mean"]])
        corners = band.get_paths()[0].vertices
        assert set(curve["low"]) | set(curve["high"]) <= set(np.asarray(corners)[:, 1])


def test_throughput_over_threshold_draws_policies_without_one_level(sweep: Results) -> None:
    figure = throughput_vs_threshold(sweep)
    lines = labelled_lines(figure)
    drawn = curves(panels(sweep, SNR)[0][1], "policy.threshold", "throughput_tok_s").set_index("label")
    np.testing.assert_array_equal(lines["u-hlm"], drawn.loc["u-hlm", ["x", "mean"]])
    for label in ("slm", "hlm"):
        assert set(lines[label][:, 1]) == {drawn.loc[label, "mean"]}


@pytest.mark.parametrize(("stretch", "expected"), [(9.0, "linear"), (11.0, "log")])
def test_the_y_axis_is_logarithmic_from_a_decade_on(sweep: Results, stretch: float, expected: str) -> None:
    is_slm = sweep.table["policy.name"] == "slm"
    table = sweep.table.assign(throughput_tok_s=np.where(is_slm, 1.0, stretch))
    axes = throughput_vs_snr(replace(sweep, table=table)).axes[0]
    assert axes.get_yscale() == expected
    assert expected == "log" or axes.get_ylim()[0] == 0


def test_a_band_down_to_zero_does_not_stretch_a_logarithmic_axis(sweep: Results) -> None:
    # Two token seeds far apart: Student's t with one degree of freedom reaches below 0.
    is_first = sweep.table["token_seed"] == 0
    table = sweep.table.assign(token_seed=np.where(is_first, 0, 1))
    table["throughput_tok_s"] *= np.where(is_first, 0.2, 1.0)
    part = replace(sweep, table=table)
    drawn = curves(part, SNR, "throughput_tok_s")
    assert drawn["low"].min() < 0
    assert throughput_vs_snr(part).axes[0].get_ylim()[0] >= drawn["mean"].min() / 2


def test_points_off_the_trace_are_hollow_and_explained(sweep: Results) -> None:
    off = (sweep.table["policy.threshold"] == 0.5) & (sweep.table[SNR] >= 20)
    figure = throughput_vs_snr(replace(sweep, table=sweep.table.assign(on_trace=np.where(off, 0.9, 1.0))))
    lines = figure.axes[0].lines
    hollow = [line for line in lines if line.get_markerfacecolor() == "white" and np.size(line.get_xdata())]
    assert [np.asarray(line.get_xdata()).tolist() for line in hollow] == [[20, 25, 30]]
    (line,) = (line for line in lines if line.get_label() == "u-hlm, threshold 0.5")
    assert line.get_markevery() == [0, 1, 2, 3, 4, 5]
    assert "Hollow: under 99 % of rounds are on the trace." in footnote_of(figure)
    assert "Hollow" not in footnote_of(throughput_vs_snr(sweep))


def test_bars_off_the_trace_have_a_star_and_are_explained(sweep: Results) -> None:
    off = sweep.table["policy.threshold"] == 0.5
    figure = breakdown(replace(sweep, table=sweep.table.assign(on_trace=np.where(off, 0.9, 1.0))))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [label for label in labels if label.endswith("*")] == ["u-hlm, threshold 0.5*"]
    assert "*: under 99 % of rounds are on the trace." in footnote_of(figure)


def test_bars_end_where_the_stages_add_up(sweep: Results) -> None:
    figure = breakdown(sweep)
    for axes, (_, part) in zip(figure.axes, panels(sweep, SNR), strict=True):
        table = points(part, [*STAGES, "latency_mean_s"])
        ends = [bar.get_x() + bar.get_width() for bar in axes.containers[-1]]
        np.testing.assert_allclose(ends, table["latency_mean_s_mean"], rtol=1e-12)


def test_curves_differ_without_colour() -> None:
    styles = [curve_style(index) for index in range(MAX_CURVES)]
    for one, other in combinations(styles, 2):
        assert (one["marker"], one["linestyle"]) != (other["marker"], other["linestyle"])


def test_more_curves_than_a_legend_holds_are_refused(sweep: Results) -> None:
    thresholds = np.arange(len(sweep.table)) % (MAX_CURVES + 1) / 100
    table = sweep.table.copy()
    table["policy.threshold"], table["policy.name"] = thresholds, "u-hlm"
    table["policy.skip_probability"] = np.nan
    with pytest.raises(ValueError, match=r"^17 curves or bars are more than one figure can hold \(16\)"):
        throughput_vs_snr(replace(sweep, table=table))


@pytest.mark.parametrize("kind", FIGURES)
@pytest.mark.parametrize("file_format", ["png", "pdf", "svg"])
def test_the_same_results_give_the_same_bytes(
    results_folder: Path, tmp_path: Path, kind: str, file_format: str
) -> None:
    path = plot(results_folder, kind, file_format)
    assert path == results_folder / f"{kind}.{file_format}"
    again = plot(results_folder, kind, file_format, out=tmp_path / "again")
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("kind", "axis"),
    [("throughput-vs-snr", "channel.snr_db"), ("throughput-vs-threshold", "policy.threshold")],
)
def test_a_missing_axis_is_named_beside_those_there_are(sweep: Results, kind: str, axis: str) -> None:
    axes = tuple(name for name in sweep.axes if name != axis)
    with pytest.raises(
        ValueError, match=re.escape(f"{kind} needs a sweep over {axis}; this one is over {axes[0]}, ")
    ):
        FIGURES[kind](replace(sweep, axes=axes))
    with pytest.raises(ValueError, match=r"this one is over nothing$"):
        FIGURES[kind](replace(sweep, axes=()))


def test_accuracy_without_exact_text_is_refused(sweep: Results) -> None:
    with pytest.raises(ValueError, match=r"^accuracy-vs-throughput needs llm_nll, and no row has it"):
        FIGURES["accuracy-vs-throughput"](replace(sweep, table=sweep.table.assign(llm_nll=np.nan)))


def test_points_without_exact_text_are_left_out_and_explained(sweep: Results) -> None:
    nll = sweep.table["llm_nll"].where(sweep.table["policy.threshold"] != 0.5)
    figure = FIGURES["accuracy-vs-throughput"](replace(sweep, table=sweep.table.assign(llm_nll=nll)))
    assert "Points whose text is not exact are left out." in footnote_of(figure)


@pytest.mark.parametrize(
    ("kind", "file_format", "message"),
    [
        ("throughput", "png", "^no figure 'throughput': there are throughput-vs-snr, "),
        ("breakdown", "jpg", "^no format 'jpg': there are png, pdf, svg$"),
    ],
)
def test_unknown_names_are_refused(results_folder: Path, kind: str, file_format: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot(results_folder, kind, file_format)
