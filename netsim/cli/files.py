"""Commands that look at files and run nothing: ``validate`` and ``schema``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netsim.cli.common import allow, print_json
from netsim.errors import Fault, InputError

if TYPE_CHECKING:
    from netsim.scenario import Grid
    from traces.format.trace import Trace


def validate(
    files: Annotated[list[Path], typer.Argument(help="Scenario files, and folders of traces.")],
    allow_plugins: Annotated[  # noqa: ARG001  (its callback allows them)
        bool,
        typer.Option(
            "--allow-plugins", callback=allow, help="Accept classes of your own; none is loaded or looked at."
        ),
    ] = False,
) -> None:
    """Check scenario files and traces.

    Says every fault with its place.

    Example: netsim validate scenarios/quickstart.yaml traces/tiny
    """
    faults: list[Fault] = []
    for path in files:
        try:
            done = _check_trace(path) if path.is_dir() else _check_scenario(path)
        except InputError as error:
            faults += error.faults
        else:
            print(f"{path}: {done}")
    if faults:
        raise InputError(faults)


def _check_scenario(path: Path) -> str:
    from netsim.cli.common import located
    from netsim.scenario import load_grid
    from netsim.scenario.plugins import none_loaded
    from netsim.sweeps.progress import SHORT_S, about

    with none_loaded():
        grid = load_grid(path)
    num_seeds = len(grid.scenario.seed_values())
    with located(grid):
        traces, seconds = _check_points(grid)
        for trace in traces:
            trace.verify()
    lasts = f", {about(seconds)} of one processor" if seconds > SHORT_S else ""
    return f"ok, {len(grid.points)} points x {num_seeds} seeds{lasts}"


def _check_points(grid: Grid) -> tuple[list[Trace], float]:
    """Build every point, but run no code of a user's own; the traces that they name, and seconds of one processor.

    What takes how long is not known (0) of a trace that is not there yet, and of what is a user's own.
    """
    from netsim.scenario.kinds import names_own
    from netsim.scenario.plugins import allowed
    from netsim.scenario.sources.built_in import LiveTraceSettings
    from netsim.sweeps.chunks import check_points
    from netsim.sweeps.estimate import TimeEstimate

    if isinstance(grid.scenario.trace, LiveTraceSettings):
        return [], 0.0
    if not (allowed() and any(names_own(point.scenario) for point in grid.points)):
        estimate = TimeEstimate()
        traces = check_points(grid, estimate)
        return traces, estimate.seconds(len(grid.scenario.seed_values()))
    print("plug-ins are not looked at: validate runs no code of your own", file=sys.stderr)
    return _check_without_own(grid), 0.0


def _check_without_own(grid: Grid) -> list[Trace]:
    """Build what of every point is not a plug-in."""
    from netsim.scenario import assembly
    from netsim.scenario.billing import build_costs
    from traces.format.trace import Trace

    traces: dict[str, Trace] = {}
    for point in grid.points:
        source = assembly.open_source(point.scenario)
        assembly.build_decider(point.scenario, source)
        build_costs(point.scenario, source)
        if isinstance(source, Trace):
            traces[str(source.folder)] = source
    return list(traces.values())


def _check_trace(path: Path) -> str:
    from netsim.costs.latency import load_latency
    from netsim.costs.latency_file import LatencyError
    from netsim.results.similarity_file import read_similarities
    from traces.format.manifest import TraceError
    from traces.format.trace import Trace

    faults, nodes = [], 0
    try:
        trace = Trace.open(path)
        for shard in trace.manifest.shards:
            try:
                nodes += trace.forest([(shard.prompt, shard.token_seed)]).table.num_nodes
            except TraceError as error:
                faults.append(Fault("", "", str(error)))
        load_latency("recorded", "slm", path)
        load_latency("recorded", "llm", path)
        read_similarities(trace)
    except (TraceError, LatencyError) as error:
        faults.append(Fault("", "", str(error)))
    if faults:
        raise InputError(faults)
    missing = "" if trace.is_complete else ", incomplete: run the recording again to finish it"
    return f"ok, {len(trace.prompts)} prompts x {len(trace.manifest.token_seeds)} token seeds, {nodes} nodes{missing}"


def schema() -> None:
    """Print the JSON Schema of a scenario file.

    For editors and other programs.

    Example: netsim schema > scenario.schema.json
    """
    from netsim.scenario import scenario_schema

    print_json(scenario_schema())
