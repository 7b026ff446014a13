"""Cut a sweep into chunks: the unit of work, of storage and of what an interruption can lose.

A cell is one point under one seed and can be computed alone. A piece is cells that share what is dear: points that differ
in their policy, and by arrays in their mean SNR, and a block of seeds that are missing for all of them. A chunk is
one piece, or several where each alone is so little work that the files would be more than what is in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from netsim.errors import Fault, InputError
from netsim.point import Point
from netsim.results.columns import columns_digest
from netsim.scenario import Grid, GridPoint, Scenario
from netsim.scenario.assembly import network_key
from netsim.scenario.policies.published import threshold_of
from netsim.sweeps.estimate import TimeEstimate
from traces.format.manifest import canonical, digest_of
from traces.format.sealed import read_regular
from traces.format.trace import Trace

#: Raised whenever the same scenario gives other numbers than before: older chunks are then not reused. Columns that
#: come, go or change their type need no raise: their digest is a part of every key as well.
RESULTS_VERSION = 6
#: Keys that no row depends on.
NOT_IN_A_ROW = frozenset({"name", "seeds", "sweep"})
#: Keys that may differ between points that share what is dear: the trace, the decisions, the latency profiles.
VARIED = frozenset({"policy", "channel", "energy"})
#: Rounds of a chunk, by engine: one to a few seconds of work.
ROUNDS_PER_CHUNK = {"events": 50_000, "arrays": 10_000_000}
#: Cells of a chunk, at most: a row has a price of its own, some ms, however few its rounds are.
CELLS_PER_CHUNK = 8192
#: Pieces are gathered up to this share of a chunk, some 0.1 s of work, which is a few times the price of a file ...
LEAST_SHARE = 1 / 32
#: ... and further where a sweep would be cut into more chunks than many workers need to share it.
CHUNKS_TO_SHARE = 1000


@dataclass(frozen=True)
class SweepPoint:
    """One point of a sweep, checked and named by what determines its rows.

    Attributes
    ----------
    scenario : Scenario. Without a sweep.
    coordinates : dict of swept key to scalar. A threshold given by name is its number.
    digest : str. SHA-256 of everything but the seed that determines a row.
    fading : str. The same for points that are best computed together, since they meet the same fading.
    sources : tuple of str. Digests of the trace, of both latency profiles, and of the scores of texts.
    engine : str. ``events`` or ``arrays``.
    rounds, prompts : int. Rounds of one cell, and prompts of which it has sums.
    token_seeds : int. Recorded ones, which seeds take in turn; 1 without a recording.
    """

    scenario: Scenario
    coordinates: dict[str, Any]
    digest: str
    fading: str
    sources: tuple[str, ...]
    engine: str
    rounds: int
    prompts: int
    token_seeds: int


@dataclass(frozen=True)
class Piece:
    """Cells that share what is dear: every point, all of one fading, under every seed."""

    points: tuple[SweepPoint, ...]
    seeds: tuple[int, ...]

    @property
    def num_cells(self) -> int:
        """Rows that the piece gives."""
        return len(self.points) * len(self.seeds)

    def halves(self) -> tuple[Piece, Piece]:
        """Two pieces with its cells, of which it has more than one."""
        if half := len(self.points) // 2:
            return Piece(self.points[:half], self.seeds), Piece(self.points[half:], self.seeds)
        half = len(self.seeds) // 2
        return Piece(self.points, self.seeds[:half]), Piece(self.points, self.seeds[half:])


@dataclass(frozen=True)
class Chunk:
    """Cells to compute, to store and to lose together."""

    pieces: tuple[Piece, ...]

    @property
    def name(self) -> str:
        """Digest of the cells: 32 hexadecimal digits."""
        cells = [[[point.digest for point in piece.points], piece.seeds] for piece in self.pieces]
        return digest_of(cells)[:32]

    @property
    def num_cells(self) -> int:
        """Rows that the chunk gives."""
        return sum(piece.num_cells for piece in self.pieces)


def sweep_points(grid: Grid, engine: str, estimate: TimeEstimate | None = None) -> list[SweepPoint]:
    """All points of a sweep, built once so that what can't be had is refused before any work.

    Parameters
    ----------
    engine : str
        ``auto``, ``events`` or ``arrays``.
    estimate : TimeEstimate, optional. What the points are added to.

    Raises
    ------
    InputError
        With every fault of every point, each said once.
    """
    points: list[SweepPoint] = []
    digests: dict[Path, str] = {}

    estimate = estimate or TimeEstimate()

    def add(point: GridPoint, built: Point) -> None:
        own = _sweep_point(point.coordinates, built, built.engine(engine), digests)
        points.append(own)
        estimate.add(built, own.engine)

    _build_each(grid, add)
    estimate.check(len(grid.scenario.seed_values()))
    return points


def check_points(grid: Grid, estimate: TimeEstimate) -> list[Trace]:
    """Build all points of a sweep and look at their files, and run nothing; takes and raises what `sweep_points` does.

    No engine is chosen: whether a link ever sends is a result.

    Returns
    -------
    list of Trace
        Those of the points, each once. Their shards are not read yet.
    """
    digests: dict[Path, str] = {}
    traces: dict[str, Trace] = {}

    def check(_point: GridPoint, built: Point) -> None:
        if isinstance(built.trace, Trace):
            traces[str(built.trace.folder)] = built.trace
        for file in built.scenario.result_files():
            _digest(file, digests)
        estimate.add(built, "events" if network_key(built.scenario, built.policy) else "arrays")

    _build_each(grid, check)
    estimate.check(len(grid.scenario.seed_values()))
    return list(traces.values())


def _build_each(grid: Grid, use: Callable[[GridPoint, Point], None]) -> None:
    """Build every point and use it; what is wrong with any of them is raised together, each fault once."""
    ready: dict[str, Point] = {}
    faults: dict[Fault, None] = {}
    for point in grid.points:
        setup = setup_of(point.scenario)
        try:
            if setup in ready:
                ready[setup] = ready[setup].at(point.scenario)
            else:
                ready[setup] = Point.of(point.scenario)
            use(point, ready[setup])
        except InputError as error:
            faults |= dict.fromkeys(grid.placed(error, point).faults)
    if faults:
        raise InputError(faults)


def setup_of(scenario: Scenario) -> str:
    """What of a scenario is dear to build, as JSON: all but its name, its seeds and `VARIED`."""
    return canonical(scenario.model_dump(mode="json", exclude={*NOT_IN_A_ROW, *VARIED}))


def _sweep_point(
    coordinates: Mapping[str, Any], built: Point, engine: str, digests: dict[Path, str]
) -> SweepPoint:
    scenario = built.scenario
    content = scenario.model_dump(mode="json", exclude=set(NOT_IN_A_ROW))
    latencies = built.costs.slm, built.costs.llm
    given = *latencies, built.similarities
    sources = built.trace.digest, *(str(getattr(own, "digest", "")) for own in given)
    files = [*sources, *(_digest(file, digests) for file in scenario.result_files())]
    alike = {key: value for key, value in content.items() if key != "policy"}
    if engine == "arrays":
        # The same draws at every mean SNR.
        alike["channel"] = {key: value for key, value in content["channel"].items() if key != "snr_db"}
    return SweepPoint(
        scenario=scenario,
        coordinates=_resolved(coordinates, built),
        digest=digest_of([RESULTS_VERSION, columns_digest(), engine, {**content, "trace": ""}, files]),
        fading=digest_of(alike),
        sources=sources,
        engine=engine,
        rounds=scenario.num_rounds(len(built.trace.prompts)),
        prompts=len(built.trace.prompts),
        token_seeds=len(built.trace.manifest.token_seeds) if isinstance(built.trace, Trace) else 1,
    )


def _resolved(coordinates: Mapping[str, Any], built: Point) -> dict[str, Any]:
    """Coordinates with a threshold as a number, also where the scenario names it."""
    threshold = coordinates.get("policy.threshold")
    if isinstance(threshold, str):
        threshold = threshold_of(built.policy)
    return {**coordinates, "policy.threshold": threshold} if threshold is not None else dict(coordinates)


def _digest(file: Path, known: dict[Path, str]) -> str:
    """SHA-256 of a file; one that many points name is read once."""
    if file not in known:
        try:
            known[file] = hashlib.sha256(read_regular(file)).hexdigest()
        except OSError as error:
            raise InputError([Fault(str(file), "", f"can't be read: {error.strerror}")]) from None
    return known[file]


def missing_chunks(
    points: Sequence[SweepPoint], seeds: Sequence[int], done: Mapping[str, set[int]]
) -> Iterator[Chunk]:
    """The chunks of a sweep, less what is done.

    Parameters
    ----------
    seeds : sequence of int
        The scenario's seeds, in their order.
    done : mapping of point digest to seeds
        Cells that need no work.
    """
    pieces = list(_missing_pieces(points, seeds, done))
    work = [piece.num_cells / _most_cells(piece.points[0]) for piece in pieces]
    most = max(LEAST_SHARE, min(1.0, sum(work) / CHUNKS_TO_SHARE))
    gathered: list[Piece] = []
    filled = 0.0
    for piece, share in zip(pieces, work, strict=True):
        if gathered and filled + share > most:
            yield Chunk(tuple(gathered))
            gathered, filled = [], 0.0
        gathered.append(piece)
        filled += share
    if gathered:
        yield Chunk(tuple(gathered))


def _most_cells(point: SweepPoint) -> int:
    """Cells of a full chunk, all of one point."""
    return max(1, min(ROUNDS_PER_CHUNK[point.engine] // point.rounds, CELLS_PER_CHUNK))


def _missing_pieces(
    points: Sequence[SweepPoint], seeds: Sequence[int], done: Mapping[str, set[int]]
) -> Iterator[Piece]:
    fadings: dict[tuple[str, str], list[SweepPoint]] = {}
    for point in points:
        fadings.setdefault((point.fading, point.engine), []).append(point)
    cuts: list[list[tuple[list[SweepPoint], list[int]]]] = []
    # Seeds of one token seed share what is decided: together they are fewer and larger blocks of rows.
    alike = {
        count: sorted(seeds, key=lambda seed: seed % count)
        for count in {point.token_seeds for point in points}
    }
    for group in fadings.values():
        budget, in_turn = _most_cells(group[0]), alike[group[0].token_seeds]
        for first_point in range(0, len(group), budget):
            together = group[first_point : first_point + budget]
            each = max(1, budget // len(together))
            cuts.append([(together, in_turn[first : first + each]) for first in range(0, len(seeds), each)])
    # Every fading under some seeds, then under others: what is decided is of use to all of them, and then no more.
    for cut in zip_longest(*cuts):
        for some_points, some_seeds in filter(None, cut):
            yield from _missing(some_points, some_seeds, done)


def _missing(
    points: Sequence[SweepPoint], seeds: Sequence[int], done: Mapping[str, set[int]]
) -> Iterator[Piece]:
    """Pieces of the points for which the same of these seeds are missing."""
    by_seeds: dict[tuple[int, ...], list[SweepPoint]] = {}
    for point in points:
        finished = done.get(point.digest, ())
        wanted = tuple(seed for seed in seeds if seed not in finished)
        if wanted:
            by_seeds.setdefault(wanted, []).append(point)
    for wanted, group in by_seeds.items():
        yield Piece(tuple(group), wanted)
