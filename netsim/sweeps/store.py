"""A results folder: finished chunks while a sweep runs, and one table in the sweep's order at its end.

Only the process that holds the folder's lock writes to it. A chunk appears whole or not at all.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from netsim.errors import Fault, InputError
from netsim.results.columns import AVERAGED, COLUMNS
from netsim.results.statistics import summarise
from netsim.sweeps.chunks import SweepPoint
from traces.format.manifest import replace_file

#: Lock of a results folder, and the sign that a folder is one.
LOCK = ".netsim-lock"
CHUNKS, RESULTS, SUMMARY = "chunks", "results.parquet", "summary.csv"
#: Files of a finished sweep; gone from the first chunk of another one on, so that no table belies its scenario.
PRODUCTS = (RESULTS, SUMMARY, "scenario.yaml", "manifest.json")
#: Rows that are put in order at a time; the results are read and written in such parts.
ROWS_IN_MEMORY = 2**15

_TYPES = {int: pa.int64(), float: pa.float64(), str: pa.string()}
#: A chunk's columns: the point's digest, then those of a row.
SCHEMA = pa.schema([("point", pa.string()), *((column.name, _TYPES[column.type]) for column in COLUMNS)])


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    """Take a results folder, made if it is not there, for this process alone.

    Raises
    ------
    InputError
        Another sweep is writing to it, it holds something else (and is left untouched), or it can't be written.
    """
    if folder.exists() and not folder.is_dir():
        raise _refusal(folder, "not a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / LOCK).exists():
        raise _refusal(folder, "holds other files: name a new folder, or that of an earlier sweep")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise _refusal(folder, "another sweep is writing to it") from None
    except OSError as error:
        raise _refusal(folder, f"can't be written: {error.strerror}") from None
    try:
        yield Store(folder)
    finally:
        lock.release()


def _refusal(folder: Path, text: str) -> InputError:
    return InputError([Fault(str(folder), "", text)])


class Store:
    """The chunks and products of one results folder; see `open_store`.

    Attributes
    ----------
    done : dict of point digest to set of int. Seeds whose rows are stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._chunks = folder / CHUNKS
        self._chunks.mkdir(exist_ok=True)
        self.done: dict[str, set[int]] = {}
        self._files: dict[Path, set[str]] = {}
        for path in sorted(self._chunks.glob("*.parquet")):
            self._find(path)

    def _find(self, path: Path) -> None:
        try:
            cells = pq.read_table(path, columns=["point", "seed"])
        except (OSError, pa.ArrowException):
            path.unlink()  # Damaged from outside: its cells are computed again.
        else:
            self._note(path, cells)

    def _note(self, path: Path, cells: pa.Table) -> None:
        for point, seed in zip(cells["point"].to_pylist(), cells["seed"].to_pylist(), strict=True):
            self.done.setdefault(point, set()).add(seed)
            self._files.setdefault(path, set()).add(point)

    def forget(self) -> None:
        """Remove all chunks."""
        shutil.rmtree(self._chunks)
        self._chunks.mkdir()
        self.done.clear()
        self._files.clear()

    def add(self, name: str, rows: pa.Table) -> None:
        """Store the rows of a chunk, at once and whole; ``rows`` has the columns of ``SCHEMA``."""
        for product in PRODUCTS:
            (self.folder / product).unlink(missing_ok=True)
        path = self._chunks / f"{name}.parquet"
        content = io.BytesIO()
        pq.write_table(rows, content)
        replace_file(path, content.getvalue())
        self._note(path, rows)

    def write_products(
        self, points: Sequence[SweepPoint], seeds: Sequence[int], texts: Mapping[str, str]
    ) -> int:
        """Write results and summary in the order of the sweep, then further files; returns the rows written."""
        axes = _axes(points)
        schema = pa.schema([*axes, *list(SCHEMA)[1:]])
        partial = self.folder / f"{RESULTS}.partial"
        summaries: list[pd.DataFrame] = []
        written = 0
        with pq.ParquetWriter(partial, schema) as writer:
            for part in _parts(points, max(1, ROWS_IN_MEMORY // len(seeds))):
                table = _with_axes(self._in_order(part, seeds), part, axes).cast(schema)
                if len(table):
                    writer.write_table(table, row_group_size=ROWS_IN_MEMORY)
                    keys = [field.name for field in axes]
                    averaged = table.select([*keys, "token_seed", *AVERAGED])
                    summaries.append(summarise(averaged.to_pandas(), keys))
                    written += len(table)
        partial.replace(self.folder / RESULTS)
        summary = pd.concat(summaries) if summaries else pd.DataFrame()
        replace_file(self.folder / SUMMARY, summary.to_csv(index=False, lineterminator="\n").encode())
        for name, text in texts.items():
            replace_file(self.folder / name, text.encode())
        return written

    def _in_order(self, points: Sequence[SweepPoint], seeds: Sequence[int]) -> pa.Table:
        """Stored rows of some points, point by point, seed by seed."""
        place = {point.digest: number for number, point in enumerate(points)}
        turn = {seed: number for number, seed in enumerate(seeds)}
        wanted = pc.field("point").isin(list(place))
        tables = [SCHEMA.empty_table()]
        for path, inside in self._files.items():
            if not inside.isdisjoint(place):
                tables.append(pq.read_table(path, schema=SCHEMA, filters=wanted))
        table = pa.concat_tables(tables)
        keys = np.array(
            [
                place[point] * len(seeds) + turn[seed] if seed in turn else -1
                for point, seed in zip(table["point"].to_pylist(), table["seed"].to_pylist(), strict=True)
            ],
            np.int64,
        )
        found, first = np.unique(keys, return_index=True)
        return table.take(first[found >= 0])


def _parts(points: Sequence[SweepPoint], size: int) -> Iterator[Sequence[SweepPoint]]:
    return (points[first : first + size] for first in range(0, len(points), size))


def _axes(points: Sequence[SweepPoint]) -> list[pa.Field]:
    """Columns of the swept keys: numbers where every value is one, text otherwise."""
    return [
        pa.field(name, _axis_type([point.coordinates[name] for point in points]))
        for name in points[0].coordinates
    ]


def _axis_type(values: Iterable[Any]) -> pa.DataType:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def _with_axes(rows: pa.Table, points: Sequence[SweepPoint], axes: Sequence[pa.Field]) -> pa.Table:
    """Put the coordinates of its point before each row."""
    known = {point.digest: number for number, point in enumerate(points)}
    number = pa.array([known[point] for point in rows["point"].to_pylist()], pa.int64())
    columns = []
    for axis in axes:
        values = [point.coordinates[axis.name] for point in points]
        if axis.type == pa.string():
            values = [None if value is None else str(value) for value in values]
        columns.append(pa.array(values, axis.type).take(number))
    plain = rows.drop_columns(["point"])
    return pa.table([*columns, *plain.columns], names=[*(axis.name for axis in axes), *plain.column_names])
