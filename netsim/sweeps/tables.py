"""The tables of a finished sweep, written in its order part by part: memory is that of a part, not of the sweep."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from netsim.results.columns import AVERAGED
from netsim.results.prompt_sums import DECIDED_SUMS, SUMS
from netsim.sweeps.ahead import ahead
from netsim.sweeps.chunk_files import DECIDED, OWN, OWN_SUMS, ROW
from netsim.sweeps.chunks import SweepPoint
from netsim.sweeps.ordering import BACK, PLACE, distinct, parts_in_order, rearranged, with_back
from netsim.sweeps.products import PROMPT_SUMS, RESULTS, SUMMARY

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: Numbers that are put in order at a time, 16 MiB of them; the results are read and written in such parts.
NUMBERS_IN_MEMORY = 2**21
#: Rows of a part, at most.
MOST_ROWS = 2**15
#: Runs that are set aside, about: a process may have so many files open anywhere.
MOST_RUNS = 200


def write_tables(
    tables: Iterable[pa.Table], points: Sequence[SweepPoint], seeds: Sequence[int], files: Mapping[str, Path]
) -> int:
    """Write results, sums of prompts and summary in the order of the sweep; returns the rows written.

    Parameters
    ----------
    tables : iterable of Table
        Rows with the columns of ``netsim.sweeps.chunk_files.SCHEMA``, in any order; those of other cells are left out.
    files : mapping of each table's name to where it is written
    """
    axes = _axes(points)
    keys = [name for name, _ in axes]
    axis_fields = [(name, values.type) for name, values in axes]
    schema = pa.schema([*axis_fields, *ROW])
    sums_fields = [("seed", pa.int64()), ("prompt", pa.int64()), *((name, pa.float64()) for name in SUMS)]
    sums_schema = pa.schema([*axis_fields, *sums_fields])
    written = 0
    with (
        pq.ParquetWriter(files[RESULTS], schema) as results,
        pq.ParquetWriter(files[PROMPT_SUMS], sums_schema, **_prompt_options(keys)) as sums,
        files[SUMMARY].open("w", encoding="utf-8", newline="") as summary,
        # Each kind of work has a thread of its own, and lets go of the others while it works.
        ThreadPoolExecutor(1) as writing,
        ThreadPoolExecutor(2) as summarising,
    ):
        # Half a second for pandas, while the first rows are put in order.
        summarising.submit(import_module, "netsim.results.summary")
        of_parts: deque[tuple[Future[None], Future[pd.DataFrame]]] = deque()

        def finish(most_left: int) -> None:
            while len(of_parts) > most_left:
                tables_written, lines = of_parts.popleft()
                tables_written.result()
                text = lines.result().to_csv(index=False, lineterminator="\n", header=not summary.tell())
                summary.write(text)

        for part in ahead(_parts(tables, points, seeds, files[RESULTS].parent)):
            stored = _with_axes(part, axes, len(seeds))
            table = stored.select(schema.names).cast(schema)
            of_prompts = _by_prompt(stored, keys).cast(sums_schema)
            of_parts.append(
                (
                    writing.submit(_write, {results: table, sums: of_prompts}),
                    summarising.submit(_summary, table, of_prompts, axes),
                )
            )
            finish(most_left=1)
            written += len(table)
        finish(most_left=0)
        if not written:
            summary.write("\n")
    return written


def _parts(
    tables: Iterable[pa.Table], points: Sequence[SweepPoint], seeds: Sequence[int], folder: Path
) -> Iterator[pa.Table]:
    """The rows of a sweep in its order, whole points at a time."""
    most_prompts = max(point.prompts for point in points)
    most_rows = min(MOST_ROWS, NUMBERS_IN_MEMORY // (len(ROW) + len(SUMS) * most_prompts))
    whole_points = max(1, most_rows // len(seeds)) * len(seeds)
    in_memory = max(2 * most_rows, len(points) * len(seeds) // MOST_RUNS)
    return parts_in_order(ahead(_placed(tables, points, seeds)), DECIDED, whole_points, in_memory, folder)


def _prompt_options(keys: Sequence[str]) -> dict[str, Any]:
    """How sums of prompts are written: those of few values as a dictionary, the others as they are, since nothing makes them smaller."""
    compression = {
        name: "none" if name in OWN_SUMS else "snappy" for name in (*keys, "seed", "prompt", *SUMS)
    }
    few_values = [*keys, "seed", "prompt", *DECIDED_SUMS]
    return {
        "use_dictionary": few_values,
        "compression": compression,
        "write_statistics": few_values[: -len(DECIDED_SUMS)],
    }


def _write(tables: Mapping[pq.ParquetWriter, pa.Table]) -> None:
    for writer, table in tables.items():
        writer.write_table(table, row_group_size=MOST_ROWS)


def _summary(table: pa.Table, of_prompts: pa.Table, axes: Sequence[tuple[str, pa.Array]]) -> pd.DataFrame:
    """The lines of a part's points."""
    from netsim.results.summary import summarise  # noqa: PLC0415  (pandas: it is imported beside the ordering)

    keys = [name for name, _ in axes]
    averaged = table.select([*keys, "token_seed", *AVERAGED])
    return summarise(_frame(averaged, axes), keys, _frame(of_prompts, axes))


def _placed(
    tables: Iterable[pa.Table], points: Sequence[SweepPoint], seeds: Sequence[int]
) -> Iterator[pa.Table]:
    """The rows of a sweep's cells, each with its place: point by point, seed by seed."""
    numbers: dict[object, int] = {point.digest: number for number, point in enumerate(points)}
    turns: dict[object, int] = {seed: number for number, seed in enumerate(seeds)}
    for table in tables:
        number, turn = _number(table["point"], numbers), _number(table["seed"], turns)
        place = np.where((number >= 0) & (turn >= 0), number * len(seeds) + turn, -1)
        rows = with_back(table.drop_columns(["point"]).append_column(PLACE, pa.array(place)), DECIDED)
        yield rows if (place >= 0).all() else rearranged(rows, DECIDED, np.flatnonzero(place >= 0))


def _number(column: pa.ChunkedArray, numbers: Mapping[object, int]) -> IntArray:
    """Number of each row's value, -1 for one without: [num_rows], int."""
    values, which = distinct(column)
    return np.array([numbers.get(value, -1) for value in values], np.int64)[which]


def _axes(points: Sequence[SweepPoint]) -> list[tuple[str, pa.Array]]:
    """Swept keys with the value of each point: numbers where every value is one, text otherwise."""
    return [(name, _axis([point.coordinates[name] for point in points])) for name in points[0].coordinates]


def _axis(values: Sequence[Any]) -> pa.Array:
    kind = _axis_type(values)
    if kind == pa.string():
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, kind)


def _axis_type(values: Iterable[Any]) -> pa.DataType:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def _with_axes(rows: pa.Table, axes: Sequence[tuple[str, pa.Array]], num_seeds: int) -> pa.Table:
    """Put the coordinates of its point before each row."""
    number = pa.array(rows[PLACE].to_numpy() // num_seeds)
    plain = rows.drop_columns([PLACE])
    columns = [*(values.take(number) for _, values in axes), *plain.columns]
    return pa.table(columns, names=[*(name for name, _ in axes), *plain.column_names])


def _by_prompt(stored: pa.Table, keys: Sequence[str]) -> pa.Table:
    """A row per point, seed and prompt (its place among the complete ones)."""
    own, decided = (stored[name].combine_chunks() for name in (OWN, DECIDED))
    counts = own.value_lengths().to_numpy() // len(OWN_SUMS)
    row = np.repeat(np.arange(len(stored)), counts)
    prompt = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    decided_by = row - stored[BACK].to_numpy()[row]
    sums = {
        **_sums(own, OWN_SUMS, row, prompt, counts[row]),
        **_sums(decided, DECIDED_SUMS, decided_by, prompt, counts[row]),
    }
    columns = [*(stored[key].take(row) for key in (*keys, "seed")), prompt, *(sums[name] for name in SUMS)]
    return pa.table(columns, names=[*keys, "seed", "prompt", *SUMS])


def _sums(
    lists: pa.ListArray, names: Sequence[str], row: IntArray, prompt: IntArray, count: IntArray
) -> dict[str, FloatArray]:
    """Sums of so many prompts, out of lists that have all prompts of one sum after those of the other: [num_values] each."""
    first = lists.offsets.to_numpy()[row] + prompt
    values = lists.values.to_numpy()  # noqa: PD011  (a list's numbers, and no table of pandas)
    return {name: values[first + number * count] for number, name in enumerate(names)}


def _frame(table: pa.Table, axes: Sequence[tuple[str, pa.Array]]) -> pd.DataFrame:
    """The table in pandas, whose whole numbers are none where some are missing: in every part or in none."""
    for number, (name, values) in enumerate(axes):
        if values.null_count and pa.types.is_integer(values.type):
            table = table.set_column(number, name, table[name].cast(pa.float64()))
    # Each column by itself: that copies none of them.
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame
