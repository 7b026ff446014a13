"""Networks built from scenarios, over a small trace: what devices do and get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.errors import InputError
from netsim.results.devices import jain_index
from tests.small_network import BASE, point, table


@pytest.mark.parametrize("policy", ["slm", "llm", "hlm", "oracle"])
def test_a_network_of_one_gives_the_row_of_one_device(small_trace: Path, policy: str) -> None:
    blocks = {"policy": {"name": policy}, "latency": {"grant": 0.002, "propagation": 0.001, "prefill": True}}
    alone = point(small_trace, **blocks).row(1)
    network = point(small_trace, devices=[{}], **blocks).row(1)
    assert (alone["engine"], network["engine"]) == ("arrays", "events")
    for name, value in alone.items():
        if name != "engine":
            assert network[name] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), (
                name
            )


def test_devices_take_prompts_in_turn(small_trace: Path) -> None:
    sessions = [
        [(own.place, own.visit, own.fading) for own in run.sessions]
        for run in point(small_trace, devices=2).network.run(5)
    ]
    assert sessions == [[(0, 0, 0), (2, 0, 2)], [(1, 0, 1)]]
    again = point(small_trace, requests={"per_device": 5}).network.run(0)[0].sessions
    assert [(own.place, own.visit, own.fading) for own in again] == [
        (0, 0, 0), (1, 0, 1), (2, 0, 2), (0, 1, 3), (1, 1, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(("num_devices", "visits"), [(1, 1), (2, 1), (3, 1), (4, 2), (7, 3)])
def test_any_number_of_devices_does_the_same_work(small_trace: Path, num_devices: int, visits: int) -> None:
    built = point(small_trace, devices=[{}] * num_devices)
    places = [own.place for run in built.network.run(0) for own in run.sessions]
    assert sorted(places) == sorted([0, 1, 2] * visits)
    # Recorded draws are those of the row's token seed, so that the decisions are the same ones.
    alone = point(small_trace).row(0)
    for name in ("transmission_rate", "rejection_rate", "llm_nll", "uplink_bits"):
        assert built.row(0)[name] == pytest.approx(alone[name], rel=1e-12), name


def test_devices_have_what_is_theirs(small_trace: Path) -> None:
    devices = [{"snr_db": 20.0}, {"snr_db": -10.0}, {"policy": {"name": "slm"}, "slm": 0.5}]
    built = point(
        small_trace, devices=devices, policy={"name": "hlm"}, channel={**BASE["channel"], "fading": "none"}
    )
    strong, weak, alone = built.network.run(0)
    # The same bits take as long as log2(101) and log2(1.1) bit/s/Hz say.
    ratio = weak.timings.air_s.sum() / strong.timings.air_s.sum()
    bits = [run.workload.bits.sum() for run in (weak, strong)]
    assert ratio * bits[1] / bits[0] == pytest.approx(np.log2(101) / np.log2(1.1), rel=1e-9)
    assert alone.workload.bits.sum() == 0
    assert (alone.workload.slm_s[alone.rounds.valid] == 0.5).all()
    row = built.row(0)
    assert row["transmission_rate"] == pytest.approx(2 / 3)


def test_throughput_is_the_mean_over_devices(small_trace: Path) -> None:
    built = point(small_trace, devices=3)
    by_device = table(built)
    assert built.row(0)["throughput_tok_s"] == pytest.approx(by_device["throughput_tok_s"][:3].mean())
    assert by_device["throughput_tok_s"][3] == pytest.approx(by_device["throughput_tok_s"][:3].mean())
    assert by_device["tokens"][3] == by_device["tokens"][:3].sum() == 24


def test_fairness_is_jains() -> None:
    assert jain_index([2, 2, 2]) == 1
    assert jain_index([1, 2, 3]) == pytest.approx(36 / 42)
    assert np.isnan(jain_index([0, 0]))


def test_deadlines_and_unfinished_requests_by_hand(small_trace: Path, tmp_path: Path) -> None:
    arrivals = tmp_path / "arrivals.csv"
    arrivals.write_text("device,time_s\n0,0\n0,1\n0,50\n")
    built = point(
        small_trace,
        policy={"name": "slm"},
        latency={"slm": 0.25, "llm": 0.0},
        requests={
            "arrivals": {"name": "recorded", "file": str(arrivals)}, "deadline_s": 2.5, "until_s": 3.1,
        },
    )  # fmt: skip
    # Of 8 tokens of 0.25 s: the first request is over at 2, the second, which starts then, would be at 4, and the
    # third has not arrived when all ends.
    one = table(built).iloc[0]
    assert (one["requests"], one["unfinished"], one["tokens"]) == (2, 0.5, 12)
    assert one["deadline_met"] == 0.5
    assert one["request_mean_s"] == pytest.approx(2.0)
    assert one["first_token_s"] == pytest.approx((0.25 + 1.25) / 2)
    assert built.row(0)["tokens"] == 12


@pytest.mark.parametrize("policy", ["hlm", "channel-aware"])
def test_a_device_may_have_nothing_to_do(small_trace: Path, tmp_path: Path, policy: str) -> None:
    arrivals = tmp_path / "arrivals.csv"
    arrivals.write_text("device,time_s\n1,3\n")
    settings: dict[str, Any] = {"name": policy} | ({"threshold": 0.5} if policy == "channel-aware" else {})
    requests: dict[str, Any] = {"arrivals": {"name": "recorded", "file": str(arrivals)}}
    built = point(small_trace, policy=settings, devices=2, requests=requests)
    assert table(built)["tokens"].tolist() == [0, 8, 8]
    assert table(built)["requests"].tolist() == [0, 1, 1]
    # Whoever was asked for nothing has no throughput, and no part in its mean or in its fairness.
    assert np.isnan(table(built)["throughput_tok_s"][0])
    assert table(built)["jain"].iloc[-1] == built.row(0)["jain"] == 1.0
    assert built.row(0)["throughput_tok_s"] == table(built)["throughput_tok_s"][1]
    assert built.token_log(0)["device"].unique().tolist() == [1]
    assert built.row(0)["tokens"] == 8
    with pytest.raises(InputError, match="requests: nobody asks"):
        point(small_trace, policy=settings, devices=2, requests={**requests, "until_s": 2.0}).row(0)


SILENT: dict[str, Any] = {"rate": "cqi", "snr_db": 10.0, "fading": "none", "bandwidth_hz": 1e4}


@pytest.mark.parametrize("scheduler", ["fifo", "round-robin", "equal-split", "proportional-fair"])
def test_a_device_in_outage_waits_and_the_others_go_on(small_trace: Path, scheduler: str) -> None:
    blocks = {"policy": {"name": "hlm"}, "channel": SILENT, "uplink": {"scheduler": scheduler}}
    devices = [{}, {"snr_db": -60.0}, {}]
    row = point(small_trace, devices=devices, **blocks).row(0)
    by_device = table(point(small_trace, devices=devices, **blocks))
    assert row["outage"] == row["unfinished"] == pytest.approx(1 / 3)
    assert by_device["outage"].tolist() == pytest.approx([0, 1, 0, 1 / 3])
    assert by_device["throughput_tok_s"][1] == 0
    # The two that are served share what two would share, and the mean is over all three.
    assert row["throughput_tok_s"] == pytest.approx(by_device["throughput_tok_s"][:3].sum() / 3)
    assert row["tokens"] == 16


@pytest.mark.parametrize("devices", [1, [{}]])
def test_a_point_where_nothing_finishes_is_a_row(small_trace: Path, devices: Any) -> None:
    built = point(small_trace, devices=devices, policy={"name": "hlm"}, channel={**SILENT, "snr_db": -60.0})
    row = built.row(0)
    assert (row["throughput_tok_s"], row["tokens"], row["outage"], row["unfinished"]) == (0, 0, 1, 1)
    assert row["engine"] == "events"
    assert row["latency_mean_s"] is row["transmission_rate"] is row["device_energy_j"] is None
    with pytest.raises(InputError, match=r"(channel|devices): needs the event engine"):
        built.row(0, "arrays")
    # Who never sends does not notice.
    alone = point(small_trace, devices=devices, policy={"name": "slm"}, channel={**SILENT, "snr_db": -60.0})
    assert alone.row(0)["outage"] == 0
    assert alone.row(0)["tokens"] == 24


def test_an_outage_after_some_rounds_counts_until_the_end(small_trace: Path) -> None:
    blocks = {
        "policy": {"name": "u-hlm", "threshold": 0.5},
        "channel": {**SILENT, "snr_db": -60.0},
        "latency": {"slm": 0.5, "llm": 0.1},
    }
    row = point(small_trace, devices=[{}], requests={"until_s": 40.0}, **blocks).row(0)
    sent = point(small_trace).rounds(0).transmitted[0]
    skipped = int(np.argmax(sent))  # rounds of the first prompt before its first upload
    assert sent.any()
    assert row["tokens"] == skipped
    assert row["throughput_tok_s"] == pytest.approx(skipped / 40.0)
    forever = point(small_trace, devices=[{}], **blocks).row(0)
    assert forever["throughput_tok_s"] == 0
    assert forever["outage"] == 1.0


def test_the_end_of_the_simulation_counts_what_is_under_way(small_trace: Path) -> None:
    # A token takes 0.25 s by itself and the link none of it: 3.1 s hold 12 tokens and 0.1 s of the next.
    blocks = {"policy": {"name": "slm"}, "latency": {"slm": 0.25, "llm": 0.0}}
    row = point(small_trace, requests={"until_s": 3.1}, **blocks).row(0)
    assert row["tokens"] == 12
    assert row["throughput_tok_s"] == pytest.approx(12 / 3.1)
    # A slow link: whatever comes out, tokens over time is what a stop-watch says.
    slow = {"policy": {"name": "hlm"}, "channel": {**BASE["channel"], "bandwidth_hz": 10.0, "fading": "none"}}
    built = point(
        small_trace, requests={"until_s": 60.0}, latency={"slm": 0.0, "llm": 0.0, "prefill": True}, **slow
    )
    row = built.row(0)
    tokens = row["tokens"]
    assert isinstance(tokens, int)
    assert tokens > 0
    assert row["throughput_tok_s"] == pytest.approx(tokens / 60.0)


def test_no_time_at_all_is_refused(small_trace: Path) -> None:
    blocks = {"policy": {"name": "slm"}, "latency": {"slm": 0.0, "llm": 0.0}}
    for devices in (1, [{}], 2):  # type: ignore[var-annotated]
        with pytest.raises(InputError, match="latency: the tokens take no time at all"):
            point(small_trace, devices=devices, **blocks).row(0)


def test_a_poisson_stream_leaves_the_decisions_as_they_are(small_trace: Path) -> None:
    closed = point(small_trace, devices=2).network.run(3)
    opened = point(small_trace, devices=2, requests={"arrivals": {"name": "poisson", "rate_hz": 1.0}})
    for one, other in zip(closed, opened.network.run(3), strict=True):
        np.testing.assert_array_equal(one.rounds.token, other.rounds.token)
        assert other.arrivals_s is not None
        assert (other.timings.start_s[:, 0] >= other.arrivals_s).all()
