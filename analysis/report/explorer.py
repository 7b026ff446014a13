"""The explorer's plot: sources and glyphs that the page's script fills."""

from __future__ import annotations

from bokeh.embed import components
from bokeh.models import ColumnDataSource, CustomJS, HoverTool, TapTool
from bokeh.plotting import figure
from bokeh.resources import Resources

_TOOLTIP = """
<div><b>@label</b><br>x: @x{0.[000]}<br>mean: @y{0.[000000]}<br>interval: @interval<br>seeds: @seeds</div>
"""


def bokeh_script() -> str:
    """The plotting library itself, to stand in the page: it opens without a network."""
    return str(Resources(mode="inline", components=["bokeh"], minified=True).render_js())


def plots() -> tuple[str, dict[str, str]]:
    """The script that makes the plots, and an element for each: ``linear`` and ``log``."""
    lines = ColumnDataSource(dict.fromkeys(("xs", "ys", "colour", "dash"), ()), name="lines")
    names = ("x", "y", "low", "high", "colour", "marker", "label", "seeds", "interval", "index")
    marks = ColumnDataSource(dict.fromkeys(names, ()), name="marks")
    script, elements = components({kind: _plot(kind, lines, marks) for kind in ("linear", "log")})
    return str(script), {str(kind): str(element) for kind, element in elements.items()}


def _plot(kind: str, lines: ColumnDataSource, marks: ColumnDataSource) -> figure:
    plot = figure(
        y_axis_type="log" if kind == "log" else "linear",
        height=420,
        sizing_mode="stretch_width",
        toolbar_location="above",
        tools="pan,box_zoom,wheel_zoom,reset,save",
        active_scroll=None,
    )
    plot.toolbar.logo = None
    plot.xaxis[0].name, plot.yaxis[0].name = f"x-{kind}", f"y-{kind}"
    plot.multi_line("xs", "ys", source=lines, line_color="colour", line_dash="dash", line_width=2)
    plot.segment("x", "low", "x", "high", source=marks, line_color="colour", line_width=1.5)
    dots = plot.scatter("x", "y", source=marks, marker="marker", color="colour", size=9)
    dots.nonselection_glyph = None
    plot.add_tools(HoverTool(renderers=[dots], tooltips=_TOOLTIP))
    pick = CustomJS(
        args={"marks": marks},
        code="if (marks.selected.indices.length) window.netsimPick(marks.data.index[marks.selected.indices[0]])",
    )
    plot.add_tools(TapTool(renderers=[dots], callback=pick))
    return plot
