"""Folders that another program wrote, or changed: what can't be read as a sweep is refused, what is beside it is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.figures.results import read_results
from analysis.report.points import read_summary
from netsim.errors import InputError

ROWS = {"channel.snr_db": [0.0, 10.0], "seed": [0, 0], "throughput_tok_s": [1.0, 2.0]}


def write(folder: Path, **changes: object) -> Path:
    pd.DataFrame(ROWS | changes).to_parquet(folder / "results.parquet")
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"throughput_tok_s": ["fast", "slow"]}, "the column throughput_tok_s has values that are no numbers"),
        ({"throughput_tok_s": [True, False]}, "the column throughput_tok_s has values that are no numbers"),
        ({"channel.snr_db": [[0.0], [1.0]]}, "the swept key channel.snr_db has values that are neither numbers nor text"),
    ],
)  # fmt: skip
def test_rows_that_no_sweep_writes_are_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=rf"results\.parquet: {message}$"):
        read_results(write(tmp_path, **changes))


def test_columns_that_nobody_asks_for_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, token_seed=[0, 0], uplink_s=[1.0, 2.0], latency_mean_s=[3.0, 4.0])
    whole, table = read_results(tmp_path), read_results(tmp_path, ["uplink_s", "on_trace"]).table
    assert table.columns.tolist() == ["channel.snr_db", "seed", "token_seed", "uplink_s"]
    pd.testing.assert_frame_equal(table, whole.table[table.columns])


def test_a_table_without_seeds_is_no_sweep(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "results.parquet")
    with pytest.raises(ValueError, match=r"not the rows of a sweep: there is no column seed$"):
        read_results(tmp_path)
    with pytest.raises(ValueError, match=r"not the rows of a sweep: there is no column seed$"):
        read_results(tmp_path, ["a"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("channel.snr_db,throughput_tok_s_mean\n0,1\n10,2\n", "it does not say of how many seeds"),
        ("channel.snr_db,seeds\n0,1\n10,one\n", "a number of seeds is none"),
        ("channel.snr_db,seeds\n0,1\n", "it has fewer points"),
    ],
)
def test_a_summary_that_is_not_of_the_rows_is_left_out(tmp_path: Path, text: str, why: str) -> None:
    (write(tmp_path) / "summary.csv").write_text(text)
    assert read_results(tmp_path).summary is None, why
    (tmp_path / "summary.csv").write_text("channel.snr_db,seeds,throughput_tok_s_mean\n0,1,1.0\n10,1,2.0\n")
    summary = read_results(tmp_path).summary
    assert summary is not None
    assert summary["throughput_tok_s_mean"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        ({"channel.snr_db": [0.0, 10.0], "seed": [0, 0], "prompt": [0, 0]}, True),
        ({"channel.snr_db": [0.0, 10.0], "seed": [0, 0]}, False),
        ({"channel.snr_db": [0.0, 20.0], "seed": [0, 0], "prompt": [0, 0]}, False),
    ],
)
def test_sums_of_prompts_are_only_those_of_the_rows(
    tmp_path: Path, columns: dict[str, list[float]], kept: bool
) -> None:
    pd.DataFrame(columns).to_parquet(write(tmp_path) / "prompts.parquet")
    assert (read_results(tmp_path).prompts() is not None) == kept


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"risk-prone": [0.5, "none"], "risk-averse": 0.1}, {"risk-prone": [0.5]}),
        ([0.5], {}),
    ],
)
def test_of_thresholds_by_name_only_numbers_are_taken(
    tmp_path: Path, named: object, expected: object
) -> None:
    (write(tmp_path) / "manifest.json").write_text(json.dumps({"named_thresholds": named}))
    assert read_results(tmp_path).named == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no point, or no column seeds"),
        ("channel.snr_db,seeds\n", "no point, or no column seeds"),
        ("channel.snr_db,seeds,llm_nll_mean\n0,1,low\n", "the column llm_nll_mean has values that are no numbers"),
        ("", "not the summary of a sweep: No columns"),
    ],
)  # fmt: skip
def test_a_report_refuses_a_summary_that_no_sweep_writes(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "summary.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_summary(tmp_path)
