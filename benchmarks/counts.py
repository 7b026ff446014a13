"""How many draws, drains, events and sorted values a token takes: counted while the engines run, not guessed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from unittest import mock

import numpy as np
import simpy
from numpy.typing import NDArray

from benchmarks.bare import TimeLine, bare_loop
from channels.fading import IndependentStream
from channels.uniforms import keyed_uniforms
from netsim.costs.workload import Workload
from netsim.engines.timings import Timings
from netsim.point import Point, array_blocks
from netsim.radio import link, sessions
from netsim.results import facts
from netsim.results.order import ascending

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass
class Counts:
    """What was done for so many tokens.

    Attributes
    ----------
    tokens, keys, blocks, sorted_values, events : int
        Tokens, sessions whose generator was seeded, blocks of fading drawn, values sorted, events of SimPy.
    on_air : float
        Blocks in which something is sent, by the policy that sends most where several share them: an upload of ``n``
        lengths of a block lies in ``n + 1`` on average.
    uploads_s : list of [number], float. Air time of each upload.
    """

    tokens: int = 0
    keys: int = 0
    blocks: int = 0
    sorted_values: int = 0
    events: int = 0
    on_air: float = 0.0
    uploads_s: list[FloatArray] = field(default_factory=list)

    @property
    def air_s(self) -> FloatArray:
        """[num_uploads], float."""
        return np.concatenate([np.empty(0), *self.uploads_s])

    def add_uploads(self, by_policy: Sequence[FloatArray], coherence_time_s: float) -> None:
        """Note the air times of every policy's uploads over the same sessions."""
        self.uploads_s += by_policy
        self.on_air += max(float((air_s / coherence_time_s + 1).sum()) for air_s in by_policy)


def array_counts(points: Sequence[Point], seeds: range) -> Counts:
    """Of the array engine, for points that share a channel, as a sweep's chunk."""
    time_all = Point.array_timings

    def timed(point: Point, workloads: Sequence[Workload], seeds: Sequence[int]) -> list[Timings]:
        found = time_all(point, workloads, seeds)
        by_policy = [
            own.air_s[:, workload.uploads].ravel() for workload, own in zip(workloads, found, strict=True)
        ]
        counts.add_uploads(by_policy, point.radio.coherence_time_s)
        return found

    with _counted() as counts, mock.patch.object(Point, "array_timings", timed):
        counts.tokens = sum(
            len(block.seeds) * _tokens(block.shared) for _, block in array_blocks(points, seeds)
        )
    return counts


def loop_counts(time_lines: Sequence[TimeLine]) -> Counts:
    """Of the bare SimPy loop."""
    with _counted() as counts:
        bare_loop(time_lines)
    counts.tokens = sum(line.sends.size for line in time_lines)
    return counts


def event_counts(points: Sequence[Point], seeds: range) -> Counts:
    """Of the event engine with one device, on the same points."""
    with _counted() as counts:
        for point in points:
            for seed in seeds:
                [run] = point.network.run(seed)
                counts.tokens += _tokens(point.row(seed, "events"))
                counts.add_uploads([run.timings.air_s[run.workload.uploads]], point.radio.coherence_time_s)
    return counts


def _tokens(row: dict[str, float | int | str | None]) -> int:
    tokens = row["tokens"]
    assert isinstance(tokens, int)
    return tokens


@contextmanager
def _counted() -> Iterator[Counts]:
    """Count what happens within."""
    counts = Counts()
    draw, take, session_rng = keyed_uniforms, IndependentStream.take, link.session_rng
    sort, schedule = ascending, simpy.Environment.schedule

    def drawn(keys: IntArray, skip: int, starts: IntArray) -> FloatArray:
        counts.keys += len(keys)
        counts.blocks += int(starts[-1])
        return draw(keys, skip, starts)

    def taken(stream: IndependentStream, num_blocks: int) -> FloatArray:
        counts.blocks += num_blocks
        return take(stream, num_blocks)

    def seeded(*key: int) -> np.random.Generator:
        counts.keys += 1
        return session_rng(*key)

    def sorted_(values: FloatArray) -> FloatArray:
        counts.sorted_values += values.size
        return sort(values)

    def scheduled(env: simpy.Environment, *event: object) -> None:
        counts.events += 1
        schedule(env, *event)  # type: ignore[arg-type]  # (passed on as it came)

    with ExitStack() as stack:
        for owner, name, counting in (
            (sessions, "keyed_uniforms", drawn),
            (IndependentStream, "take", taken),
            (link, "session_rng", seeded),
            (facts, "ascending", sorted_),
            (simpy.Environment, "schedule", scheduled),
        ):
            stack.enter_context(mock.patch.object(owner, name, counting))
        yield counts
