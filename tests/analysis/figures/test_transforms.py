from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures.results import SNR, Results, read_results
from analysis.figures.transforms import curves, families, panels, points
from netsim.results.statistics import token_seed_interval
from tests.sweep_factory import made_up_sweep

THROUGHPUT = "throughput_tok_s"
LABELS = [
    "slm",
    "llm",
    "hlm",
    "rand-hlm, skip probability 0.45",
    "u-hlm, threshold 0.1",
    "u-hlm, threshold 0.5",
    "oracle",
]


@pytest.fixture
def sweep() -> Results:
    return made_up_sweep()


@pytest.fixture
def results_folder(tmp_path: Path) -> Path:
    made_up_sweep().table.to_parquet(tmp_path / "results.parquet")
    return tmp_path


def test_a_results_folder_is_read_with_its_axes(results_folder: Path, sweep: Results) -> None:
    read = read_results(results_folder)
    assert read.axes == sweep.axes
    pd.testing.assert_frame_equal(read.table, sweep.table, check_dtype=False)


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{tmp_path}: not a results folder: there is no results.parquet$"):
        read_results(tmp_path)


def test_an_empty_results_file_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"channel.snr_db": [], "seed": []}).to_parquet(tmp_path / "results.parquet")
    with pytest.raises(ValueError, match=r"results\.parquet: no rows$"):
        read_results(tmp_path)


def test_curves_keep_the_sweeps_order_and_ascend_in_x(sweep: Results) -> None:
    shuffled = replace(sweep, table=sweep.table.iloc[::-1])
    drawn = curves(sweep, SNR, THROUGHPUT)
    assert drawn["label"].unique().tolist() == LABELS
    assert curves(shuffled, SNR, THROUGHPUT)["label"].unique().tolist() == LABELS[::-1]
    for _, curve in drawn.groupby("label", observed=True):
        assert curve["x"].tolist() == list(range(-10, 31, 5))


def test_a_curves_band_is_the_interval_over_token_seeds(sweep: Results) -> None:
    table = sweep.table
    rows = table[(table["policy.threshold"] == 0.5) & (table[SNR] == 20)]
    expected = token_seed_interval(rows[THROUGHPUT], rows["token_seed"])
    drawn = curves(sweep, SNR, THROUGHPUT)
    point = drawn[(drawn["label"] == "u-hlm, threshold 0.5") & (drawn["x"] == 20)]
    assert point[["mean", "low", "high"]].to_numpy()[0].tolist() == list(expected)


def test_a_policy_without_the_key_has_no_x(sweep: Results) -> None:
    drawn = curves(sweep.at(SNR, 10), "policy.threshold", THROUGHPUT)
    with_threshold = drawn[drawn["label"] == "u-hlm"]
    assert with_threshold["x"].tolist() == [0.1, 0.5]
    assert drawn.drop(with_threshold.index)["x"].isna().all()


def test_one_row_off_the_trace_marks_its_point_alone(sweep: Results) -> None:
    table = sweep.table.copy()
    row = table.index[(table["policy.threshold"] == 0.5) & (table[SNR] == 20)][3]
    table.loc[row, "on_trace"] = 0.985
    drawn = points(replace(sweep, table=table), [THROUGHPUT])
    marked = drawn[~drawn["exact"]]
    assert marked[["policy.threshold", SNR]].to_numpy().tolist() == [[0.5, 20.0]]


def test_an_undefined_share_on_the_trace_marks_nothing(sweep: Results) -> None:
    table = sweep.table.assign(on_trace=np.nan)
    assert points(replace(sweep, table=table), [THROUGHPUT])["exact"].all()


def test_panels_are_the_lowest_the_middle_and_the_highest(sweep: Results) -> None:
    shown = panels(sweep, SNR)
    assert [title for title, _ in shown] == ["SNR \N{MINUS SIGN}10 dB", "SNR 10 dB", "SNR 30 dB"]
    for value, (_, part) in zip((-10, 10, 30), shown, strict=True):
        assert (part.table[SNR] == value).all()
        assert SNR not in part.axes


def test_without_the_axis_one_panel_has_all_rows(sweep: Results) -> None:
    part = sweep.at(SNR, 10)
    assert panels(part, SNR) == [("", part)]


def test_thresholds_of_a_policy_are_one_family(sweep: Results) -> None:
    labels = families(sweep.at(SNR, 10), [THROUGHPUT])["label"].tolist()
    assert labels == [*LABELS[:4], *["u-hlm, threshold 0.1 to 0.5"] * 2, "oracle"]


def test_a_single_point_needs_no_label(sweep: Results) -> None:
    table = sweep.table[(sweep.table["policy.name"] == "hlm") & (sweep.table[SNR] == 10)]
    drawn = points(Results(table, ()), [THROUGHPUT])
    assert drawn["label"].tolist() == [""]
    assert drawn["exact"].tolist() == [True]
    assert drawn[f"{THROUGHPUT}_mean"].item() == pytest.approx(table[THROUGHPUT].mean(), rel=0.01)
