"""Styles, panels and axes: what can be chosen, and what is refused."""

from __future__ import annotations

from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator

from analysis.figures.kinds import RTT, THROUGHPUT, crossover
from analysis.figures.margins import legend_below
from analysis.figures.optimum import draw_optimum
from analysis.figures.results import Results
from analysis.figures.style import MOST_TICKS, STYLES, format_of, new_figure, scale, styled


def test_a_style_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="no style 'poster': there are screen, paper, slides"):
        styled("poster")


def test_a_font_is_found_by_its_name_in_any_case_and_a_misspelt_one_is_not() -> None:
    assert styled(font="dejavu SANS").settings["font.family"][0] == "DejaVu Sans"
    with pytest.raises(ValueError, match=r"--font DejaVu Sanz: .*did you mean 'dejavu sans'\?"):
        styled(font="DejaVu Sanz")


def test_panels_that_do_not_fill_their_rows_leave_no_empty_ones() -> None:
    style = styled("screen", 5.0, "Above all")
    figure, panels = new_figure(3, style=style)
    assert len(panels) == len(figure.axes) == 3
    assert len({axes.get_position().x0 for axes in panels}) == 2
    assert figure.get_suptitle() == "Above all"


@pytest.mark.parametrize(("num_ticks", "locator"), [(3, FixedLocator), (MOST_TICKS + 1, LogLocator)])
def test_few_values_have_a_tick_each_on_a_logarithmic_axis(num_ticks: int, locator: type) -> None:
    axes = Figure().subplots()
    values = np.geomspace(1.0, 1000.0, num_ticks).tolist()
    axes.plot(values, values)
    scale(axes, "x", values, ticks=[0.0, *values])
    found = axes.xaxis.get_major_locator()
    assert isinstance(found, locator)
    if isinstance(found, FixedLocator):
        assert [*found()] == pytest.approx(values), "what is not positive has none"


@pytest.mark.parametrize(
    ("out", "wanted", "message"),
    [
        (None, "gif", "no format 'gif': there are png, pdf, svg"),
        (Path("figure.gif"), None, "figure.gif: the suffix names the format, allowed: png, pdf, svg"),
    ],
)
def test_a_format_that_is_not_there_is_refused(out: Path | None, wanted: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        format_of(out, wanted)


def rtt_sweep(**throughputs: list[float]) -> Results:
    """Policies at round-trip times of 0, 0.1 and 0.2 s."""
    rows = [
        {"policy.name": name, RTT: rtt_s, "seed": 0, "token_seed": 0, "on_trace": 1.0, THROUGHPUT: value}
        for name, values in throughputs.items()
        for rtt_s, value in zip((0.0, 0.1, 0.2), values, strict=True)
    ]
    return Results(pd.DataFrame(rows), ("policy.name", RTT))


def test_a_line_marks_where_a_policy_crosses_the_llm_alone() -> None:
    axes = Figure().subplots()
    crossover(axes, rtt_sweep(llm=[4.0, 4.0, 4.0], hlm=[6.0, 5.0, 1.0], slm=[9.0, 9.0, 9.0]))
    (line,) = axes.lines
    # From 5 to 1 within 0.1 s, it is 4 after a quarter of that.
    assert line.get_xdata() == pytest.approx([0.125, 0.125])
    assert [text.get_text() for text in axes.texts] == ["125 ms"]


def test_without_the_llm_alone_nothing_is_crossed() -> None:
    axes = Figure().subplots()
    crossover(axes, rtt_sweep(hlm=[6.0, 5.0, 1.0], slm=[2.0, 2.0, 2.0]))
    assert not axes.lines


@pytest.mark.parametrize("letters", [30, 90])
def test_a_legend_is_within_the_figure_however_long_its_names(letters: int) -> None:
    style = STYLES["paper"]
    with matplotlib.style.context(style.settings):
        figure, (axes,) = new_figure(1, style=style)
        for number in range(12):
            name = f"policy {number}, " + ", ".join(["threshold 0.5"] * (letters // 13))
            axes.plot([0, 1], [0, number], label=name)
        legend_below(figure)
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert len(legend.get_texts()) == 12


def test_an_optimum_that_no_threshold_reaches_is_drawn_without_its_speed_up(tmp_path: Path) -> None:
    best = pd.DataFrame({"channel.snr_db": [0.0, 10.0], "threshold": [np.nan, np.nan]})
    draw_optimum(best, THROUGHPUT, tmp_path / "optimum.svg")
    text = (tmp_path / "optimum.svg").read_text()
    assert "No point: no threshold meets the bound." in text
    assert "Band" not in text
