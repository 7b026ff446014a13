"""Rows as a chunk stores them: column by column, put together from Arrow's buffers.

Arrow's own ways from Python's values import pandas, half a second in each process that computes, and nothing there needs it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from netsim.results.columns import Value
from netsim.results.prompt_sums import DECIDED_SUMS
from netsim.results.rows import RowBlock
from netsim.sweeps.chunk_files import DECIDED, OWN, OWN_SUMS, ROW, SCHEMA

FloatArray = NDArray[np.float64]
#: What each type of number is to ``array``, which refuses what is none of it.
_CODES = {pa.int64(): "q", pa.float64(): "d"}
_COLUMNS = list(zip(SCHEMA.names, SCHEMA.types, strict=True))
_FLOATS = [name for name, of in ROW if of == pa.float64()]


def stored(digests: Sequence[str], block: RowBlock) -> pa.Table:
    """A table of the columns ``netsim.sweeps.chunk_files.SCHEMA``.

    Parameters
    ----------
    digests : sequence of str. Of each point of which the block may have rows.
    block : RowBlock. The rows.
    """
    count = len(block.seeds)
    ready = {
        **_floats(block, count),
        "point": _texts([digests[number] for number in block.points]),
        "seed": _numbers(np.array(block.seeds, np.int64), pa.int64()),
        OWN: _lists([block.sums[name] for name in OWN_SUMS], np.ones(count, bool)),
        DECIDED: _decided([block.sums[name] for name in DECIDED_SUMS]),
    }
    columns = [
        ready[name]
        if name in ready
        else _numbers(block.own[name], of)
        if name in block.own
        else _alike(block.shared[name], count, of)
        for name, of in _COLUMNS
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _floats(block: RowBlock, count: int) -> dict[str, pa.Array]:
    """Columns of numbers that are not whole, but for those without any: all of them are pieces of one buffer."""
    own = [name for name in _FLOATS if name in block.own]
    alike = [name for name in _FLOATS if name not in block.own and block.shared[name] is not None]
    numbers = np.empty((len(own) + len(alike), count))
    for values, name in zip(numbers, own, strict=False):
        np.copyto(values, block.own[name], casting="safe")
    # Not every value that numpy makes a number of is one.
    of_all: list[Any] = [block.shared[name] for name in alike]
    numbers[len(own) :] = np.array(array("d", of_all))[:, None]
    content, size = pa.py_buffer(numbers), numbers.itemsize * count
    return {
        name: pa.Array.from_buffers(pa.float64(), count, [None, content.slice(number * size, size)], 0)
        for number, name in enumerate([*own, *alike])
    }


def _numbers(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    # Arrow takes the bytes as they are, so that they have to be of the right type; no number is cut to fit.
    own = values.astype(kind.to_pandas_dtype(), order="C", casting="safe", copy=False)
    return pa.Array.from_buffers(kind, own.size, [None, pa.py_buffer(own)], 0)


# The blocks of a point have few sizes, and little that is neither a number nor a seed.
@lru_cache(maxsize=256)
def _alike(value: Value, count: int, kind: pa.DataType) -> pa.Array:
    """One value, so many times; None is null."""
    if value is None:
        return pa.nulls(count, kind)
    if isinstance(value, str):
        return _texts([value] * count)
    return _numbers(np.repeat(np.array(array(_CODES[kind], [value])), count), kind)


def _texts(values: Sequence[str]) -> pa.Array:
    texts = [value.encode() for value in values]
    offsets = _offsets(np.array([len(text) for text in texts]))
    return pa.Array.from_buffers(pa.string(), len(texts), [None, offsets, pa.py_buffer(b"".join(texts))])


def _decided(sums: Sequence[FloatArray]) -> pa.ListArray:
    """What is decided, in rows where it differs from the row before; null in the others."""
    differs = np.zeros((len(sums[0]) - 1, sums[0].shape[1]), bool)
    for of in sums:
        # As bytes, since what is not known is equal to itself.
        bits = of.view(np.int64)
        differs |= bits[1:] != bits[:-1]
    return _lists(sums, np.concatenate([[True], differs.any(axis=1)]))


def _lists(sums: Sequence[FloatArray], told: NDArray[np.bool_]) -> pa.ListArray:
    """The sums of a row in a list, all prompts of one after those of the other; null in rows that are not told."""
    lists = np.stack([of if told.all() else of[told] for of in sums], axis=1)
    given = None if told.all() else pa.py_buffer(np.packbits(told, bitorder="little"))
    offsets = _offsets(told * (lists.shape[1] * lists.shape[2]))
    numbers = _numbers(lists.reshape(-1), pa.float64())
    return pa.Array.from_buffers(pa.list_(pa.float64()), len(told), [given, offsets], children=[numbers])


def _offsets(lengths: NDArray[np.int64]) -> pa.Buffer:
    """Where each of several contents begins, and the end."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.py_buffer(offsets)
