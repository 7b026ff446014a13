"""What a figure takes from a sweep's own summary is what it would work out, and takes no sums of prompts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.figures.results import Interval, Results, read_results
from analysis.figures.transforms import points
from netsim.results.columns import AVERAGED
from netsim.scenario import load_grid
from netsim.sweeps.products import SUMMARY
from netsim.sweeps.run import run_sweep

COLUMNS = ["throughput_tok_s", "true_skip_rate", "latency_p95_s", "llm_nll"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep") / "out"
    grid = load_grid("scenarios/quickstart.yaml", ["tokens=8", "seeds=9", "sweep.channel.snr_db=[0, 20]"])
    run_sweep(grid, folder)
    return folder


@pytest.mark.parametrize("interval", ["", "draws", "prompts"])
def test_points_are_those_that_would_be_worked_out(folder: Path, interval: Interval) -> None:
    results = replace(read_results(folder), interval=interval)
    columns = ["throughput_tok_s"] if interval == "prompts" else COLUMNS
    for some in (
        results,
        results.where("channel.snr_db", ["20"]),
        results.where("policy.name", ["hlm", "u-hlm"]),
    ):
        assert some.summary is not None
        worked_out = points(replace(some, summary=None), columns)
        pd.testing.assert_frame_equal(
            points(some, columns)[[*worked_out]], worked_out, check_exact=True, check_dtype=False
        )


def test_every_averaged_column_is_in_the_summary(folder: Path) -> None:
    summary = read_results(folder).summary
    assert summary is not None
    assert {f"{column}_mean" for column in AVERAGED} <= {*summary}


def test_sums_of_prompts_are_not_read(folder: Path) -> None:
    def refuse() -> None:
        raise AssertionError

    points(replace(read_results(folder), prompts=refuse), COLUMNS)


@pytest.mark.parametrize("change", ["gone", "changed", "of other rows"])
def test_without_its_summary_a_point_is_worked_out(folder: Path, tmp_path: Path, change: str) -> None:
    other = tmp_path / "copy"
    other.mkdir()
    for path in folder.iterdir():
        if path.is_file() and not (path.name == SUMMARY and change == "gone"):
            (other / path.name).write_bytes(path.read_bytes())
    if change == "changed":
        (other / SUMMARY).write_text((folder / SUMMARY).read_text() + "\n")
    if change == "of other rows":
        (other / "manifest.json").unlink()
        lines = (folder / SUMMARY).read_text().splitlines()
        (other / SUMMARY).write_text("\n".join(lines[:-1]) + "\n")
    results: Results = read_results(other)
    assert results.summary is None
    expected = points(read_results(folder), COLUMNS)
    pd.testing.assert_frame_equal(points(results, COLUMNS)[[*expected]], expected, check_dtype=False)
