"""Tables of rows are those that Arrow makes, to the byte, and take no pandas."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from netsim.results.columns import COLUMNS
from netsim.results.prompt_sums import SUMS
from netsim.sweeps.chunk_files import PROMPTS, SCHEMA
from netsim.sweeps.row_tables import table_of

Rows = list[dict[str, Any]]


def some_rows(count: int, share_of_nulls: float, prompts: int = 3) -> Rows:
    rng = np.random.default_rng(count)
    makes: dict[type, Callable[[], object]] = {
        str: lambda: str(rng.choice(["arrays", "", "événements"])),
        int: lambda: int(rng.integers(-(2**60), 2**60)),
        float: lambda: float(rng.choice([rng.normal(), math.nan, math.inf, -0.0])),
    }
    return [
        {
            "point": f"{number:064x}",
            **{
                column.name: None if rng.random() < share_of_nulls else makes[column.type]()
                for column in COLUMNS
            },
            PROMPTS: {name: rng.normal(size=prompts).tolist() for name in SUMS},
        }
        for number in range(count)
    ]


def in_parquet(table: pa.Table) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


@pytest.mark.parametrize(
    "rows", [[], some_rows(1, 0.0), some_rows(9, 0.3), some_rows(17, 1.0), some_rows(2, 0.0, prompts=0)]
)
def test_a_table_of_rows_is_arrows_own_to_the_byte(rows: Rows) -> None:
    table = table_of(rows, SCHEMA)
    table.validate(full=True)
    assert in_parquet(table) == in_parquet(pa.Table.from_pylist(rows, SCHEMA))


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(TypeError):
        table_of([{"seed": 1.5}], pa.schema([("seed", pa.int64())]))


def test_no_pandas_is_imported() -> None:
    code = (
        "import sys, pyarrow as pa\n"
        "from netsim.sweeps.row_tables import table_of\n"
        "schema = pa.schema([('a', pa.string()), ('b', pa.struct([('c', pa.list_(pa.float64()))]))])\n"
        "table_of([{'a': 'x', 'b': {'c': [1.0]}}, {'a': None, 'b': {'c': []}}], schema)\n"
        "assert 'pandas' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
