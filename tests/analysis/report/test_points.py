"""What a report says beside its explorer: commands that give a point again, and sections that there is nothing for."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.figures.plot import Wanted, plot
from analysis.report.compare import speed_ups
from analysis.report.page import write_report
from analysis.report.points import explorer_data, read_summary, run_command
from netsim.errors import InputError
from netsim.scenario import load_grid
from netsim.scenario.sweep import get
from netsim.sweeps.run import run_sweep
from tests.trace_factory import make_trace


def write(folder: Path, trace: Path, **blocks: Any) -> Path:
    base = {"name": "points", "trace": str(trace), "policy": "slm", "tokens": 6, "seeds": 2, "eos": "ignore"}
    run_sweep({**base, **blocks}, folder)
    return folder


@pytest.fixture(scope="module", name="trace")
def make_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("points") / "trace", num_tokens=6).folder


@pytest.mark.parametrize(
    "settings",
    [
        {"uncertainty.samples": float("inf")},
        {"payload.count_indices": False, "latency.catch_up": True},
        {"policy": {"name": "spec", "gamma": 2, "payload": {"name": "top-k", "k": 3}, "rate": None}},
        {"seeds": [3, 5], "channel.snr_db": -2.5},
        {"trace": "it's a trace, with: signs"},
        {"channel.bandwidth_hz": 1e7},
    ],
)
def test_the_command_of_a_point_sets_what_it_says(
    tmp_path: Path, trace: Path, settings: dict[str, Any]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"name: a\ntrace: {trace}\npolicy: hlm\n")
    words = shlex.split(run_command(str(path), settings))
    assert words[:3] == ["netsim", "run", str(path)]
    assert words[3::2] == ["--set"] * len(settings)
    content = load_grid(path, words[4::2]).scenario.model_dump()
    for key, value in settings.items():
        found = get(content, key)
        if isinstance(value, dict):
            found = {name: found[name] for name in value}
            found["payload"] = {name: found["payload"][name] for name in value["payload"]}
            # What has no value is left to its default.
            assert found == {**value, "rate": found["rate"]}
        else:
            assert (list(found) if isinstance(value, list) else found) == value


def test_a_report_without_hlm_has_nothing_to_hold_policies_against(tmp_path: Path, trace: Path) -> None:
    for name, policies in (("without", ["slm", "llm"]), ("with", ["slm", "hlm"])):
        folder = write(tmp_path / name, trace, sweep={"policy": policies})
        text = write_report(folder, tmp_path / f"{name}.html").read_text("utf-8")
        assert ('id="against"' in text) == (name == "with")


def test_points_of_an_axis_of_whole_numbers_and_numbers_without_an_interval(
    tmp_path: Path, trace: Path
) -> None:
    summary = read_summary(write(tmp_path / "out", trace, seeds=1, sweep={"tokens": [3, 6]}))
    data = explorer_data(summary, ["one", "two"])
    assert [point["at"] for point in data["points"]] == [{"scenario.tokens": 3}, {"scenario.tokens": 6}]
    assert [point["command"] for point in data["points"]] == ["one", "two"]
    for point in data["points"]:
        mean, *ends = point["values"]["throughput_tok_s"]
        assert mean > 0
        assert set(ends) <= {None}, "one seed determines no interval, and JSON has no NaN"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(where=["policy.name=slm", "policy.threshold=0.3"]), "no point fits every --where: policy.name=slm, policy"),
        (Wanted(where=["policy.name"]), "--where policy.name: allowed: KEY=VALUE, of policy.name, policy.threshold"),
        (Wanted(kind="throughput-vs-snr", y="llm_nll"), "--kind goes without --x and --y"),
    ],
)  # fmt: skip
def test_a_figure_of_nothing_is_refused(tmp_path: Path, trace: Path, wanted: Wanted, message: str) -> None:
    folder = write(tmp_path / "out", trace, sweep={"policy": ["slm", {"name": "u-hlm", "threshold": 0.3}]})
    with pytest.raises(ValueError, match=message):
        plot(folder, wanted)
    with pytest.raises(ValueError, match="one results folder, given 2"):
        plot([folder, folder])


def test_over_what_a_single_point_is_drawn_has_to_be_said(tmp_path: Path, trace: Path) -> None:
    folder = write(tmp_path / "out", trace)
    with pytest.raises(ValueError, match="nothing is swept: say over what with --x"):
        plot(folder, Wanted(y="llm_nll"))


def test_a_ratio_needs_positive_numbers_in_both_and_points_to_pair(tmp_path: Path, trace: Path) -> None:
    one = write(tmp_path / "one", trace, sweep={"policy": ["slm", "hlm"]})
    two = write(tmp_path / "two", trace, seeds=[7], sweep={"policy": ["slm", "hlm"]})
    with pytest.raises(InputError, match="a ratio needs a column of positive numbers, given uplink_bits"):
        speed_ups(one, one, "uplink_bits")
    with pytest.raises(InputError, match="no point and seed in common"):
        speed_ups(one, two)
    alike = speed_ups(one, one)
    np.testing.assert_array_equal(alike["ratio"], 1.0)
    wide = write(tmp_path / "wide", trace, sweep={"channel.snr_db": [0, 10]})
    with pytest.raises(InputError, match=r"several points differ only in keys that .* does not sweep"):
        speed_ups(wide, one)
