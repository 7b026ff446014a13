"""Networks in a sweep: every cell is a row of its own, and files that a network names are a part of its key."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import netsim
from netsim.point import Point
from netsim.scenario import Scenario, load_grid, load_scenario
from netsim.scenario.plugins import ALLOW
from netsim.sweeps.chunks import sweep_points
from tests.trace_factory import make_trace

SWEEP = """
name: network
trace: {trace}
policy: {{name: hlm}}
channel: {{bandwidth_hz: 1e5, fading: none}}
tokens: 6
seeds: 2
{extra}
sweep:
  devices: [1, 3]
  uplink.scheduler: [fifo, round-robin, equal-split, proportional-fair]
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("trace"), num_tokens=6).folder


def scenario(folder: Path, trace: Path, extra: str = "") -> Scenario:
    path = folder / "scenario.yaml"
    path.write_text(SWEEP.format(trace=trace, extra=extra))
    return load_scenario(path)


def test_every_cell_is_the_row_of_its_point(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    table = netsim.sweep(loaded)
    expected = [
        {**point.coordinates, **Point.of(point.scenario).row(seed)}
        for point in load_grid(loaded).points
        for seed in loaded.seed_values()
    ]
    alone = pd.DataFrame(expected)[list(table.columns)].astype(table.dtypes)
    pd.testing.assert_frame_equal(table, alone, check_exact=True)
    # One device alone on FIFO meets nobody; everything else is for the event engine.
    arrays = (table["devices"] == 1) & (table["uplink.scheduler.name"] == "fifo")
    assert (table["engine"] == arrays.map({True: "arrays", False: "events"})).all()
    mean = table.groupby(["devices", "uplink.scheduler.name"])["throughput_tok_s"].mean()
    assert (mean[1] > mean[3]).all()


def test_a_changed_recording_is_another_point(tmp_path: Path, trace: Path) -> None:
    arrivals = tmp_path / "arrivals.csv"
    extra = "requests: {arrivals: {name: recorded, file: arrivals.csv}}"

    def digests(text: str) -> list[str]:
        arrivals.write_text(text)
        return [point.digest for point in sweep_points(load_grid(scenario(tmp_path, trace, extra)), "auto")]

    before = digests("device,time_s\n0,1\n")
    assert len(set(before)) == 8
    assert digests("device,time_s\n0,1\n") == before
    assert not set(digests("device,time_s\n0,2\n")) & set(before)


def test_changed_code_of_a_plugin_is_another_point(
    tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "own_queue_for_a_test.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv(ALLOW, "1")
    text = (
        "from netsim.scenario.families import SlotSchedulerKind\n"
        "class Queue:\n    def pick(self, slot, now_s, waiting):\n        return 0\n"
        "class First(SlotSchedulerKind):\n    'The first in line.'\n"
        "    def scheduler(self):\n        return Queue()\n"
    )
    content = {
        "name": "own",
        "trace": str(trace),
        "policy": {"name": "hlm"},
        "uplink": {"scheduler": "own_queue_for_a_test:First"},
        "tokens": 6,
    }

    def digest(code: str) -> str:
        module.write_text(code)
        return sweep_points(load_grid(content), "auto")[0].digest

    assert digest(text) == digest(text)
    assert digest(text) != digest(text + "# another word\n")
