"""Which interval figures and tables show, against the summary of a sweep that was run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.figures.plot import chosen, plot
from analysis.figures.results import Results, read_results
from analysis.figures.transforms import points
from analysis.report.compare import speed_ups
from analysis.tables import ratios_table, results_table
from netsim.errors import InputError
from netsim.results.over_prompts import paired_ratio_over_prompts
from netsim.scenario import load_scenario
from netsim.sweeps.run import run_sweep
from tests.trace_factory import make_trace

THROUGHPUT = "throughput_tok_s"
PROMPTS, SEEDS = "95 % interval over prompts", "95 % interval over token seeds"


def swept(root: Path, name: str, bandwidth_hz: float, **blocks: object) -> Path:
    content = {
        "name": name, "trace": str(root / "trace"), "policy": "hlm", "tokens": 6, "seeds": 4,
        "channel": {"bandwidth_hz": bandwidth_hz}, "latency": {"slm": 0.01, "llm": 0.02},
        "sweep": {"policy": ["hlm", {"name": "u-hlm", "threshold": [0.2, 0.6]}], "channel.snr_db": [0, 20]}, **blocks,
    }  # fmt: skip
    return run_sweep(load_scenario(content), root / name).folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("intervals")
    make_trace(root / "trace", prompts=8)
    return root


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return swept(root, "narrow", 1e6)


def ends(table: pd.DataFrame, prefix: str = "") -> list[list[float]]:
    return table[[f"{THROUGHPUT}_{prefix}low", f"{THROUGHPUT}_{prefix}high"]].to_numpy().tolist()


@pytest.mark.parametrize("where", [(), ("channel.snr_db=20",), ("policy.threshold=0.6",)])
def test_points_have_the_interval_of_the_summary(folder: Path, where: tuple[str, ...]) -> None:
    summary = pd.read_csv(folder / "summary.csv")
    for choice in where:
        key, _, value = choice.partition("=")
        summary = summary[summary[key] == float(value)]
    results = chosen(read_results(folder), where)
    shown = points(results, [THROUGHPUT])
    assert (shown[f"{THROUGHPUT}_over"] == PROMPTS).all()
    assert ends(shown) == [pytest.approx(own, rel=1e-12) for own in ends(summary, "prompts_")]
    draws = points(replace(results, interval="draws"), [THROUGHPUT])
    assert (draws[f"{THROUGHPUT}_over"] == SEEDS).all()
    assert ends(draws) == [pytest.approx(own, rel=1e-12) for own in ends(summary)]


def test_captions_name_it(folder: Path, tmp_path: Path) -> None:
    results = read_results(folder)
    assert plot(folder, out=tmp_path / "a.png")[1] == f"Bands: {PROMPTS}."
    made = results_table(results, [THROUGHPUT, "latency_p99_s"])
    assert made.caption.startswith(f"\N{PLUS-MINUS SIGN}: {PROMPTS}; of 99th percentile of latency: {SEEDS}.")
    only = results_table(replace(results, interval="prompts"))
    assert f"\N{PLUS-MINUS SIGN}: {PROMPTS}." in only.caption
    assert f"\N{PLUS-MINUS SIGN}: {SEEDS}." in results_table(replace(results, interval="draws")).caption


def test_what_has_none_over_prompts_is_refused_or_named(root: Path, folder: Path) -> None:
    results = read_results(folder)
    with pytest.raises(ValueError, match="latency_p99_s has no interval over prompts"):
        points(replace(results, interval="prompts"), ["latency_p99_s"])
    # Sums that are not those of the results are not used.
    other = Results(results.table, results.axes)
    assert (points(other, [THROUGHPUT])[f"{THROUGHPUT}_over"] == SEEDS).all()
    # The throughput of several devices is the mean of theirs, not a ratio of sums; the transmission rate is one.
    several = swept(root, "several", 1e6, devices=3, sweep={})
    shown = points(read_results(several), [THROUGHPUT, "transmission_rate"])
    assert shown[f"{THROUGHPUT}_over"][0] == SEEDS
    assert shown["transmission_rate_over"][0] == PROMPTS


def test_a_speed_up_of_two_folders_is_over_prompts(root: Path, folder: Path) -> None:
    wide = swept(root, "wide", 2e6)
    table = speed_ups(wide, folder)
    assert (table["over"] == PROMPTS).all()
    sums = []
    for own in (wide, folder):
        prompts = pd.read_parquet(own / "prompts.parquet")
        rows = prompts[(prompts["policy.threshold"] == 0.2) & (prompts["channel.snr_db"] == 0)]
        sums += [rows[name].to_numpy(float).reshape(4, 8) for name in ("tokens", "seconds")]
    row = table.set_index("point").loc["u-hlm, threshold 0.2, SNR 0 dB"]
    expected = paired_ratio_over_prompts(*sums)
    assert (row["ratio"], row["low"], row["high"]) == pytest.approx(expected, rel=1e-12)
    assert f"{PROMPTS}, paired." in ratios_table(table, THROUGHPUT, ("wide", "narrow")).caption
    assert (speed_ups(wide, folder, interval="draws")["over"] == SEEDS).all()
    with pytest.raises(InputError, match="--interval prompts: latency_p99_s has none"):
        speed_ups(wide, folder, "latency_p99_s", "prompts")
