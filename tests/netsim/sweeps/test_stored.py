"""Stored rows are those of the block, as Arrow would store them, and take no pandas."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from netsim.results.columns import COLUMNS, Value
from netsim.results.prompt_sums import SUMS
from netsim.results.rows import RowBlock
from netsim.sweeps.chunk_files import PROMPTS, SCHEMA
from netsim.sweeps.stored import stored

NUMBERS = [column.name for column in COLUMNS if column.type is float]


def some_block(num_rows: int, num_prompts: int) -> RowBlock:
    """Rows with every second number their own, of the others every second undefined."""
    rng = np.random.default_rng(num_rows)
    shared: dict[str, Value] = {
        column.name: "événements" if column.type is str else int(rng.integers(2**60)) for column in COLUMNS
    }
    shared |= {name: None if number % 4 == 1 else -0.0 for number, name in enumerate(NUMBERS)}
    own = {name: rng.choice([rng.normal(), math.nan, math.inf], num_rows) for name in NUMBERS[::2]}
    sums = {name: rng.normal(size=(num_rows, num_prompts)) for name in SUMS}
    seeds = [int(seed) for seed in rng.integers(2**60, size=num_rows)]
    return RowBlock([number % 2 for number in range(num_rows)], seeds, shared, own, sums)


def in_parquet(table: pa.Table) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


@pytest.mark.parametrize(("num_rows", "num_prompts"), [(1, 3), (9, 1), (17, 4), (2, 0)])
def test_rows_are_stored_as_arrow_does_it(num_rows: int, num_prompts: int) -> None:
    block = some_block(num_rows, num_prompts)
    rows = [
        {"point": "fe"[point] * 64, **row, PROMPTS: {name: total.tolist() for name, total in sums.items()}}
        for point, (row, sums) in zip(block.points, block.rows(), strict=True)
    ]
    table = stored(["f" * 64, "e" * 64], block)
    table.validate(full=True)
    assert in_parquet(table) == in_parquet(pa.Table.from_pylist(rows, SCHEMA))


def test_a_fraction_is_no_whole_number() -> None:
    block = some_block(1, 1)
    with pytest.raises(TypeError):
        stored([""], replace(block, shared={**block.shared, "tokens": 1.5}))


def test_a_columns_own_numbers_are_of_its_type() -> None:
    """Whole numbers of a column of floats are floats, and a fraction in one of whole numbers is refused."""
    block = some_block(3, 1)
    whole = {**block.own, NUMBERS[0]: np.array([1, 2, 3])}
    table = stored(["", ""], replace(block, own=whole))
    assert table[NUMBERS[0]].to_pylist() == [1.0, 2.0, 3.0]
    with pytest.raises(TypeError):
        stored(["", ""], replace(block, own={"tokens": np.array([1.5, 2.5, 3.5])}))


def test_no_pandas_is_imported() -> None:
    code = (
        "import sys\n"
        "from tests.netsim.sweeps.test_stored import some_block\n"
        "from netsim.sweeps.stored import stored\n"
        "assert 'pandas' not in sys.modules\n"
        "stored(['', ''], some_block(2, 3))\n"
        "assert 'pandas' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
