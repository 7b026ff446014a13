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


def parts_in_order(
    tables: Iterable[pa.Table], part_size: int, rows_in_memory: int, folder: Path
) -> Iterator[pa.Table]:
    """All rows in the order of their places, each place once.

    Parameters
    ----------
    tables : iterable of Table. Rows in any order, of one schema, with an integer column ``PLACE``, from 0.
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
                runs.append(_Run(gathered, part_size, aside))
                gathered, num_rows = [], 0
        if gathered:
            runs.append(_Run(gathered, part_size, io.BytesIO()))
        for part in sorted(set().union(*(run.parts for run in runs))):
            rows = pa.concat_tables([run.part(part) for run in runs if part in run.parts])
            yield rows.take(np.unique(rows[PLACE].to_numpy(), return_index=True)[1])


class _Run:
    """Rows in order, each part to be had by itself.

    Attributes
    ----------
    parts : dict of the number of a part to that of its batch in the file.
    """

    def __init__(self, tables: list[pa.Table], part_size: int, file: BinaryIO) -> None:
        rows = pa.concat_tables(tables)
        rows = rows.take(np.argsort(rows[PLACE].to_numpy(), kind="stable")).combine_chunks()
        numbers, first = np.unique(rows[PLACE].to_numpy() // part_size, return_index=True)
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
