from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures.optimum import draw_optimum
from netsim.errors import InputError
from netsim.point import Point
from netsim.results.over_prompts import paired_ratio_over_prompts
from netsim.scenario import Scenario
from netsim.scenario.policies.published import HlmSettings, SlmSettings
from netsim.sweeps.optimize import SNR, THRESHOLD, Bound, best_thresholds, simulate_thresholds
from tests.trace_factory import make_trace

SNRS, THRESHOLDS, SEEDS = (-10.0, 0.0, 10.0), (0.0, 0.25, 0.5, 0.75, 1.0), 4


def made_up(rng: np.random.Generator) -> pd.DataFrame:
    """Rows of hlm and of five thresholds: skipping saves seconds and costs rejected skips."""
    rows = []
    for seed, snr in product(range(SEEDS), SNRS):
        upload_s = 2.0 ** (-snr / 10) * rng.uniform(0.8, 1.2)
        for threshold in (None, *THRESHOLDS):
            sent = 1.0 if threshold is None else 1 - threshold * rng.uniform(0.9, 1.0)
            row: dict[str, object] = {
                SNR: snr,
                "seed": seed,
                "token_seed": seed,
                THRESHOLD: threshold,
                "transmission_rate": sent,
            }
            row["policy.name"] = "hlm" if threshold is None else "u-hlm"
            row["throughput_tok_s"] = 1 / (0.02 + sent * upload_s)
            row["rejected_skips"] = 0.3 * (1 - sent) ** 2
            rows.append(row)
    return pd.DataFrame(rows)


def means(table: pd.DataFrame, column: str) -> pd.Series:
    return table[table["policy.name"] != "hlm"].groupby([SNR, THRESHOLD])[column].mean()


BOUND = Bound("rejected_skips", at_least=False, limit=0.1)


def test_the_best_threshold_at_each_snr_is_that_of_trying_all() -> None:
    table = made_up(np.random.default_rng(0))
    best = best_thresholds(table, "throughput_tok_s", [BOUND], on_the_mean=False)
    speed, cost = means(table, "throughput_tok_s"), means(table, "rejected_skips")
    for row in best.itertuples():
        snr, threshold = row[1], row[2]
        allowed = [t for t in THRESHOLDS if cost[snr, t] <= 0.1]
        assert threshold == max(allowed, key=lambda t: speed[snr, t])


def test_a_bound_on_the_mean_is_met_and_beats_every_single_threshold() -> None:
    """All 125 combinations: the choice is one on their lower convex hull, so at most one step from the best."""
    table = made_up(np.random.default_rng(1))
    best = best_thresholds(table, "throughput_tok_s", [BOUND], on_the_mean=True)
    seconds, cost = 1 / means(table, "throughput_tok_s"), means(table, "rejected_skips")

    def total(values: pd.Series, thresholds: tuple[float, ...]) -> float:
        return float(sum(values[pair] for pair in zip(SNRS, thresholds, strict=True)))

    chosen = tuple(best["threshold"])
    assert total(cost, chosen) <= 3 * 0.1
    assert len(set(chosen)) > 1
    everything = list(product(THRESHOLDS, repeat=3))
    allowed = [one for one in everything if total(cost, one) <= 3 * 0.1]
    assert total(seconds, chosen) < min(total(seconds, (t,) * 3) for t in THRESHOLDS if (t,) * 3 in allowed)
    # No combination is better in both: the choice is on the frontier.
    assert not [
        one
        for one in everything
        if total(seconds, one) < total(seconds, chosen) - 1e-12
        and total(cost, one) < total(cost, chosen) - 1e-12
    ]


@pytest.mark.parametrize("on_the_mean", [False, True])
def test_a_bound_that_nothing_meets_leaves_no_threshold(on_the_mean: bool) -> None:
    never = Bound("rejected_skips", at_least=False, limit=-1.0)
    table = made_up(np.random.default_rng(2))
    best = best_thresholds(table, "throughput_tok_s", [never], on_the_mean=on_the_mean)
    assert best["threshold"].isna().all()


def test_a_loose_bound_leaves_the_fastest() -> None:
    table = made_up(np.random.default_rng(3))
    loose = Bound("rejected_skips", at_least=False, limit=1.0)
    for on_the_mean in (False, True):
        best = best_thresholds(table, "throughput_tok_s", [loose], on_the_mean=on_the_mean)
        assert (best["threshold"] == 1.0).all()


def test_speed_up_is_paired_with_hlm() -> None:
    table = made_up(np.random.default_rng(4))
    best = best_thresholds(table, "throughput_tok_s", [], on_the_mean=False)
    here = table[(table[SNR] == SNRS[0]) & (table[THRESHOLD] == best["threshold"][0])]
    hlm = table[(table[SNR] == SNRS[0]) & (table["policy.name"] == "hlm")]
    ratios = here["throughput_tok_s"].to_numpy() / hlm["throughput_tok_s"].to_numpy()
    assert best["speed_up"][0] == pytest.approx(np.exp(np.log(ratios).mean()))


@pytest.mark.parametrize(
    ("objective", "bounds", "on_the_mean", "message"),
    [
        ("speed", [], False, "no result column 'speed'"),
        (
            "throughput_tok_s",
            [Bound("llm_nll", at_least=False, limit=1)],
            False,
            "no result column 'llm_nll'",
        ),
        ("throughput_tok_s", [], True, "--on-the-mean: takes one bound"),
        ("transmission_rate", [BOUND], True, "--on-the-mean: takes one bound"),
    ],
)
def test_what_cannot_be_optimised_is_refused(
    objective: str, bounds: list[Bound], on_the_mean: bool, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        best_thresholds(made_up(np.random.default_rng(0)), objective, bounds, on_the_mean=on_the_mean)


@pytest.mark.parametrize("text", ["accuracy", "accuracy > 0.9", "0.9 <= accuracy", "accuracy >= much"])
def test_a_bound_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--subject-to: not a bound"):
        Bound.parse(text)


def test_a_recorded_trace_gives_accuracy_and_rejected_skips(tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "trace", prompts=2, num_tokens=8)
    scenario = Scenario.model_validate(
        {
            "name": "test",
            "trace": str(trace.folder),
            "policy": {"name": "hlm"},
            "tokens": 8,
            "seeds": 2,
            "latency": {"slm": 0.02, "llm": 0.05},
            "sweep": {SNR: [0.0, 20.0]},
        }
    )
    table, _ = simulate_thresholds(scenario, jobs=1)
    assert len(table) == 2 * 2 * 22
    hlm = table[table["policy.name"] == "hlm"]
    assert (hlm["accuracy"] == 1).all()
    assert (hlm["rejected_skips"] == 0).all()
    never = table[table[THRESHOLD] == 1.0]
    assert never["rejected_skips"].to_numpy() == pytest.approx((1 - never["true_skip_rate"]).to_numpy())
    best = best_thresholds(table, "throughput_tok_s", [Bound.parse("accuracy >= 0.9")], on_the_mean=False)
    assert (best["accuracy"] >= 0.9).all()
    draw_optimum(best, "throughput_tok_s", tmp_path / "optimum.png")
    assert (tmp_path / "optimum.png").stat().st_size > 0


def test_a_gain_is_shown_over_prompts_where_there_are_enough(tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "trace", prompts=8, num_tokens=8)
    scenario = Scenario.model_validate(
        {
            "name": "test", "trace": str(trace.folder), "policy": {"name": "hlm"}, "tokens": 8, "seeds": 2,
            "latency": {"slm": 0.02, "llm": 0.05}, "sweep": {SNR: [0.0]},
        }
    )  # fmt: skip
    table, prompts = simulate_thresholds(scenario, jobs=1)
    best = best_thresholds(table, "throughput_tok_s", [], on_the_mean=False, prompts=prompts).iloc[0]
    # Seeds and prompts are in order, as the file has them.
    sums = {
        "hlm": prompts[prompts["policy.name"] == "hlm"],
        "own": prompts[prompts[THRESHOLD] == best["threshold"]],
    }
    tables = [
        sums[name][column].to_numpy(float).reshape(2, 8)
        for name in ("own", "hlm")
        for column in ("tokens", "seconds")
    ]
    assert best["interval"] == best["speed_up_interval"] == "95 % interval over prompts"
    expected = paired_ratio_over_prompts(*tables)
    assert (best["speed_up"], best["speed_up_low"], best["speed_up_high"]) == pytest.approx(expected)
    # A percentile is no ratio of sums over prompts: its interval is over token seeds, and says so.
    tails = best_thresholds(table, "latency_p99_s", [], on_the_mean=False, prompts=prompts).iloc[0]
    assert tails["interval"] == tails["speed_up_interval"] == "95 % interval over token seeds"


def test_another_axis_is_refused(tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "trace", prompts=2, num_tokens=8)
    scenario = Scenario.model_validate(
        {
            "name": "test",
            "trace": str(trace.folder),
            "policy": {"name": "hlm"},
            "tokens": 8,
            "sweep": {"channel.bandwidth_hz": [1e6, 2e6]},
        }
    )
    with pytest.raises(InputError, match=r"sweep\.channel\.bandwidth_hz: not swept here"):
        simulate_thresholds(scenario, jobs=1)


def test_accuracy_is_below_one_where_the_llm_likes_the_output_less(tmp_path: Path) -> None:
    """``exp(nll of hlm - nll)`` by hand: skipping everything leaves the SLM's text, which the LLM finds unlikely."""
    content = {
        "name": "accuracy",
        "trace": str(make_trace(tmp_path / "trace", prompts=4).folder),
        "policy": {"name": "u-hlm", "threshold": 0.5},
        "channel": {"bandwidth_hz": 1e5},
        "tokens": 8,
        "seeds": 2,
    }
    scenario = Scenario.model_validate(content)
    table, _ = simulate_thresholds(scenario, 1)
    hlm = Point.of(scenario.model_copy(update={"policy": HlmSettings(name="hlm")}))
    slm = Point.of(scenario.model_copy(update={"policy": SlmSettings(name="slm")}))
    for seed in (0, 1):
        nll = [float(point.row(seed)["llm_nll"] or 0) for point in (hlm, slm)]
        row = table[(table[THRESHOLD] == 1.0) & (table["seed"] == seed)].iloc[0]
        assert row["accuracy"] == pytest.approx(np.exp(nll[0] - nll[1]), rel=1e-12)
    means_of = table[table["policy.name"] != "hlm"].groupby(THRESHOLD)["accuracy"].mean()
    assert means_of[1.0] < means_of[0.0] == pytest.approx(1.0, abs=0.2)
