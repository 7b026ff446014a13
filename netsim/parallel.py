"""Compute chunks: in this process, in local processes, or on a Dask cluster, by the same joblib call."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import joblib
import pyarrow as pa

from netsim.chunks import Chunk, SweepPoint, setup_of
from netsim.errors import Fault, InputError
from netsim.rows import Row
from netsim.scenario import Scenario
from netsim.simulate import Point, array_rows
from netsim.store import SCHEMA


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
    """What became of a chunk: rows of the columns ``netsim.store.SCHEMA``, and the cells that failed."""

    name: str
    rows: pa.Table
    failures: tuple[Failure, ...]


def compute(chunk: Chunk) -> Outcome:
    """Compute every cell of a chunk; one that fails does not keep the others from finishing."""
    failures: list[Failure] = []
    first = chunk.points[0]
    built = _base(setup_of(first.scenario), first.sources).at(first.scenario)
    points = [built.at(point.scenario) for point in chunk.points]
    try:
        rows = _all_rows(chunk, points)
    except Exception:  # noqa: BLE001  (some cell fails: find out which, and save the others)
        rows, failures = _each_row(chunk, points)
    return Outcome(chunk.name, pa.Table.from_pylist(rows, SCHEMA), tuple(failures))


def _all_rows(chunk: Chunk, points: Sequence[Point]) -> list[Row]:
    digests = [point.digest for point in chunk.points]
    if chunk.points[0].engine == "arrays":
        return [{"point": digests[number], **row} for number, row in array_rows(points, chunk.seeds)]
    # Seeds outside, so that policies meet the same capacity curves.
    return [
        {"point": digest, **point.row(seed, "events")}
        for seed in chunk.seeds
        for digest, point in zip(digests, points, strict=True)
    ]


def _each_row(chunk: Chunk, points: Sequence[Point]) -> tuple[list[Row], list[Failure]]:
    rows: list[Row] = []
    failures: list[Failure] = []
    for seed in chunk.seeds:
        for swept, point in zip(chunk.points, points, strict=True):
            row = _row(swept, point, seed)
            if isinstance(row, Failure):
                failures.append(row)
            else:
                rows.append(row)
    return rows, failures


def _row(swept: SweepPoint, point: Point, seed: int) -> Row | Failure:
    try:
        return {"point": swept.digest, **point.row(seed, swept.engine)}
    except Exception as error:  # noqa: BLE001  (whatever it is, it is reported with its cell)
        return Failure(swept.coordinates, seed, f"{type(error).__name__}: {error}")


@contextmanager
def workers(*, jobs: int, backend: str, scheduler: str | None) -> Iterator[joblib.Parallel]:
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
        with _on_cluster(scheduler or ""):
            yield joblib.Parallel(return_as="generator_unordered")
    else:
        # The work is compiled loops and small arrays: threads of a numeric library would only get in the way.
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            yield joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")


def compute_all(parallel: joblib.Parallel, chunks: Iterable[Chunk]) -> Iterator[Outcome]:
    """Compute chunks side by side; outcomes come as they finish."""
    outcomes: Iterator[Outcome] = parallel(joblib.delayed(compute)(chunk) for chunk in chunks)
    return outcomes


@contextmanager
def _on_cluster(scheduler: str) -> Iterator[None]:
    try:
        from distributed import Client  # noqa: PLC0415  (an optional extra)
    except ImportError:
        text = "needs the extra 'dask': pip install -e '.[dask]'"
        raise InputError([Fault("--backend dask", "", text)]) from None
    try:
        client = Client(scheduler, timeout="10s")  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError([Fault("--scheduler", "", f"no answer from {scheduler!r}: {error}")]) from None
    with client, joblib.parallel_config("dask"):
        yield


@lru_cache(maxsize=1)
def _base(setup: str, _sources: tuple[str, ...]) -> Point:
    """A point of this setup, kept from chunk to chunk: a process opens a trace and decides a path once."""
    content = {"name": "base", "policy": {"name": "slm"}, **json.loads(setup)}
    return Point.of(Scenario.model_validate(content))
