from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from netsim.results.prompt_sums import SUMS
from netsim.results.statistics import (
    fading_interval,
    interval_tables,
    paired_interval,
    paired_ratio_interval,
    token_seed_interval,
)
from netsim.results.summary import summarise


def rows_with_shared_tokens(
    rng: np.random.Generator, *, num_tokens: int = 6, num_fading: int = 5, token_sd: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of mean 10 with an effect per token seed (its own spread) and unit fading noise."""
    token_seeds = np.tile(np.arange(num_tokens), num_fading)
    effects = rng.normal(scale=token_sd, size=num_tokens)
    return 10 + effects[token_seeds] + rng.normal(size=len(token_seeds)), token_seeds


def test_a_token_seed_per_row_is_scipys_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=12)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    interval = token_seed_interval(values, np.arange(12))
    assert interval == pytest.approx((values.mean(), expected.low, expected.high), rel=1e-12)


def test_shared_token_seeds_are_scipys_t_interval_of_their_means() -> None:
    values, token_seeds = rows_with_shared_tokens(np.random.default_rng(1))
    means = pd.Series(values).groupby(token_seeds).mean().to_numpy()
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    interval = token_seed_interval(values, token_seeds)
    assert interval == pytest.approx((means.mean(), expected.low, expected.high), rel=1e-12)


def test_copying_every_row_adds_no_certainty() -> None:
    values, token_seeds = rows_with_shared_tokens(np.random.default_rng(2))
    once = token_seed_interval(values, token_seeds)
    thrice = token_seed_interval(np.tile(values, 3), np.tile(token_seeds, 3))
    assert thrice == pytest.approx(once, rel=1e-12)


def test_fading_interval_of_one_token_seed_is_scipys_t_interval() -> None:
    values = np.random.default_rng(3).normal(size=9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    interval = fading_interval(values, np.zeros(9, dtype=int))
    assert interval == pytest.approx((values.mean(), expected.low, expected.high), rel=1e-12)


# Coverage of 4000 samples at 0.95: the count is binomial with standard deviation sqrt(.95 * .05 / 4000) = 0.00345;
# 4 of them (two-sided chance of a false alarm 6e-5) are 0.0138.
NUM_SAMPLES = 4000
FOUR_SIGMA = 4 * np.sqrt(0.95 * 0.05 / NUM_SAMPLES)


def test_token_seed_interval_covers_and_rows_taken_as_independent_do_not() -> None:
    rng = np.random.default_rng(4)
    covered = covered_by_rows = 0
    for _ in range(NUM_SAMPLES):
        values, token_seeds = rows_with_shared_tokens(rng)
        interval = token_seed_interval(values, token_seeds)
        covered += interval.low <= 10 <= interval.high
        by_rows = token_seed_interval(values, np.arange(len(values)))
        covered_by_rows += by_rows.low <= 10 <= by_rows.high
    assert covered / NUM_SAMPLES == pytest.approx(0.95, abs=FOUR_SIGMA)
    assert covered_by_rows / NUM_SAMPLES < 0.8


def test_fading_interval_covers_the_mean_over_the_fixed_token_seeds() -> None:
    rng = np.random.default_rng(5)
    # Unequal numbers of rows, as 20 seeds over 8 token seeds have them.
    token_seeds = np.arange(20) % 8
    effects = rng.normal(scale=2.0, size=8)
    covered = 0
    for _ in range(NUM_SAMPLES):
        interval = fading_interval(effects[token_seeds] + rng.normal(size=20), token_seeds)
        covered += interval.low <= effects.mean() <= interval.high
    assert covered / NUM_SAMPLES == pytest.approx(0.95, abs=FOUR_SIGMA)


def test_paired_interval_is_scipys_paired_t_interval() -> None:
    rng = np.random.default_rng(6)
    shared = rng.normal(size=15)
    a, b = shared + rng.normal(scale=0.1, size=15) + 1, shared
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert paired_interval(a, b, np.arange(15))[1:] == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_speed_up_one_way_is_one_over_the_other_way() -> None:
    rng = np.random.default_rng(7)
    token_seeds = np.arange(20) % 4
    slow = np.exp(rng.normal(size=20))
    fast = 3 * slow * np.exp(rng.normal(scale=0.05, size=20))
    up, down = paired_ratio_interval(fast, slow, token_seeds), paired_ratio_interval(slow, fast, token_seeds)
    assert (1 / down.mean, 1 / down.high, 1 / down.low) == pytest.approx(up, rel=1e-12)


def test_speed_up_without_spread_is_exact() -> None:
    slow = np.array([1.0, 2.0, 4.0, 8.0])
    assert paired_ratio_interval(3 * slow, slow, [0, 0, 1, 1]) == pytest.approx((3, 3, 3), rel=1e-12)


def test_one_token_seed_determines_no_interval() -> None:
    mean, low, high = token_seed_interval([1.0, 2.0, 3.0], [7, 7, 7])
    assert mean == 2.0
    assert np.isnan([low, high]).all()


def test_a_row_per_token_seed_determines_no_fading_interval() -> None:
    mean, low, high = fading_interval([1.0, 3.0], [0, 1])
    assert mean == 2.0
    assert np.isnan([low, high]).all()


def test_undefined_rows_are_left_out_and_all_undefined_stays_empty() -> None:
    assert token_seed_interval([1.0, np.nan, 3.0, np.nan], [0, 1, 2, 2]) == token_seed_interval(
        [1.0, 3.0], [0, 2]
    )
    for interval in (token_seed_interval, fading_interval):
        assert np.isnan(interval([np.nan, np.nan], [0, 1])).all()


def test_many_points_at_once_have_the_intervals_of_each_alone() -> None:
    """Scipy finds the quantile of t by a search that ends at some 1e-10; roundings of few rows are far below."""
    rng = np.random.default_rng(5)
    points = rng.integers(0, 7, 90)
    points[:7] = np.arange(7)  # none is left out
    token_seeds = rng.integers(0, 4, 90)
    values = rng.normal(size=(90, 3))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[points == 2, 1] = np.nan
    over_draws, over_fading = interval_tables(values, points, token_seeds)
    for point in range(7):
        own = points == point
        for column in range(3):
            frame = pd.DataFrame({"value": values[own, column], "seed": token_seeds[own]}).dropna()
            groups = [group.to_numpy() for _, group in frame.groupby("seed")["value"]]
            means = np.array([group.mean() for group in groups])
            whole = means.mean() if len(means) else np.nan
            half = stats.sem(means) * stats.t.ppf(0.975, len(means) - 1) if len(means) > 1 else np.nan
            ends = [end[point, column] for end in over_draws]
            assert ends == pytest.approx([whole, whole - half, whole + half], rel=1e-9, nan_ok=True)
            degrees = len(frame) - len(groups)
            pooled = sum(((group - group.mean()) ** 2).sum() for group in groups) / max(degrees, 1)
            variance = pooled * sum(1 / len(group) for group in groups) / max(len(groups), 1) ** 2
            half = stats.t.ppf(0.975, degrees) * np.sqrt(variance) if degrees else np.nan
            ends = [end[point, column] for end in over_fading]
            assert ends == pytest.approx([whole, whole - half, whole + half], rel=1e-9, nan_ok=True)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got shapes \(2,\) and \(3,\)"):
        token_seed_interval([1.0, 2.0], [0, 1, 2])


def results_table() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    rows = [
        {
            "policy.name": name,
            "policy.threshold": threshold,
            "channel.snr_db": snr_db,
            "seed": seed,
            "token_seed": seed % 3,
            "engine": "arrays",
            "throughput_tok_s": rng.normal(),
            "true_skip_rate": np.nan if name == "slm" else rng.uniform(),
        }
        for name, threshold in (("u-hlm", 0.5), ("u-hlm", 0.2), ("slm", np.nan))
        for snr_db in (10, -10)
        for seed in range(6)
    ]
    return pd.DataFrame(rows)


POINT_COLUMNS = ["policy.name", "policy.threshold", "channel.snr_db"]


def test_summary_keeps_the_sweeps_order_and_empty_keys() -> None:
    summary = summarise(results_table(), POINT_COLUMNS)
    assert summary["policy.name"].tolist() == ["u-hlm"] * 4 + ["slm"] * 2
    assert summary["policy.threshold"].tolist()[:4] == [0.5, 0.5, 0.2, 0.2]
    assert summary["policy.threshold"].isna().tolist()[4:] == [True, True]
    assert summary["channel.snr_db"].tolist() == [10, -10] * 3
    assert (summary["seeds"] == 6).all()
    assert (summary["token_seeds"] == 3).all()


def test_summary_holds_each_points_intervals() -> None:
    table = results_table()
    summary = summarise(table, POINT_COLUMNS)
    point = table[(table["policy.threshold"] == 0.2) & (table["channel.snr_db"] == -10)]
    values, token_seeds = point["throughput_tok_s"], point["token_seed"]
    row = summary.iloc[3]
    ends = [row[f"throughput_tok_s_{end}"] for end in ("mean", "low", "high")]
    assert ends == list(token_seed_interval(values, token_seeds))
    fading_ends = [row[f"throughput_tok_s_fading_{end}"] for end in ("low", "high")]
    assert fading_ends == list(fading_interval(values, token_seeds)[1:])


def test_summary_does_not_ask_that_the_rows_of_a_point_follow_each_other() -> None:
    table = results_table().reset_index(drop=True)
    prompts = pd.DataFrame(
        [
            {**row, "prompt": prompt, **dict.fromkeys(SUMS, 1.0), "seconds": 1.0 + rng_seconds}
            for row in table[[*POINT_COLUMNS, "seed"]].to_dict("records")
            for prompt, rng_seconds in enumerate(np.random.default_rng(row["seed"]).random(9))
        ]
    )
    rates = prompts.groupby([*POINT_COLUMNS, "seed"], sort=False, dropna=False)[["tokens", "seconds"]].sum()
    table["throughput_tok_s"] = (rates["tokens"] / rates["seconds"]).to_numpy()
    together = summarise(table, POINT_COLUMNS, prompts)
    assert together["throughput_tok_s_prompts_low"].notna().all()
    # A row of each point in turn; those of a seed follow each other among the prompts.
    turns = [table.sort_values("seed", kind="stable"), prompts.sort_values("seed", kind="stable")]
    assert turns[0]["policy.name"].ne(turns[0]["policy.name"].shift()).sum() == 2 * 6
    pd.testing.assert_frame_equal(summarise(turns[0], POINT_COLUMNS, turns[1]), together, check_exact=True)


def test_summary_has_no_mean_of_keys_and_leaves_undefined_empty() -> None:
    summary = summarise(results_table(), POINT_COLUMNS)
    assert not {"seed_mean", "token_seed_mean", "engine_mean", "channel.snr_db_mean"} & set(summary.columns)
    undefined = summary.loc[summary["policy.name"] == "slm"].filter(like="true_skip_rate")
    assert undefined.shape == (2, 5)
    assert undefined.isna().all(axis=None)


def test_summary_of_a_single_point_needs_no_point_columns() -> None:
    table = results_table().head(6)
    summary = summarise(table, [])
    assert len(summary) == 1
    assert summary["throughput_tok_s_mean"].item() == pytest.approx(
        table["throughput_tok_s"].mean(), rel=1e-12
    )


def test_of_no_defined_row_there_is_nothing_to_say_and_of_one_no_interval() -> None:
    nothing = np.array([np.nan, np.nan])
    for interval in (
        token_seed_interval(nothing, [0, 1]),
        paired_ratio_interval(nothing, [1.0, 2.0], [0, 1]),
    ):
        assert np.isnan(interval).all()
    assert np.isnan(token_seed_interval([], [])).all()
    one = paired_ratio_interval([3.0, np.nan], [2.0, 1.0], [0, 1])
    assert one.mean == pytest.approx(1.5)
    assert np.isnan([one.low, one.high]).all()


def test_every_value_has_its_token_seed() -> None:
    with pytest.raises(ValueError, match=r"one of each per row, got shapes \(3,\) and \(2,\)"):
        token_seed_interval([1.0, 2.0, 3.0], [0, 1])
