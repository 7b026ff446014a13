"""What an earlier version wrote is a user's for years: it opens, or is refused in a line that says why.

A folder for each version: a small trace of table models (`tests.trace_factory`), a scenario, and its results. It is made
once, with that version, and never written again.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest

from analysis.figures.plot import Wanted, plot
from analysis.figures.results import read_results
from netsim.errors import InputError
from netsim.scenario import load_scenario
from netsim.sweeps.chunk_files import ChunkWarning
from netsim.sweeps.replay import replay_rows
from netsim.sweeps.run import run_sweep
from traces.format.trace import Trace

VERSIONS = sorted(
    path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name[0].isdigit()
)


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(request.param, tmp_path / "golden"))
    for resolved in folder.rglob("scenario.yaml"):
        # A resolved scenario has absolute paths; the folder was made elsewhere.
        resolved.write_text(resolved.read_text().replace("GOLDEN", str(folder)))
    return folder


def test_a_trace_opens_and_is_replayed(golden: Path) -> None:
    trace = Trace.open(golden / "trace")
    assert trace.is_complete
    assert trace.verify() > 0
    hlm, slm = replay_rows(golden / "trace", ["hlm", "slm"])
    assert (hlm["transmission_rate"], slm["transmission_rate"], hlm["on_trace"]) == (1.0, 0.0, 1.0)


def test_results_are_read_and_drawn(golden: Path, tmp_path: Path) -> None:
    results = read_results(golden / "results")
    assert results.axes == ("channel.snr_db",)
    assert len(results.table) == 4
    picture, _ = plot(golden / "results", Wanted("throughput-vs-snr"), out=tmp_path / "figure.png")
    assert picture.stat().st_size > 0


def test_a_sweep_goes_on_in_its_folder_and_no_chunk_is_lost(golden: Path) -> None:
    old = sorted((golden / "results" / "chunks").iterdir())
    with warnings.catch_warnings():
        # A later version may not know these chunks: it says so and leaves them.
        warnings.simplefilter("ignore", ChunkWarning)
        run_sweep(load_scenario(golden / "scenario.yaml"), golden / "results")
    assert [path.exists() for path in old] == [True] * len(old)
    table = pd.read_parquet(golden / "results" / "results.parquet")
    assert list(table["channel.snr_db"]) == [0, 0, 10, 10]


def test_results_of_a_version_that_nothing_is_known_of_are_refused_in_a_line(golden: Path) -> None:
    scenario = load_scenario(golden / "scenario.yaml")
    resolved = golden / "results" / "chunks" / "scenario.yaml"
    resolved.write_text(resolved.read_text() + "telepathy: on\n")
    with pytest.raises(
        InputError, match=r"netsim 0.1.0 wrote, .*can't compare: .*telepathy.*--fresh"
    ) as refused:
        run_sweep(scenario, golden / "results")
    assert len(str(refused.value).splitlines()) == 1
