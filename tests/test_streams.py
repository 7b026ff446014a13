"""Random numbers come from the streams of `traces.streams` and from nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from netsim.startup import ROOT
from traces import streams

NUMBERS = {name: value for name, value in vars(streams).items() if name.endswith("_STREAM")}
#: Where draws are part of a result. (Conformance suites and doctests make generators of their own.)
SIMULATING = [
    file
    for package in ("channels", "netsim", "traces")
    for file in sorted((ROOT / package).rglob("*.py"))
    if file.name not in ("conformance.py", "testing.py")
]


def generators(file: Path) -> Iterator[ast.Call]:
    """Calls that make a generator."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("default_rng", "Philox", "SeedSequence")
        ):
            yield node


def test_no_two_streams_share_a_number() -> None:
    assert len(set(NUMBERS.values())) == len(NUMBERS) >= 4
    for name in NUMBERS:
        assert f"``{name}``" in (streams.__doc__ or ""), "the table says what it is for"


def test_every_generator_is_keyed_by_a_stream() -> None:
    calls = [(file, call) for file in SIMULATING for call in generators(file)]
    assert calls
    for file, call in calls:
        key = call.args[0] if call.args else None
        first = key.elts[0] if isinstance(key, ast.List) else key
        # `netsim calibrate --seed` resamples prompts for an interval: an analysis, not a simulation.
        if file.name != "calibrate.py":
            assert isinstance(first, ast.Name), f"{file}:{call.lineno}"
            assert first.id in NUMBERS, f"{file}:{call.lineno}"
