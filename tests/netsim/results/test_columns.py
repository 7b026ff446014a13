"""A column is declared once, and everything that names columns follows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netsim.results import facts
from netsim.results.column import Column
from netsim.results.columns import BY_NAME, COLUMNS, NAMES, STAGES, columns_digest
from netsim.results.reference import columns_page
from netsim.sweeps.chunk_files import DECIDED, OWN, SCHEMA
from tests.trace_factory import make_trace

ROOT = Path(__file__).resolve().parents[3]
#: What a person writes who adds a column, and nothing else.
ADDED = """
    Column(
        Decided, "skipped_tokens", "", "skipped tokens", "Tokens that the device kept without asking.",
        lambda of: int(of.skipped.sum()), type=int,
    ),
"""
#: The command line with an entry added to the list of columns, as if the file had it.
WITH_A_COLUMN = """
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
added, end = sys.argv.pop(1), "\\n)  # fmt: skip"
plain = SourceFileLoader.get_code
def get_code(loader, name):
    if name != "netsim.results.columns":
        return plain(loader, name)
    source = Path(loader.path).read_text("utf-8")
    assert source.count(end) == 1
    return compile(source.replace(end, added + end), loader.path, "exec")
SourceFileLoader.get_code = get_code
from netsim.cli import main
main()
"""
SCENARIO = """
name: columns
trace: {folder}
policy: {{name: u-hlm, threshold: 0.3}}
payload: {{vocabulary_size: 32000}}
tokens: 6
seeds: 3
sweep: {{channel.snr_db: [0, 10]}}
"""


def test_names_are_different_and_stages_add_up_to_the_latency() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(BY_NAME[name].unit == BY_NAME["latency_mean_s"].unit for name in STAGES)


def test_every_column_is_computed_from_a_class_of_facts() -> None:
    classes = {own for own in vars(facts).values() if isinstance(own, type)}
    assert {column.facts for column in COLUMNS} <= classes


@pytest.mark.parametrize("column", COLUMNS, ids=NAMES)
def test_a_column_says_what_it_is(column: Column[Any]) -> None:
    assert column.sentence.endswith(".")
    assert column.sentence[0].isupper() or column.sentence[0] == "`"
    assert column.title
    assert column.averaged <= (column.type is not str)
    # A name that ends in a unit is in that unit.
    for suffix, unit in {"_s": "s", "_j": "J", "_bits": "bit", "_tok_s": "tokens/s"}.items():
        if column.name.endswith(suffix) and not (suffix == "_s" and column.name.endswith("_tok_s")):
            assert column.unit.startswith(unit)


def test_the_schema_of_a_chunk_has_every_column_with_its_type() -> None:
    assert SCHEMA.names == ["point", *NAMES, OWN, DECIDED]
    numpy_kinds = {int: "i", float: "f", str: "O"}
    types = [np.dtype(field.type.to_pandas_dtype()).kind for field in list(SCHEMA)[1:-2]]
    assert types == [numpy_kinds[column.type] for column in COLUMNS]


def test_the_page_of_columns_is_current() -> None:
    assert (ROOT / "docs" / "columns.md").read_text("utf-8") == columns_page(), (
        "run python -m netsim.results.reference > docs/columns.md"
    )


def test_the_digest_is_that_of_names_and_types() -> None:
    assert columns_digest() == columns_digest()
    assert len(columns_digest()) == 16


def test_a_folder_of_before_a_column_was_added_has_it_everywhere_afterwards(tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "trace", prompts=2, num_tokens=6)
    scenario, out = tmp_path / "scenario.yaml", tmp_path / "out"
    scenario.write_text(SCENARIO.format(folder=trace.folder))
    for added in ("", ADDED):
        command = [
            sys.executable,
            "-c",
            WITH_A_COLUMN,
            added,
            "sweep",
            str(scenario),
            "--out",
            str(out),
            "-q",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0
        # Rows that lack a column stay where they are, and are said not to be used.
        said = done.stderr.splitlines()
        assert all(line.endswith("has the columns of another version of netsim, left alone") for line in said)
        assert bool(said) == bool(added)
        table = pd.read_parquet(out / "results.parquet")
        assert ("skipped_tokens" in table) == bool(added)
    assert len(table) == 6
    assert table["skipped_tokens"].notna().all()
    np.testing.assert_array_equal(
        table["skipped_tokens"], (table["tokens"] * (1 - table["transmission_rate"])).round()
    )
    assert "skipped_tokens_mean" in pd.read_csv(out / "summary.csv")
