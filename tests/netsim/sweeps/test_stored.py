"""Stored rows are those of the block, as Arrow would store them, and take no pandas."""

from __future__ import annotations

import io
import math
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from netsim.results.columns import COLUMNS, Value
from netsim.results.prompt_sums import DECIDED_SUMS, SUMS
from netsim.results.rows import RowBlock
from netsim.sweeps.chunk_files import DECIDED, OWN, OWN_SUMS, SCHEMA
from netsim.sweeps.stored import stored

#: Of the points of a block.
DIGESTS = ["f" * 64, "e" * 64]
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


def of_prompts(sums: dict[str, np.ndarray], names: Sequence[str]) -> list[float]:
    return [value for name in names for value in sums[name].tolist()]


@pytest.mark.parametrize(("num_rows", "num_prompts"), [(1, 3), (9, 1), (17, 4), (2, 0)])
def test_rows_are_stored_as_arrow_does_it(num_rows: int, num_prompts: int) -> None:
    block = some_block(num_rows, num_prompts)
    rows = [
        {
            "point": DIGESTS[block.points[number]],
            **row,
            OWN: of_prompts(sums, OWN_SUMS),
            # Without prompts, nothing differs.
            DECIDED: of_prompts(sums, DECIDED_SUMS) if num_prompts or not number else None,
        }
        for number, (row, sums) in enumerate(block.rows())
    ]
    table = stored(DIGESTS, block)
    table.validate(full=True)
    assert in_parquet(table) == in_parquet(pa.Table.from_pylist(rows, SCHEMA))


def test_what_is_decided_is_stored_where_it_changes() -> None:
    block = some_block(5, 3)
    for name in DECIDED_SUMS:
        block.sums[name][1:4] = block.sums[name][1]
    block.sums["nll"][1:3, 2] = math.nan
    decided = stored(DIGESTS, block)[DECIDED].to_pylist()
    assert [row is not None for row in decided] == [True, True, False, True, True]
    for number in (0, 1, 3, 4):
        wanted = of_prompts({name: block.sums[name][number] for name in DECIDED_SUMS}, DECIDED_SUMS)
        np.testing.assert_array_equal(decided[number], wanted)


def test_rows_that_are_one_and_the_same_are_stored_once() -> None:
    """A view of one row that stands for several, as numpy has it."""
    block = some_block(4, 3)
    sums = {
        name: np.broadcast_to(of[0], of.shape) if name in DECIDED_SUMS else of
        for name, of in block.sums.items()
    }
    decided = stored(DIGESTS, replace(block, sums=sums))[DECIDED]
    assert decided.null_count == 3


@pytest.mark.parametrize("num_rows", [1, 50])
def test_a_table_that_is_sent_on_is_not_larger_than_its_rows(num_rows: int) -> None:
    """Columns share buffers: each is to take its own part of them along."""
    table = stored(DIGESTS, some_block(num_rows, 4))
    assert len(pickle.dumps(table)) < table.nbytes + 20_000


def test_a_fraction_is_no_whole_number() -> None:
    block = some_block(1, 1)
    with pytest.raises(TypeError):
        stored(DIGESTS, replace(block, shared={**block.shared, "tokens": 1.5}))


def test_a_columns_own_numbers_are_of_its_type() -> None:
    """Whole numbers of a column of floats are floats, and a fraction in one of whole numbers is refused."""
    block = some_block(3, 1)
    whole = {**block.own, NUMBERS[0]: np.array([1, 2, 3])}
    table = stored(DIGESTS, replace(block, own=whole))
    assert table[NUMBERS[0]].to_pylist() == [1.0, 2.0, 3.0]
    with pytest.raises(TypeError):
        stored(DIGESTS, replace(block, own={"tokens": np.array([1.5, 2.5, 3.5])}))


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
