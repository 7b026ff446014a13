"""Commands that look at files and run nothing: ``validate`` and ``schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.common import print_json
from netsim.errors import Fault, InputError


def validate(
    files: Annotated[list[Path], typer.Argument(help="Scenario files, and folders of traces.")],
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
    from netsim.scenario import load_scenario
    from netsim.scenario.blocks import LiveTraceSettings
    from netsim.simulate import Point
    from traces.format.trace import Trace

    scenario = load_scenario(path)
    points = scenario.points()
    with located(path):
        opened = {}
        for point in points:
            if not isinstance(point.scenario.trace, LiveTraceSettings):
                trace = Point.of(point.scenario).trace
                opened[trace.digest] = trace
        for trace in opened.values():
            if isinstance(trace, Trace):
                trace.verify()
    return f"ok, {len(points)} points x {len(scenario.seed_values())} seeds"


def _check_trace(path: Path) -> str:
    from netsim.costs.latency import load_latency
    from netsim.costs.latency_file import LatencyError
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
