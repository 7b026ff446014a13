"""Commands that simulate: ``run`` and ``sweep``."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from netsim.cli.common import (
    AllowPlugins,
    bad_input,
    find_beside,
    keeping,
    located,
    print_json,
    print_table,
)
from netsim.cli.outputs import check_output_folder
from netsim.errors import printable

if TYPE_CHECKING:
    from netsim.point import Sums

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file (YAML).")]
Overrides = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Set a key, e.g. channel.snr_db=5; repeatable."),
]
Engine = Annotated[
    Literal["auto", "events", "arrays"], typer.Option(help="auto takes arrays where they are exact.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


def run(
    scenario: ScenarioFile,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Only this seed; default: all seeds of the file.")
    ] = None,
    overrides: Overrides = [],  # noqa: B006  (typer copies it)
    engine: Engine = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    tokens: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one row per token: .parquet or .csv.")
    ] = None,
    timeline: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write who did what when, for Perfetto.")
    ] = None,
    allow_plugins: AllowPlugins = False,  # noqa: ARG001  (its callback allows them)
) -> None:
    """Simulate one point and print a summary.

    The scenario's sweep is left out; --set chooses another point. A timeline is that of the first seed.

    Example: netsim run scenarios/quickstart.yaml --set channel.snr_db=5 --seed 0 --timeline out.json
    """
    from netsim.cli.live import live_models
    from netsim.cli.network import check_logs, device_rows, devices_summary, write_logs
    from netsim.point import Point
    from netsim.scenario import load_grid
    from netsim.sweeps.progress import progress

    check_logs(tokens, timeline)
    find_beside(scenario)
    grid = load_grid(scenario, overrides)
    loaded = grid.scenario
    seeds = loaded.seed_values() if seed is None else [seed]
    with located(grid), live_models(grid.base(), tuple(seeds), quiet=as_json) as recorded:
        point = Point.of(recorded.scenario)
        results, devices = [], []
        with progress("seeds", len(seeds), quiet=as_json) as advance:
            for number in seeds:
                results.append(point.result(number, engine))
                devices.append(device_rows(point, number))
                advance(1)
        rows, sums = zip(*results, strict=True)
        write_logs(point, list(seeds), tokens, timeline)
    if as_json:
        print_json([{**row, **own} for row, own in zip(rows, devices, strict=True)])
    else:
        print_table(
            _summary(rows, sums),
            f"{loaded.name}: {loaded.policy.name}, {len(rows)} seeds; 95 % intervals over token seeds, and over prompts",
        )
        if devices[0]:
            print_table(devices_summary(devices), "devices: means over seeds")


def _summary(rows: Sequence[Mapping[str, object]], sums: Sequence[Sums]) -> list[dict[str, object]]:
    """A line per column: mean, and the ends of its 95 % intervals over token seeds and over prompts."""
    import pandas as pd

    from netsim.results.columns import AVERAGED, BY_NAME
    from netsim.results.summary import summarise

    table = pd.DataFrame(rows)
    prompts = pd.concat(
        [
            pd.DataFrame(own).assign(seed=seed, prompt=range(len(own["tokens"])))
            for seed, own in zip(table["seed"], sums, strict=True)
        ]
    )
    numbers = table[list(AVERAGED)].apply(pd.to_numeric, errors="coerce")
    means = summarise(numbers.assign(token_seed=table["token_seed"]), (), prompts).iloc[0]
    lines: list[dict[str, object]] = []
    for name in AVERAGED:
        ends = {
            f"{end}, {over}": means.get(f"{name}_{prefix}{end}", math.nan)
            for prefix, over in (("", "seeds"), ("prompts_", "prompts"))
            for end in ("low", "high")
        }
        lines.append({"column": name, "unit": BY_NAME[name].unit, "mean": means[f"{name}_mean"], **ends})
    return lines


def sweep(
    scenario: ScenarioFile,
    out: Annotated[
        Path | None, typer.Option(help="Results folder; default: results/ and the scenario's name.")
    ] = None,
    overrides: Overrides = [],  # noqa: B006  (typer copies it)
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    engine: Engine = "auto",
    backend: Annotated[Literal["local", "dask"], typer.Option(help="Where the cells run.")] = "local",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler, tcp://…")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute everything anew.")] = False,
    allow_plugins: AllowPlugins = False,  # noqa: ARG001  (its callback allows them)
    quiet: Quiet = False,
) -> None:
    """Simulate every point of a sweep under every seed.

    Resumes where an earlier run was interrupted.

    Example: netsim sweep scenarios/quickstart.yaml --jobs 2 --out results/quickstart
    """
    from netsim.cli.live import live_models
    from netsim.scenario import load_grid
    from netsim.sweeps.run import run_sweep

    if (backend == "dask") != (scheduler is not None):
        raise bad_input("--scheduler", "goes with --backend dask, and only with it")
    find_beside(scenario)
    grid = load_grid(scenario, overrides)
    folder = out or Path("results") / grid.scenario.name
    check_output_folder("--out", folder)
    with (
        located(grid),
        keeping(f"finished cells are kept in {folder}"),
        live_models(grid, tuple(grid.scenario.seed_values()), quiet=quiet) as recorded,
    ):
        report = run_sweep(
            recorded,
            folder,
            jobs=jobs,
            engine=engine,
            backend=backend,
            scheduler=scheduler,
            fresh=fresh,
            quiet=quiet,
            command=shlex.join(["netsim", *sys.argv[1:]]),
        )
    picture = _draw_default(folder) if not report.failures else None
    if not quiet:
        print(f"results: {folder}")
        if picture:
            print(f"picture: {picture}")
    for failure in report.failures:
        print(f"netsim: failed: {printable(str(failure))}", file=sys.stderr)
    if report.failures:
        raise typer.Exit(1)


def _draw_default(folder: Path) -> Path | None:
    """The figure of what is swept; None, with the reason on standard error, where it can't be drawn."""
    from analysis.figures.plot import plot as draw
    from netsim.sweeps.store import note_figure

    try:
        picture, _ = draw(folder)
    except ValueError as error:
        print(f"netsim: no picture: {error}", file=sys.stderr)
        return None
    note_figure(folder, picture)
    return picture
