"""Compute chunks: in this process, in local processes, or on a Dask cluster."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial

import pyarrow as pa
from cachetools import LRUCache

from netsim.errors import Fault, InputError
from netsim.point import Point, array_blocks
from netsim.scenario import Scenario
from netsim.scenario.thresholds import ThresholdClipped
from netsim.sweeps.chunk_files import SCHEMA
from netsim.sweeps.chunks import Chunk, Piece, SweepPoint, setup_of
from netsim.sweeps.stored import stored
from traces.format.manifest import TraceError


@dataclass(frozen=True)
class Failure:
    """A cell that failed: where, and why."""

    coordinates: dict[str, object]
    seed: int
    reason: str

    def __str__(self) -> str:
        place = ", ".join(f"{name} {value}" for name, value in self.coordinates.items() if value is not None)
        return f"{place or 'the only point'}, seed {self.seed}: {self.reason}"


@dataclass(frozen=True)
class Outcome:
    """What became of a chunk: rows of the columns ``netsim.sweeps.chunk_files.SCHEMA``, and the cells that failed."""

    name: str
    rows: pa.Table
    failures: tuple[Failure, ...]


#: Points that are kept built, at some KiB each.
MOST_POINTS = 4096
#: Computes chunks side by side; outcomes come as they finish.
Compute = Callable[[Iterable[Chunk]], Generator[Outcome, None, None]]


def compute(chunk: Chunk) -> Outcome:
    """Compute every cell of a chunk; one that fails does not keep the others from finishing.

    A damaged trace is no cell's fault and ends the sweep.
    """
    tables: list[pa.Table] = []
    failures: list[Failure] = []
    for piece in chunk.pieces:
        of_piece, failed = _computed(piece)
        tables += of_piece
        failures += failed
    # Arrow's empty table imports pandas: only of a chunk that failed altogether.
    rows = pa.concat_tables(tables).combine_chunks() if tables else SCHEMA.empty_table()
    return Outcome(chunk.name, rows, tuple(failures))


def _computed(piece: Piece) -> tuple[list[pa.Table], list[Failure]]:
    first = piece.points[0]
    built = _setup(setup_of(first.scenario), first.sources)
    if built.base.trace.digest != first.sources[0]:
        raise InputError(
            [Fault(str(first.scenario.trace), "", "not the same trace where the sweep was started")]
        )
    return _rows(piece, built)


def _rows(piece: Piece, built: _Setup) -> tuple[list[pa.Table], list[Failure]]:
    """Rows of a piece; where a cell fails, of its halves, until the cell is alone."""
    try:
        return list(_all_rows(piece, built)), []
    except TraceError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, it is reported with its cell)
        if piece.num_cells == 1:
            reason = f"{type(error).__name__}: {error}"
            return [], [Failure(piece.points[0].coordinates, piece.seeds[0], reason)]
        (rows, failures), (more_rows, more_failures) = (_rows(half, built) for half in piece.halves())
        return rows + more_rows, failures + more_failures


def _all_rows(piece: Piece, built: _Setup) -> Iterator[pa.Table]:
    points = [built.point(point) for point in piece.points]
    digests = [point.digest for point in piece.points]
    if piece.points[0].engine == "arrays":
        for block in array_blocks(points, piece.seeds):
            yield stored(digests, block)
        return
    # Seeds outside, so that policies meet the same capacity curves.
    for seed in piece.seeds:
        for digest, point in zip(digests, points, strict=True):
            yield stored([digest], point.block(seed, "events"))


@contextmanager
def workers(*, jobs: int, backend: str, scheduler: str | None) -> Iterator[Compute]:
    """Take what computes chunks.

    Parameters
    ----------
    jobs : int
        Local processes; a cluster has its own number of workers.
    backend : str
        ``local`` or ``dask``.
    scheduler : str, optional
        Address of the Dask scheduler, ``tcp://host:port``.

    Raises
    ------
    InputError
        If the cluster can't be reached, or Dask is not installed.
    """
    if backend == "dask":
        from netsim.sweeps.cluster import connected, on_cluster  # noqa: PLC0415  (as below)

        with connected(scheduler or "") as client:
            yield partial(on_cluster, compute, _failed, client)
    elif jobs == 1:
        yield _here
    else:
        from netsim.sweeps.local import in_processes  # noqa: PLC0415  (of no use to a single process)

        yield partial(in_processes, compute, _failed, jobs)


def _here(chunks: Iterable[Chunk]) -> Generator[Outcome, None, None]:
    yield from map(compute, chunks)


def _failed(chunk: Chunk, reason: str) -> Outcome:
    failures = [
        Failure(point.coordinates, seed, reason)
        for piece in chunk.pieces
        for point in piece.points
        for seed in piece.seeds
    ]
    return Outcome(chunk.name, SCHEMA.empty_table(), tuple(failures))


class _Setup:
    """Points that share what is dear, each built once in a process; the trace is opened, and a path decided, once as well."""

    def __init__(self, setup: str) -> None:
        content = {"name": "base", "policy": {"name": "slm"}, **json.loads(setup)}
        self.base = Point.of(Scenario.model_validate(content))
        self._points: LRUCache[str, Point] = LRUCache(MOST_POINTS)

    def point(self, swept: SweepPoint) -> Point:
        """The point of a sweep, ready to run."""
        if swept.digest not in self._points:
            with warnings.catch_warnings():
                # Said when the sweep was checked.
                warnings.simplefilter("ignore", ThresholdClipped)
                self._points[swept.digest] = self.base.at(swept.scenario)
        return self._points[swept.digest]


@lru_cache(maxsize=1)
def _setup(setup: str, _sources: tuple[str, ...]) -> _Setup:
    """The last one is kept from chunk to chunk."""
    return _Setup(setup)
