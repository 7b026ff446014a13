"""How many draws, drains, events and ranked values a token takes: counted while the engines run, not guessed."""

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
from netsim.engines.arrays import ArrayEngine
from netsim.engines.sending import Tables
from netsim.engines.uploads import Uploads
from netsim.point import Point, array_blocks
from netsim.radio import link, sessions
from netsim.radio.sessions import SessionLinks
from netsim.results.compiled_quantiles import GroupedQuantiles

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass
class Counts:
    """What was done for so many tokens.

    Attributes
    ----------
    tokens, keys, drawn, blocks, events : int
        Tokens, sessions whose generator was seeded, blocks of fading drawn and turned into rates, events of SimPy.
    ranked_values : float. Values of which quantiles are taken.
    on_air : float
        Blocks in which something is sent, by the policy that sends most where several share them: an upload of ``n``
        lengths of a block lies in ``n + 1`` on average.
    uploads_s : list of [number], float. Air time of each upload.
    """

    tokens: int = 0
    keys: int = 0
    drawn: int = 0
    blocks: int = 0
    ranked_values: float = 0
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


def array_counts(channels: Sequence[Sequence[Point]], seeds: range) -> list[Counts]:
    """Of the array engine, for points of ascending mean SNRs, computed together as in a sweep's chunk; one for each SNR.

    What is drawn for one SNR and serves the others as well is counted where it is drawn.
    """
    by_snr = {points[0].radio.snr: Counts() for points in channels}
    of_links = list(by_snr.values())
    coherence_time_s = channels[0][0].radio.coherence_time_s
    rate, send, write = SessionLinks.rates_bps, ArrayEngine.send, GroupedQuantiles.write
    with _counted() as drawn:

        def rated(links: SessionLinks, seed: int, which: IntArray, starts: IntArray) -> FloatArray | None:
            keys, blocks = drawn.keys, drawn.drawn
            rates_bps = rate(links, seed, which, starts)
            own = by_snr[links.radio.snr]
            own.blocks += int(starts[-1])
            own.keys += drawn.keys - keys
            own.drawn += drawn.drawn - blocks
            return rates_bps

        def sent(engine: ArrayEngine, link_number: int, seed: int, uploads: Uploads, tables: Tables) -> None:
            before_s = tables[0].copy()
            send(engine, link_number, seed, uploads, tables)
            air_s = tables[0] - before_s
            by_policy = [own_s[own_s > 0] for own_s in air_s]
            of_links[link_number].add_uploads(by_policy, coherence_time_s)

        def ranked(quantiles: GroupedQuantiles, *tables: FloatArray) -> None:
            for own in of_links:
                own.ranked_values += quantiles.places.size / len(of_links)
            write(quantiles, *tables)

        with (
            mock.patch.object(SessionLinks, "rates_bps", rated),
            mock.patch.object(ArrayEngine, "send", sent),
            mock.patch.object(GroupedQuantiles, "write", ranked),
        ):
            points = [point for of_channel in channels for point in of_channel]
            for block in array_blocks(points, seeds):
                for number in block.points:
                    by_snr[points[number].radio.snr].tokens += _tokens(block.shared)
    return of_links


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
                counts.ranked_values += int(run.workload.length.sum())
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
    schedule = simpy.Environment.schedule

    def drawn(keys: IntArray, skip: int, starts: IntArray) -> FloatArray:
        counts.keys += len(keys)
        counts.drawn += int(starts[-1])
        return draw(keys, skip, starts)

    def taken(stream: IndependentStream, num_blocks: int) -> FloatArray:
        counts.drawn += num_blocks
        counts.blocks += num_blocks
        return take(stream, num_blocks)

    def seeded(*key: int) -> np.random.Generator:
        counts.keys += 1
        return session_rng(*key)

    def scheduled(env: simpy.Environment, *event: object) -> None:
        counts.events += 1
        schedule(env, *event)  # type: ignore[arg-type]  # (passed on as it came)

    with ExitStack() as stack:
        for owner, name, counting in (
            (sessions, "keyed_uniforms", drawn),
            (IndependentStream, "take", taken),
            (link, "session_rng", seeded),
            (simpy.Environment, "schedule", scheduled),
        ):
            stack.enter_context(mock.patch.object(owner, name, counting))
        yield counts
