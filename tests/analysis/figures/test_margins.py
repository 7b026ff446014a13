"""Small print and titles of axes stay inside the figure and off each other; markers at an axis are whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from analysis.figures.margins import footnote
from analysis.figures.over import draw_each, draw_over
from analysis.figures.results import SNR, Results
from analysis.figures.style import STYLES, Style, new_figure
from tests.drawn_figures import SCREEN

pytestmark = pytest.mark.usefixtures("style")
LONG = "Bars: 95 % interval over prompts; of distance of the output from the LLM's: 95 % interval over token seeds."


def small_print(figure: Figure) -> Annotation:
    [found] = [text for axes in figure.axes for text in axes.texts if isinstance(text, Annotation)]
    return found


@pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
def test_a_long_footnote_of_one_panel_is_in_lines_that_fit(style: Style) -> None:
    figure, [axes] = new_figure(1, style=style)
    axes.set_xlabel("distance")
    footnote(figure, [LONG])
    figure.draw_without_rendering()
    box = small_print(figure).get_window_extent()
    assert box.width <= figure.bbox.width
    assert " ".join(small_print(figure).get_text().split()) == LONG


def test_titles_of_panels_of_bars_do_not_touch(sweep: Results) -> None:
    figure = draw_each(sweep, "llm_nll", SCREEN).figure
    figure.draw_without_rendering()
    boxes = [axes.xaxis.label.get_window_extent() for axes in figure.axes if axes.get_xlabel()]
    assert len(boxes) == 3
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_markers_of_a_trade_off_are_whole(sweep: Results) -> None:
    results = sweep.at(SNR, 5.0)
    [axes] = draw_over(results, "uplink_s", "throughput_tok_s", SCREEN).figure.axes
    joined = [container[0] for container in axes.containers]
    assert joined
    assert not any(line.get_clip_on() for line in joined)
