"""A results folder: finished chunks while a sweep runs, and one table in the sweep's order at its end.

Only the process that holds the folder's lock writes to it. What an earlier sweep left stays until what replaces it
is complete.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from netsim.errors import Fault, InputError
from netsim.results.columns import AVERAGED
from netsim.results.prompt_sums import SUMS
from netsim.scenario import Scenario
from netsim.sweeps.chunk_files import PROMPTS, ROW, SUM_FIELDS, ChunkFiles
from netsim.sweeps.chunks import SweepPoint
from netsim.sweeps.ownership import check_grows
from netsim.sweeps.products import MANIFEST, PRODUCTS, PROMPT_SUMS, RESULTS, SCENARIO, SUMMARY, manifest_text
from traces.format.manifest import replace_file

if TYPE_CHECKING:
    import pandas as pd

#: Lock of a results folder, and the sign that a folder is one.
LOCK = ".netsim-lock"
CHUNKS = "chunks"
#: Figures drawn from the results, with the SHA-256 of each: they go when the results change.
FIGURES = ".netsim-figures.json"
#: Rows that are put in order at a time; the results are read and written in such parts.
ROWS_IN_MEMORY = 2**15


@contextmanager
def open_store(folder: Path, scenario: Scenario, *, fresh: bool = False) -> Iterator[Store]:
    """Take a results folder, made if it is not there, for this process alone.

    Parameters
    ----------
    scenario : Scenario. What is to be swept.
    fresh : bool. Forget what is there: its chunks now, its results when the new ones are complete.

    Raises
    ------
    InputError
        Another sweep is writing to it, it holds something else or another scenario's results (and is left
        untouched), or it can't be written.
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
        if not fresh:
            _check_owner(folder, scenario)
        yield Store(folder, scenario, fresh=fresh)
    finally:
        lock.release()


def _refusal(folder: Path, text: str) -> InputError:
    return InputError([Fault(str(folder), "", text)])


def _check_owner(folder: Path, scenario: Scenario) -> None:
    """Refuse a folder whose chunks or results are another scenario's."""
    for owner in (folder / CHUNKS / SCENARIO, folder / SCENARIO):
        if owner.exists():
            check_grows(folder, owner, scenario)
            return
    if (folder / RESULTS).exists():
        raise _refusal(
            folder, f"holds results, but no {SCENARIO} that says of what: name a new folder, or give --fresh"
        )


class Store:
    """The chunks and products of one results folder; see `open_store`."""

    def __init__(self, folder: Path, scenario: Scenario, *, fresh: bool) -> None:
        self.folder = folder
        self.chunks = ChunkFiles(folder / CHUNKS, keep=(SCENARIO,))
        if fresh:
            self.chunks.forget()
        replace_file(folder / CHUNKS / SCENARIO, scenario.resolved_yaml().encode())

    def write_products(
        self, points: Sequence[SweepPoint], seeds: Sequence[int], scenario: Scenario, facts: Mapping[str, Any]
    ) -> int:
        """Write results and summary in the order of the sweep, the scenario and a manifest; returns the rows written.

        All of them are complete on disk before the first takes its place.
        """
        for path in self.folder.glob("*.partial"):
            if path.name.startswith(PRODUCTS):
                path.unlink()
        ready = {self.folder / f"{name}.partial": self.folder / name for name in (RESULTS, PROMPT_SUMS)}
        partial, partial_sums = ready
        written, summary = self._write_results(partial, partial_sums, points, seeds)
        texts = {
            SUMMARY: summary.to_csv(index=False, lineterminator="\n"),
            SCENARIO: scenario.resolved_yaml(),
        }
        digests = {product.name: _digest(path) for path, product in ready.items()}
        digests |= {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
        for name, text in {**texts, MANIFEST: manifest_text(facts, digests)}.items():
            path = self.folder / f"{name}.partial"
            replace_file(path, text.encode())
            ready[path] = self.folder / name
        if not _same_content(partial, self.folder / RESULTS):
            _remove_figures(self.folder)
        for path, product in ready.items():
            path.replace(product)
        return written

    def _write_results(
        self, path: Path, sums_path: Path, points: Sequence[SweepPoint], seeds: Sequence[int]
    ) -> tuple[int, pd.DataFrame]:
        import pandas as pd  # noqa: PLC0415  (of no use before there are rows)

        from netsim.results.summary import summarise  # noqa: PLC0415

        axes = _axes(points)
        schema = pa.schema([*axes, *ROW])
        sums_schema = pa.schema([*axes, ("seed", pa.int64()), ("prompt", pa.int64()), *SUM_FIELDS])
        summaries: list[pd.DataFrame] = []
        written = 0
        with pq.ParquetWriter(path, schema) as writer, pq.ParquetWriter(sums_path, sums_schema) as sums:
            for part in _parts(points, max(1, ROWS_IN_MEMORY // len(seeds))):
                stored = _with_axes(self._in_order(part, seeds), part, axes)
                if len(stored):
                    table = stored.drop_columns([PROMPTS]).cast(schema)
                    writer.write_table(table, row_group_size=ROWS_IN_MEMORY)
                    of_prompts = _by_prompt(stored, axes).cast(sums_schema)
                    sums.write_table(of_prompts, row_group_size=ROWS_IN_MEMORY)
                    keys = [field.name for field in axes]
                    averaged = table.select([*keys, "token_seed", *AVERAGED])
                    summaries.append(summarise(averaged.to_pandas(), keys, of_prompts.to_pandas()))
                    written += len(table)
        return written, pd.concat(summaries) if summaries else pd.DataFrame()

    def _in_order(self, points: Sequence[SweepPoint], seeds: Sequence[int]) -> pa.Table:
        """Stored rows of some points, point by point, seed by seed."""
        place = {point.digest: number for number, point in enumerate(points)}
        turn = {seed: number for number, seed in enumerate(seeds)}
        table = self.chunks.rows_of(place.keys())
        keys = np.array(
            [
                place[point] * len(seeds) + turn[seed] if seed in turn else -1
                for point, seed in zip(table["point"].to_pylist(), table["seed"].to_pylist(), strict=True)
            ],
            np.int64,
        )
        found, first = np.unique(keys, return_index=True)
        return table.take(first[found >= 0])


def _by_prompt(stored: pa.Table, axes: Sequence[pa.Field]) -> pa.Table:
    """A row per point, seed and prompt (its place among the complete ones)."""
    lists = stored[PROMPTS].combine_chunks()
    counts = np.array([len(own) for own in lists.field(SUMS[0])], np.int64)
    row = pa.array(np.repeat(np.arange(len(stored)), counts))
    keys = [*(axis.name for axis in axes), "seed"]
    prompt = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    columns = [*(stored[key].take(row) for key in keys), pa.array(prompt)]
    return pa.table(
        [*columns, *(lists.field(name).flatten() for name in SUMS)], names=[*keys, "prompt", *SUMS]
    )


def note_figure(folder: Path, path: Path) -> None:
    """Remember a figure that was drawn from a folder's results into that folder."""
    if path.resolve().parent != folder.resolve() or not (folder / LOCK).exists():
        return
    noted = {**_noted(folder), path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    replace_file(folder / FIGURES, (json.dumps(noted, indent=1, sort_keys=True) + "\n").encode())


def _noted(folder: Path) -> dict[str, str]:
    try:
        noted = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _remove_figures(folder: Path) -> None:
    """Remove the figures of results that are about to change; one that was worked on since is its owner's."""
    for name, digest in _noted(folder).items():
        path = folder / name
        if path.parent == folder and path.is_file() and _digest(path) == digest:
            path.unlink()
    (folder / FIGURES).unlink(missing_ok=True)


def _same_content(one: Path, other: Path) -> bool:
    return other.is_file() and _digest(one) == _digest(other)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(2**20):
            digest.update(part)
    return digest.hexdigest()


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
