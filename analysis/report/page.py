"""Put a results folder into one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape

from analysis.figures.kinds import FIGURES
from analysis.figures.labels import axis_label, title_and_unit
from analysis.figures.results import Results
from analysis.figures.style import STYLES, save
from analysis.report.against import KEPT, against_hlm, best_kept
from analysis.report.compare import rows_of, scenario_differences, speed_ups
from analysis.report.explorer import bokeh_script, plots
from analysis.report.points import Summary, explorer_data, read_summary, run_command
from analysis.report.replay import replay_data
from netsim.errors import InputError
from netsim.results.statistics import INTERVALS, Interval
from netsim.scenario import load_grid
from netsim.scenario.sweep import get
from netsim.sweeps.products import FILES, SCENARIO, read_manifest, read_product
from netsim.sweeps.progress import Advance

HERE = Path(__file__).parent
#: Of a report, as its progress counts them: every figure, the replay, and what is held against hlm.
PARTS = len(FIGURES) + 2
#: Columns of the summary table that a person reads; the explorer has all of them.
TABLE_COLUMNS = (
    "throughput_tok_s", "latency_mean_s", "transmission_rate", "true_skip_rate", "llm_nll", "uplink_bits", "device_energy_j",
)  # fmt: skip


def write_report(
    folder: Path, out: Path, baseline: Path | None = None, advance: Advance = lambda _parts: None
) -> Path:
    """Write the report of a results folder.

    Parameters
    ----------
    folder : Path
        That of a finished sweep.
    out : Path
        The HTML file.
    baseline : Path, optional
        Another results folder, to compare with.
    advance : callable, optional
        Told of every part that is done, of `PARTS`.

    Raises
    ------
    InputError
        If the folder is not that of a finished sweep.
    """
    out.write_text(report_html(folder, baseline, advance), encoding="utf-8")
    return out


def report_html(folder: Path, baseline: Path | None, advance: Advance) -> str:
    """The report of a results folder as one HTML document."""
    summary = read_summary(folder)
    results = rows_of(folder)  # The figures are of them: a page without any would say nothing of why.
    scenario_text = read_product(folder, SCENARIO).decode(errors="replace")
    manifest = read_manifest(folder)
    grid = load_grid(folder / SCENARIO)
    scenario = grid.scenario
    replay = replay_data(grid, scenario.seed_values()[0])
    advance(1)
    against = _against(results)
    advance(1)
    script, elements = plots()
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape())
    return environment.get_template("page.html").render(
        title=f"{scenario.name}: results",
        subtitle=f"{len(summary.table)} points, {int(summary.table['seeds'].max())} seeds each",
        css=(HERE / "page.css").read_text(encoding="utf-8"),
        bokeh=bokeh_script(),
        plot_script=script,
        plots=elements,
        explorer_data=_embedded(explorer_data(summary, point_commands(folder, summary))),
        explorer_js=(HERE / "explorer.js").read_text(encoding="utf-8"),
        replay=_embedded(replay) if replay else None,
        replay_js=(HERE / "replay.js").read_text(encoding="utf-8"),
        compared=_compared(folder, baseline) if baseline else None,
        against=against,
        figures=_figures(results, advance),
        table=_table(summary),
        table_words=_table_words(summary),
        facts=_facts(manifest),
        scenario=scenario_text,
    )


def _compared(folder: Path, baseline: Path) -> dict[str, str]:
    """The section that compares two folders."""
    table = speed_ups(folder, baseline)
    lines = [
        f"<tr><td>{_escaped(str(row.point))}</td><td>{row.ratio:.3f}</td><td>{_cell(row.low)} to {_cell(row.high)}</td><td>{row.pairs}</td></tr>"
        for row in table.itertuples()
    ]
    over = ", ".join(table["over"].unique())
    head = f"<tr><th>point</th><th>times as fast</th><th>{over}</th><th>pairs</th></tr>"
    return {
        "title": f"{folder.name} over {baseline.name}",
        "words": f"Throughput of the first over that of the second, seed by seed under the same draws; {over}, paired.",
        "differences": scenario_differences(folder, baseline),
        "table": f"<table><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table>",
    }


def _against(results: Results) -> dict[str, Any] | None:
    """The section that holds every policy against hlm; None where there is no hlm."""
    found = against_hlm(results)
    if not found:
        return None
    places = []
    for place in dict.fromkeys(one.place for one in found):
        own = [one for one in found if one.place == place]
        best = best_kept(own)
        rows = [(one.policy, _times(one.speed_up), _percent(one.accuracy)) for one in own]
        answer = (
            f"{best.policy}: {_times(best.speed_up)} times as fast, {_percent(best.accuracy)}"
            if best
            else "none"
        )
        places.append({"place": place, "answer": answer, "rows": rows})
    overs = zip(("speed-up", "accuracy"), zip(*(one.over for one in found), strict=True), strict=True)
    words = "; ".join(f"{name}: {', '.join(dict.fromkeys(over))}" for name, over in overs)
    return {"places": places, "words": f"{words}; both paired with hlm", "kept": f"{KEPT * 100:g} %"}


def _times(ratio: Interval) -> str:
    return f"{ratio.mean:.3g} [{ratio.low:.3g}, {ratio.high:.3g}]"


def _percent(share: Interval) -> str:
    if pd.isna(share.mean):
        return "\N{EN DASH}"
    mean, low, high = (f"{100 * end:.1f}" for end in share)
    return f"{mean} % [{low}, {high}]"


def _embedded(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False).replace("<", "\\u003c")


def point_commands(folder: Path, summary: Summary) -> list[str]:
    """What simulates each point of a summary, by its own scenario file."""
    scenario_file = folder / SCENARIO
    grid = load_grid(scenario_file)
    commands = {}
    for point in grid.points:
        content = point.scenario.model_dump()
        settings = {axis: get(content, axis) for axis in grid.scenario.sweep}
        commands[_key(point.coordinates, summary.axes)] = run_command(str(scenario_file), settings)
    rows = summary.table.to_dict("records")
    return [commands.get(_key(row, summary.axes), "") for row in rows]


def _key(coordinates: Mapping[Any, Any], axes: Sequence[str]) -> tuple[str, ...]:
    """Coordinates in one spelling, whether read from a scenario or from a table."""
    values = (coordinates.get(axis) for axis in axes)
    return tuple(
        "" if pd.isna(value) else f"{value:.12g}" if isinstance(value, (int, float)) else str(value)
        for value in values
    )


def _figures(results: Results, advance: Advance) -> list[dict[str, str]]:
    """Every figure that fits the sweep, as vector graphics."""
    figures = []
    style = STYLES["screen"]
    for kind in FIGURES:
        advance(1)
        content = io.BytesIO()
        with matplotlib.style.context(style.settings):
            try:
                drawing = kind(results, style)
            except (ValueError, InputError):
                continue
            save(drawing.figure, content, "svg")
        source = base64.b64encode(content.getvalue()).decode("ascii")
        figures.append(
            {
                "alt": kind.sentence,
                "caption": drawing.caption,
                "source": f"data:image/svg+xml;base64,{source}",
            }
        )
    return figures


def _table(summary: Summary) -> str:
    """The summary for people: the interval in the cell."""
    columns = [name for name in TABLE_COLUMNS if name in summary.columns]
    shown = {name: _shown_interval(summary, name) for name in columns}
    head = [axis_label(name) for name in (*summary.axes, *columns)]
    lines = ["<table><thead><tr>", *(f"<th>{_escaped(name)}</th>" for name in head), "</tr></thead><tbody>"]
    for row in summary.table.to_dict("records"):
        cells = [_cell(row[axis]) for axis in summary.axes]
        cells += [_with_interval(row, name, shown[name]) for name in columns]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "".join([*lines, "</tbody></table>"])


def _shown_interval(summary: Summary, column: str) -> str | None:
    """The first of the intervals that a column has: over prompts where there is one."""
    known = (prefix for prefix in summary.intervals if f"{column}_{prefix}low" in summary.table)
    return next((prefix for prefix in known if summary.table[f"{column}_{prefix}low"].notna().any()), None)


def _table_words(summary: Summary) -> str:
    """Which interval each column of the table shows."""
    over: dict[str, list[str]] = {}
    for name in TABLE_COLUMNS:
        prefix = _shown_interval(summary, name) if name in summary.columns else None
        if prefix is not None:
            over.setdefault(INTERVALS[prefix], []).append(title_and_unit(name)[0])
    if len(over) == 1:
        return f"Means with the {next(iter(over))}."
    return (
        "; ".join(["Means", *(f"of {', '.join(names)} with the {words}" for words, names in over.items())])
        + "."
    )


def _with_interval(row: Mapping[Any, Any], name: str, prefix: str | None) -> str:
    mean = _cell(row[f"{name}_mean"])
    low, high = (row.get(f"{name}_{prefix}{end}") for end in ("low", "high"))
    return mean if pd.isna(low) else f"{mean} [{_cell(low)}, {_cell(high)}]"


def _cell(value: Any) -> str:
    if pd.isna(value):
        return "\N{EN DASH}"
    return f"{value:.4g}" if isinstance(value, (int, float)) else _escaped(str(value))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The manifest as lines of a table."""
    return [
        (
            key.replace("_", " "),
            ", ".join(f"{name} {own}" for name, own in value.items())
            if isinstance(value, dict)
            else str(value),
        )
        for key, value in manifest.items()
        if key != FILES
    ]
