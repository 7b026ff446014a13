"""The command ``optimize``: the best threshold at each SNR."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.common import AllowPlugins, find_beside, located, print_json, print_table
from netsim.cli.looks import FileFormat, Font, StyleChoice, Title, Width, figure_file, look
from netsim.cli.outputs import write_table, writing
from netsim.cli.simulate import Overrides, Quiet, ScenarioFile

if TYPE_CHECKING:
    import pandas as pd

    from analysis.figures.style import Style

#: Short names of objectives.
NAMES = {"throughput": "throughput_tok_s"}


def optimize(
    scenario: ScenarioFile,
    maximize: Annotated[str, typer.Option(help="throughput, or any result column.")] = "throughput",
    subject_to: Annotated[
        list[str], typer.Option(help="accuracy >= 0.97, rejected_skips <= 0.03, …; repeatable.")
    ] = [],  # noqa: B006  (typer copies it)
    on_the_mean: Annotated[
        bool, typer.Option("--on-the-mean", help="The bound holds on the mean over SNRs, not at each.")
    ] = False,
    overrides: Overrides = [],  # noqa: B006  (typer copies it)
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for optimum.csv and a figure, or a file for the figure alone; default: neither."
        ),
    ] = None,
    style: StyleChoice = "screen",
    width: Width = None,
    title: Title = "",
    font: Font = "",
    file_format: FileFormat = None,
    allow_plugins: AllowPlugins = False,  # noqa: ARG001  (its callback allows them)
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Find the best uncertainty threshold at each SNR of a scenario.

    accuracy: exp(nll of hlm - nll), what the LLM makes of a token compared with hlm's. rejected_skips: rounds
    that are skipped and that the LLM would have rejected, over all rounds. Intervals are over prompts, where the
    objective is a ratio of their sums, and each row says so; the speed-up over hlm is paired.

    Example: netsim optimize scenarios/quickstart.yaml --subject-to "accuracy >= 0.97"
    """
    from netsim.scenario import load_grid
    from netsim.sweeps.optimize import Bound, best_thresholds, simulate_thresholds

    picture = figure_file(out, "optimum", file_format)
    wanted_look = look(style, width, title, font)
    bounds = [Bound.parse(text) for text in subject_to]
    find_beside(scenario)
    grid = load_grid(scenario, overrides)
    loaded = grid.scenario
    objective = NAMES.get(maximize, maximize)
    with located(grid):
        table, prompts = simulate_thresholds(loaded, jobs, quiet=quiet or as_json)
    best = best_thresholds(table, objective, bounds, on_the_mean=on_the_mean, prompts=prompts)
    rows = [{str(name): value for name, value in row.items()} for row in best.to_dict("records")]
    if as_json:
        print_json(rows)
    elif not quiet:
        over = ", ".join(best["interval"].dropna().unique()) if "interval" in best else "no interval"
        title = f"{loaded.name}: the best threshold, subject to {', '.join(subject_to) or 'nothing'}; {over}"
        said = ("interval", "speed_up_interval")
        print_table([{name: row[name] for name in row if name not in said} for row in rows], title)
    if out is not None and picture is not None:
        _write(best, objective, out, picture, wanted_look)


def _write(best: pd.DataFrame, objective: str, out: Path, picture: Path, wanted_look: Style) -> None:
    """The figure, and the numbers beside it where ``out`` is a folder."""
    from analysis.figures.optimum import draw_optimum

    with writing("--out", out):
        if picture != out:
            out.mkdir(parents=True, exist_ok=True)
            write_table(out / "optimum.csv", best)
        draw_optimum(best, objective, picture, wanted_look)
