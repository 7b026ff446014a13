"""How fast a trace is walked, and how fast a large one opens."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from netsim.deciding.policies import Hlm, Slm, UHlm
from netsim.deciding.recorded import Decider
from netsim.scenario.paths import PROJECT_TRACES
from tests.trace_factory import make_trace
from traces.format.manifest import Shard, write_manifest
from traces.format.nodes import NodeTable, concatenate
from traces.format.shards import read_shard, write_shard
from traces.format.trace import Trace
from traces.speculative.walk import Measure, Policy

REPEATS = 5
GIGABYTE = 10**9


def best_of(action: Callable[[], object]) -> float:
    """Seconds of the fastest of several runs, after one that compiles."""
    action()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def walked_tokens_per_second(trace: Trace, policy: Policy) -> float:
    """Tokens decided per second over all prompts and token seeds, the forests already in memory."""
    measure = Measure(trace.manifest.measure.samples, trace.manifest.measure.theta_max)
    decider = Decider(trace, measure, trace.manifest.num_tokens, trace.manifest.eos)
    seeds = range(len(trace.manifest.token_seeds))

    def walk_all() -> int:
        return sum(int(decider.rounds(policy, seed).length.sum()) for seed in seeds)

    return walk_all() / best_of(walk_all)


def large_trace(folder: Path, size: int) -> Trace:
    """Make a trace of at least ``size`` bytes: one shard of a real one, repeated within each of many shards."""
    trace = make_trace(folder, prompts=1, token_seeds=(0,), num_tokens=24, vocabulary_size=2048)
    manifest = trace.manifest
    table = read_shard(folder, manifest.shards[0], manifest.vocabulary_size, manifest.measure)
    per_shard = max(1, 16 * 2**20 // (folder / manifest.shards[0].file).stat().st_size)
    wide = _repeated(table, per_shard)
    shards: list[Shard] = []
    while sum((folder / shard.file).stat().st_size for shard in shards) < size:
        shards.append(write_shard(folder, 0, len(shards), wide, manifest.vocabulary_size))
    seeds = tuple(range(len(shards)))
    write_manifest(folder, manifest.model_copy(update={"shards": tuple(shards), "token_seeds": seeds}))
    return Trace.open(folder)


def _repeated(table: NodeTable, times: int) -> NodeTable:
    """The same tree several times, the copies hanging below the first root: what matters here is the size."""
    wide = concatenate([table] * times)
    roots = np.flatnonzero(wide.parent < 0)[1:]
    wide.parent[roots], wide.token[roots] = 0, 0
    return wide


def resident_megabytes() -> float:
    """Largest memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def replay_table() -> str:
    """Speed of walking the built-in trace, and of opening a trace of a gigabyte."""
    trace = Trace.open(PROJECT_TRACES / "tiny")
    policies: dict[str, Policy] = {"slm": Slm(), "hlm": Hlm(), "u-hlm:threshold=0.3": UHlm(0.3)}
    lines = ["| | |", "| --- | --- |"]
    lines += [
        f"| {spec} on traces/tiny | {walked_tokens_per_second(trace, policy):,.0f} walked tokens/s |"
        for spec, policy in policies.items()
    ]
    with tempfile.TemporaryDirectory() as name:
        large = large_trace(Path(name) / "large", GIGABYTE)
        size = sum(path.stat().st_size for path in large.folder.glob("*.safetensors"))
        before = resident_megabytes()
        seconds = best_of(lambda: Trace.open(large.folder))
        more = resident_megabytes() - before
    return "\n".join(
        [*lines, f"| open {size / 1e9:.2f} GB | {1e3 * seconds:.1f} ms, {more:.0f} MB more memory |"]
    )
