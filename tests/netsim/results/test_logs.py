"""Token log and timeline of a network, and their way through files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netsim.point import Point
from netsim.results.timeline import ORDER, read_timeline, write_timeline
from netsim.results.token_log import COLUMNS
from netsim.scenario import Scenario
from tests.command_line import netsim
from tests.trace_factory import make_trace

BLOCKS: dict[str, Any] = {
    "name": "logs",
    "policy": {"name": "u-hlm", "threshold": 0.5},
    "channel": {"snr_db": 3.0, "bandwidth_hz": 1e4},
    "latency": {"grant": 0.003, "propagation": 0.002, "uncertainty": 0.001},
    "devices": 3,
    "tokens": 8,
}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("logs") / "trace").folder


def built(trace: Path, **blocks: Any) -> Point:
    return Point.of(Scenario.model_validate({**BLOCKS, "trace": str(trace), **blocks}))


def test_a_row_per_token_tells_what_the_row_says(trace: Path) -> None:
    point = built(trace)
    log, row = point.token_log(1), point.row(1)
    assert tuple(log) == COLUMNS
    assert len(log) == row["tokens"] == 32
    assert log["transmitted"].mean() == row["transmission_rate"]
    assert log["queue_s"].mean() == pytest.approx(row["queue_s"])
    assert log.groupby("device").size().tolist() == [16, 8, 8]
    assert log.loc[log["device"] == 2, "prompt"].unique().tolist() == [0]


def test_snr_is_that_of_the_link_when_the_first_bit_goes(trace: Path) -> None:
    point = built(trace)
    log = point.token_log(0)
    assert (log["snr_db"].notna() == (log["bits"] > 0)).all()
    for number, run in enumerate(point.network.run(0)):
        own = log[log["device"] == number].reset_index(drop=True).head(8)  # its first session
        began_s = own["start_s"][0]
        link = run.link(0, began_s)
        for _, round_ in own[own["bits"] > 0].iterrows():
            before_s = round_["slm_s"] + round_["uncertainty_s"] + round_["grant_s"]
            air_s = run.timings.air_wait_s[0, round_["position"]]
            snr = link.snr(round_["start_s"] - began_s + before_s + air_s)
            assert round_["snr_db"] == pytest.approx(10 * np.log10(snr))


def test_without_fading_every_upload_has_the_mean_snr(trace: Path) -> None:
    log = built(trace, channel={**BLOCKS["channel"], "fading": "none"}).token_log(0)
    assert log["snr_db"].dropna().to_numpy() == pytest.approx(3.0)


@pytest.mark.parametrize("scheduler", ["fifo", "round-robin", "equal-split", "proportional-fair"])
@pytest.mark.parametrize("policy", ["hlm", "llm"])
def test_no_row_does_two_things_at_once(trace: Path, scheduler: str, policy: str) -> None:
    table = built(trace, policy={"name": policy}, uplink={"scheduler": scheduler}).spans(0)
    for _, own in table.groupby("row"):
        start_s = own["start_s"].to_numpy()
        end_s = start_s + own["seconds"].to_numpy()
        assert (start_s[1:] >= end_s[:-1] - 1e-9).all()
    if scheduler == "fifo":
        assert set(table["row"]) == {"device 0", "device 1", "device 2", "uplink", "server"}
    assert set(table["stage"]) <= set(ORDER)


def test_devices_are_never_idle_in_a_closed_loop(trace: Path) -> None:
    point = built(trace)
    table = point.spans(0)
    for number, run in enumerate(point.network.run(0)):
        own = table[table["row"] == f"device {number}"]
        end_s = point.token_log(0).query(f"device == {number}")["end_s"].max()
        assert own["seconds"].sum() == pytest.approx(end_s - run.timings.start_s[0, 0])


def test_a_batch_shows_on_as_many_rows_as_it_serves(trace: Path) -> None:
    latency = {"slm": 0.02, "llm": 0.05}
    table = built(trace, policy={"name": "llm"}, latency=latency, server={"max_batch": 3}).spans(0)
    assert {"server", "server 2"} <= set(table["row"])


def test_a_timeline_goes_through_a_file(trace: Path, tmp_path: Path) -> None:
    table = built(trace).spans(0)
    path = tmp_path / "timeline.json"
    write_timeline(path, table)
    back = read_timeline(path)
    pd.testing.assert_frame_equal(back, table.reset_index(drop=True), check_dtype=False)
    events = json.loads(path.read_text())["traceEvents"]
    # What Chrome's trace format asks of complete events and of thread names.
    for event in events:
        keys = {
            "M": {"ph", "name", "pid", "tid", "args"},
            "X": {"ph", "name", "pid", "tid", "ts", "dur", "args"},
        }
        assert set(event) == keys[event["ph"]]
    assert {event["tid"] for event in events if event["ph"] == "X"} == {
        event["tid"] for event in events if event["ph"] == "M"
    }


def test_the_command_line_writes_them(trace: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        f"name: logs\ntrace: {trace}\npolicy: {{name: hlm}}\ndevices: 2\ntokens: 8\nseeds: 2\n"
        "requests: {deadline_s: 1}\n"
    )
    tokens, out = tmp_path / "tokens.parquet", tmp_path / "timeline.json"
    done = netsim("run", scenario, "--json", "--tokens", tokens, "--timeline", out)
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)
    assert [own["device"] for own in rows[1]["devices"]] == ["0", "1", "all"]
    assert 0 <= rows[1]["devices"][2]["deadline_met"] <= 1
    log = pd.read_parquet(tokens)
    assert sorted(log["seed"].unique()) == [0, 1]
    assert set(read_timeline(out)["device"]) == {0, 1}
    with pytest.raises(ValueError, match="not a timeline"):
        read_timeline(scenario)
