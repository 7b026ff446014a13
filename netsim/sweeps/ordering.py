"""Put rows that come in any order into a sweep's order, with little memory and each of them read once.

An external merge sort: rows are gathered, sorted and set aside as runs; a part of the order is then a piece of every
run. Which order the rows come in therefore costs nothing, however many chunks and points there are.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

#: Column with a row's place in the order.
PLACE = "place"
#: Column that says how many rows before this one that row stands which has what both share.
BACK = "rows back"


def with_back(table: pa.Table, shared: str) -> pa.Table:
    """A table with the column ``BACK``; where ``shared`` is null, it is that of the row before."""
    rows = np.arange(len(table))
    has = table[shared].is_valid().to_numpy()
    return table.append_column(BACK, pa.array(rows - np.maximum.accumulate(np.where(has, rows, 0))))


def rearranged(
    table: pa.Table, shared: str, order: NDArray[np.int64], parts: NDArray[np.int64] | int = 0
) -> pa.Table:
    """Some rows in some order; those that share something have it once, in the first of them.

    Parameters
    ----------
    table : Table. With the column ``BACK``.
    shared : str. The column that several rows may share.
    order : [num_rows], int. Rows of the table.
    parts : [num_rows], int, or one for all
        Which part each row is of; rows of different parts share nothing.
    """
    rows = np.arange(len(order))
    source = order - table[BACK].to_numpy()[order]
    _, first, which = np.unique(parts * len(table) + source, return_index=True, return_inverse=True)
    others = np.ones(len(order), bool)
    others[first] = False
    columns = {name: table[name] for name in table.column_names if name not in (shared, BACK)}
    taken = pa.table(columns).take(order)
    return taken.append_column(
        table.schema.field(shared), table[shared].take(pa.array(source, mask=others))
    ).append_column(BACK, pa.array(rows - first[which]))


def parts_in_order(
    tables: Iterable[pa.Table], shared: str, part_size: int, rows_in_memory: int, folder: Path
) -> Iterator[pa.Table]:
    """All rows in the order of their places, each place once.

    Parameters
    ----------
    tables : iterable of Table
        Rows in any order, of one schema, with the column ``BACK`` and an integer column ``PLACE``, from 0.
    shared : str. The column that several rows may share.
    part_size : int. Places of a part.
    rows_in_memory : int. Rows that are gathered before they are set aside.
    folder : Path
        Where runs are set aside, in files without a name: they end with the process, whatever ended that.

    Yields
    ------
    Table
        The rows with the places of one part, parts ascending; a part without rows is left out.
    """
    with ExitStack() as opened:
        runs = []
        gathered: list[pa.Table] = []
        num_rows = 0
        for table in filter(len, tables):
            gathered.append(table)
            num_rows += len(table)
            if num_rows >= rows_in_memory:
                aside = opened.enter_context(tempfile.TemporaryFile(dir=folder))
                runs.append(_Run(gathered, shared, part_size, aside))
                gathered, num_rows = [], 0
        if gathered:
            runs.append(_Run(gathered, shared, part_size, io.BytesIO()))
        for part in sorted(set().union(*(run.parts for run in runs))):
            rows = pa.concat_tables([run.part(part) for run in runs if part in run.parts])
            yield rearranged(rows, shared, np.unique(rows[PLACE].to_numpy(), return_index=True)[1])


class _Run:
    """Rows in order, each part to be had by itself.

    Attributes
    ----------
    parts : dict of the number of a part to that of its batch in the file.
    """

    def __init__(self, tables: list[pa.Table], shared: str, part_size: int, file: BinaryIO) -> None:
        rows = pa.concat_tables(tables)
        places = rows[PLACE].to_numpy()
        order = np.argsort(places, kind="stable")
        of_part = places[order] // part_size
        rows = rearranged(rows, shared, order, of_part).combine_chunks()
        numbers, first = np.unique(of_part, return_index=True)
        with pa.ipc.new_file(file, rows.schema) as writer:
            for begin, end in zip(first, [*first[1:], len(rows)], strict=True):
                writer.write_table(rows.slice(begin, end - begin))
        self.parts = {number: batch for batch, number in enumerate(numbers.tolist())}
        self._reader = pa.ipc.open_file(file)

    def part(self, number: int) -> pa.Table:
        return pa.Table.from_batches([self._reader.get_batch(self.parts[number])])


def distinct(column: pa.ChunkedArray) -> tuple[list[object], NDArray[np.int64]]:
    """The different values of a column, and which of them each row has: [num_rows], int."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
