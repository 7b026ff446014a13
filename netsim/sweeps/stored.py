"""Rows as a chunk stores them: column by column, without an object a number."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from netsim.results.rows import RowBlock
from netsim.sweeps.chunk_files import PROMPTS, SCHEMA, SUM_FIELDS


def stored(digest: str, block: RowBlock) -> pa.Table:
    """A table of the columns ``netsim.sweeps.chunk_files.SCHEMA``.

    Parameters
    ----------
    digest : str. Of the rows' point.
    block : RowBlock. The rows.
    """
    shared = {**block.shared, "point": digest}
    num_rows = len(block.seeds)

    def column(field: pa.Field) -> pa.Array:
        if field.name == "seed":
            return pa.array(block.seeds, field.type)
        if field.name == PROMPTS:
            return _by_prompt(block)
        if field.name in block.own:
            return pa.array(block.own[field.name], field.type)
        return pa.repeat(pa.scalar(shared[field.name], field.type), num_rows)

    return pa.Table.from_arrays([column(field) for field in SCHEMA], schema=SCHEMA)


def _by_prompt(block: RowBlock) -> pa.StructArray:
    """The sums of the prompts: a list a sum and row."""
    num_rows, num_prompts = next(iter(block.sums.values())).shape
    starts = pa.array(np.arange(num_rows + 1, dtype=np.int32) * num_prompts, pa.int32())
    lists = [
        pa.ListArray.from_arrays(starts, pa.array(np.ascontiguousarray(block.sums[name]).ravel(), of))
        for name, of in SUM_FIELDS
    ]
    return pa.StructArray.from_arrays(lists, [name for name, _ in SUM_FIELDS])
