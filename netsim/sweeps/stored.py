"""Rows as a chunk stores them: column by column, put together from Arrow's buffers.

Arrow's own ways from Python's values import pandas, half a second in each process that computes, and nothing there needs it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from netsim.results.columns import Value
from netsim.results.rows import RowBlock
from netsim.sweeps.chunk_files import PROMPTS, SCHEMA, SUM_FIELDS

FloatArray = NDArray[np.float64]
#: What each type of number is to ``array``, which refuses what is none of it.
_CODES = {pa.int64(): "q", pa.float64(): "d"}


def stored(digests: Sequence[str], block: RowBlock) -> pa.Table:
    """A table of the columns ``netsim.sweeps.chunk_files.SCHEMA``.

    Parameters
    ----------
    digests : sequence of str. Of each point of which the block may have rows.
    block : RowBlock. The rows.
    """
    shared = block.shared

    def column(field: pa.Field) -> pa.Array:
        if field.name == PROMPTS:
            return _by_prompt(block)
        if field.name == "point":
            return _texts([digests[number] for number in block.points])
        if field.name == "seed":
            return _numbers(np.array(block.seeds, np.int64), field.type)
        if field.name in block.own:
            return _numbers(block.own[field.name], field.type)
        return _alike(shared[field.name], len(block.seeds), field.type)

    return pa.Table.from_arrays([column(field) for field in SCHEMA], schema=SCHEMA)


def _numbers(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    # Arrow takes the bytes as they are, so that they have to be of the right type; no number is cut to fit.
    own = values.astype(kind.to_pandas_dtype(), order="C", casting="safe", copy=False)
    return pa.Array.from_buffers(kind, own.size, [None, pa.py_buffer(own)])


def _alike(value: Value, count: int, kind: pa.DataType) -> pa.Array:
    """One value, so many times; None is null."""
    if value is None:
        return pa.nulls(count, kind)
    if isinstance(value, str):
        return _texts([value] * count)
    return _numbers(np.repeat(np.array(array(_CODES[kind], [value])), count), kind)


def _texts(values: Sequence[str]) -> pa.Array:
    """Texts, all of one length."""
    content = "".join(values).encode()
    offsets = _offsets(len(values), len(content) // len(values))
    return pa.Array.from_buffers(pa.string(), len(values), [None, offsets, pa.py_buffer(content)])


def _by_prompt(block: RowBlock) -> pa.StructArray:
    """The sums of the prompts: a list a sum and row."""
    num_rows, num_prompts = block.sums[SUM_FIELDS[0][0]].shape
    offsets = [None, _offsets(num_rows, num_prompts)]
    lists = [
        pa.Array.from_buffers(pa.list_(of), num_rows, offsets, children=[_numbers(block.sums[name], of)])
        for name, of in SUM_FIELDS
    ]
    return pa.StructArray.from_arrays(lists, fields=list(SCHEMA.field(PROMPTS).type))


def _offsets(count: int, length: int) -> pa.Buffer:
    """Where each of several contents of one length begins, and the end."""
    return pa.py_buffer(np.arange(count + 1, dtype=np.int32) * np.int32(length))
