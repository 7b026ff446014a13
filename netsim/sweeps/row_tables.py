"""Rows as an Arrow table, put together from its buffers.

Arrow's own way from a list imports pandas, half a second in each process that computes, and nothing there needs it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

#: What each type of number is to ``array``, which refuses what is none of it.
_CODES = {pa.int64(): "q", pa.float64(): "d"}


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """A table of rows.

    Parameters
    ----------
    rows : sequence of mapping of column to value
        None is null; in structures and lists there is none. What stands for a list may be an array.
    schema : Schema. Of text, int64, float64, lists of float64, and structures of these.

    Returns
    -------
    Table
        As ``pyarrow.Table.from_pylist`` gives it.
    """
    return pa.Table.from_arrays(
        [_column([row[field.name] for row in rows], field.type) for field in schema], schema=schema
    )


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_struct(kind):
        fields = list(kind)
        return pa.StructArray.from_arrays(
            [_column([value[field.name] for value in values], field.type) for field in fields], fields=fields
        )
    if pa.types.is_list(kind):
        numbers = np.concatenate([np.empty(0), *values])
        content = pa.Array.from_buffers(kind.value_type, len(numbers), [None, pa.py_buffer(numbers)])
        return pa.Array.from_buffers(
            kind, len(values), [None, _offsets(map(len, values))], children=[content]
        )
    mask = None
    if None in values:
        mask = pa.py_buffer(np.packbits([value is not None for value in values], bitorder="little"))
        nothing = "" if pa.types.is_string(kind) else 0
        values = [nothing if value is None else value for value in values]
    if pa.types.is_string(kind):
        texts = [value.encode() for value in values]
        return pa.Array.from_buffers(
            kind, len(values), [mask, _offsets(map(len, texts)), pa.py_buffer(b"".join(texts))]
        )
    return pa.Array.from_buffers(kind, len(values), [mask, pa.py_buffer(array(_CODES[kind], values))])


def _offsets(lengths: Iterable[int]) -> pa.Buffer:
    """Where each of several contents that follow one another begins, and the end."""
    return pa.py_buffer(np.fromiter(accumulate(lengths, initial=0), np.int32))
