from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures.defaults import without_defaults
from analysis.figures.intervals import shown_interval
from analysis.figures.results import SNR, Results, read_results
from analysis.figures.transforms import (
    CROWDED,
    MEMBERS_KEPT,
    curves,
    families,
    panels,
    parts,
    points,
    thinned,
)
from netsim.results.statistics import token_seed_interval

THROUGHPUT = "throughput_tok_s"
LABELS = [
    "slm",
    "llm",
    "hlm",
    "rand-hlm",
    "u-hlm, threshold 0.1",
    "u-hlm, threshold 0.5",
    "oracle",
]


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


def many_thresholds(number: int) -> Results:
    """Three baselines, and so many thresholds, at two SNRs."""
    rows = [(name, np.nan) for name in ("slm", "llm", "hlm")]
    rows += [("u-hlm", threshold) for threshold in np.linspace(0, 1, number)]
    table = pd.DataFrame(rows, columns=["policy.name", "policy.threshold"])
    table = table.merge(pd.DataFrame({SNR: [0.0, 10.0]}), how="cross")
    return Results(
        table.assign(seed=0, token_seed=0, throughput_tok_s=1.0, on_trace=1.0),
        ("policy.name", "policy.threshold", SNR),
    )


def test_a_crowded_family_is_thinned_evenly_and_it_is_said() -> None:
    part, said = thinned(many_thresholds(41), SNR)
    assert said == f"Shown: {MEMBERS_KEPT} of 41 u-hlm."
    kept = part.table.drop_duplicates("policy.threshold")
    assert kept["policy.threshold"].dropna().tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert set(part.table["policy.name"]) == {"slm", "llm", "hlm", "u-hlm"}


def test_what_a_figure_holds_is_not_thinned() -> None:
    results = many_thresholds(CROWDED - 3)
    part, said = thinned(results, SNR)
    assert part is results
    assert not said
    assert not thinned(many_thresholds(41), "policy.threshold")[1]


def test_labels_have_as_many_digits_as_it_takes_and_no_more() -> None:
    results = many_thresholds(2).at(SNR, 0.0)
    for low, high, expected in (
        (0.30001, 1 / 3, ["u-hlm, threshold 0.3", "u-hlm, threshold 0.333"]),
        (0.30001, 0.30002, ["u-hlm, threshold 0.30001", "u-hlm, threshold 0.30002"]),
    ):
        thresholds = results.table["policy.threshold"].replace({0.0: low, 1.0: high})
        near = replace(results, table=results.table.assign(**{"policy.threshold": thresholds}))
        assert points(near, [THROUGHPUT])["label"].tolist()[3:] == expected


def test_a_threshold_by_name_keeps_its_name() -> None:
    results = replace(many_thresholds(3), named={"risk-prone": [0.5]})
    labels = curves(results, SNR, THROUGHPUT)["label"].unique().tolist()
    assert labels[3:] == ["u-hlm, threshold 0", "u-hlm, risk-prone (0.5)", "u-hlm, threshold 1"]


@pytest.mark.parametrize(
    ("axis", "text", "message"),
    [
        (
            "policy.nam",
            "hlm",
            r"--where policy.nam: not a swept key; did you mean 'policy.name'\?, allowed: ",
        ),
        (SNR, "7", r"--where channel.snr_db=7: no such value, allowed: 0, 10$"),
    ],
)
def test_a_choice_that_fits_nothing_says_what_there_is(axis: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        many_thresholds(3).where(axis, [text])


def test_a_choice_finds_a_number_that_is_a_sum() -> None:
    table = pd.DataFrame({"policy.threshold": [0.1 + 0.2, 0.4], "seed": 0, "token_seed": 0})
    chosen = Results(table, ("policy.threshold",)).where("policy.threshold", ["0.3"])
    assert len(chosen.table) == 1


def test_points_are_joined_along_numbers_alone(sweep: Results) -> None:
    table = sweep.table[sweep.table["policy.name"] == "u-hlm"].copy()
    table.insert(1, "policy.payload.name", np.where(table["policy.threshold"] > 0.3, "full", "top-k"))
    results = Results(table, ("policy.payload.name", *sweep.axes))
    assert families(results.at(SNR, 10), [THROUGHPUT])["label"].nunique() == 2


def test_an_interval_that_some_points_lack_is_not_shown() -> None:
    summary = pd.DataFrame({"c_mean": [1, 2], "c_low": [0, 1], "c_prompts_low": [0.5, np.nan]})
    assert shown_interval(summary, "c", "") == ""
    assert shown_interval(summary.head(1), "c", "") == "prompts_"
    assert shown_interval(summary, "c", "prompts") == "prompts_"


def test_many_curves_over_the_snr_have_a_panel_for_each_value_beside_the_policy(sweep: Results) -> None:
    assert [title for title, _ in parts(sweep, SNR)] == [""]
    both = pd.concat([sweep.table.assign(**{"channel.bandwidth_hz": value}) for value in (1e6, 1e7)])
    results = Results(both, ("channel.bandwidth_hz", *sweep.axes))
    shown = parts(results, SNR)
    assert [title for title, _ in shown] == ["bandwidth 1 MHz", "bandwidth 10 MHz"]
    assert [len(part.table) for _, part in shown] == [len(sweep.table)] * 2
    assert shown[0][1].axes == sweep.axes


def test_a_label_leaves_out_what_a_scenario_need_not_say() -> None:
    row: dict[Hashable, object] = {
        "policy.name": "spec", "policy.gamma": "8", "policy.bonus": True, "policy.payload.name": "probability-only",
        "policy.payload.downlink_entries": "all", "policy.stop.name": "product", "policy.stop.at_least": 0.3,
    }  # fmt: skip
    assert [*without_defaults(row)] == [
        "policy.name", "policy.gamma", "policy.payload.name", "policy.stop.name", "policy.stop.at_least",
    ]  # fmt: skip
    assert "policy.payload.downlink_entries" in without_defaults(
        row | {"policy.payload.downlink_entries": "10"}
    )
