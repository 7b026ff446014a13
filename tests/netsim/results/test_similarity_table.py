"""The table of similarities as a file beside a trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netsim.results.similarity import (
    FILE,
    Counterparts,
    SimilarityTable,
    read_similarities,
    similarity_columns,
    write_similarities,
)
from tests.trace_factory import NO_DIGEST, make_trace
from traces.format.manifest import TraceError

TABLE = SimilarityTable(
    NO_DIGEST,
    "words@0",
    pd.DataFrame(
        {
            "output": ["b", "a", "a", "a"],
            "against": ["ref", "ref", "x", "y"],
            "rouge_l": [0.5, 0.25, 1.0, 0.0],
            "cosine": [0.5, np.nan, 0.125, 0.375],
        }
    ),
)


def test_a_table_reads_back(tmp_path: Path) -> None:
    trace = make_trace(tmp_path, prompts=1)
    assert read_similarities(trace) is None
    write_similarities(TABLE, tmp_path)
    first = (tmp_path / FILE).read_bytes()
    read = read_similarities(trace)
    assert read is not None
    assert (read.tokenizer, read.encoder) == (NO_DIGEST, "words@0")
    expected = TABLE.table.sort_values(["output", "against"], ignore_index=True)
    pd.testing.assert_frame_equal(read.table, expected, check_dtype=False)
    write_similarities(SimilarityTable(read.tokenizer, read.encoder, read.table[::-1]), tmp_path)
    assert (tmp_path / FILE).read_bytes() == first
    assert [path.name for path in tmp_path.glob("*.partial")] == []


def test_columns_are_means_over_the_other_seeds_and_empty_where_a_pair_is_missing() -> None:
    counterparts = Counterparts(["ref", ""], {0: ["z", "z"], 1: ["x", "x"], 2: ["y", "w"]})
    columns = similarity_columns(TABLE, counterparts, ["a", "b"], token_seed=0)
    assert columns["rouge_l"].tolist()[0] == 0.25
    assert columns["rouge_l_llm"].tolist()[0] == 0.5
    assert columns["cosine_llm"].tolist()[0] == 0.25
    assert np.isnan([columns["rouge_l"][1], columns["cosine"][0], columns["rouge_l_llm"][1]]).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (SimilarityTable("1" * 64, "", TABLE.table), "made with another tokenizer"),
        (SimilarityTable(NO_DIGEST, "", TABLE.table.assign(bleu=1.0)), "not a table of scores: its columns"),
    ],
)
def test_a_table_of_something_else_is_refused(tmp_path: Path, table: SimilarityTable, message: str) -> None:
    trace = make_trace(tmp_path, prompts=1)
    write_similarities(table, tmp_path)
    with pytest.raises(TraceError, match=message):
        read_similarities(trace)


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    trace = make_trace(tmp_path, prompts=1)
    (tmp_path / FILE).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(TraceError, match=r"scores\.parquet: damaged"):
        read_similarities(trace)
    TABLE.table.to_parquet(tmp_path / FILE)
    with pytest.raises(TraceError, match=r"scores\.parquet: damaged, or not a table of scores"):
        read_similarities(trace)
