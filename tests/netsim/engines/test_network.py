"""Networks built from scenarios, over a small trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.fading import NoFading
from netsim.engines.network import DeviceRun
from netsim.errors import InputError
from netsim.point import Point
from netsim.results.columns import STAGES
from netsim.results.devices import jain_index
from netsim.scenario import Scenario, load_scenario
from tests.trace_factory import make_trace

BASE: dict[str, Any] = {
    "name": "network",
    "policy": {"name": "u-hlm", "threshold": 0.5},
    "channel": {"snr_db": 0.0, "bandwidth_hz": 1e4, "coherence_time_s": 0.01},
    "tokens": 8,
}


@pytest.fixture(scope="session")
def small_trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 prompts of 8 tokens under 2 token seeds."""
    return make_trace(tmp_path_factory.mktemp("traces") / "small", prompts=3).folder


def point(trace: Path, **blocks: Any) -> Point:
    return Point.of(Scenario.model_validate({**BASE, "trace": str(trace), **blocks}))


def table(built: Point, seed: int = 0) -> pd.DataFrame:
    return built.device_table(seed)


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


NETWORKS = st.fixed_dictionaries(
    {
        "devices": st.integers(1, 6),
        "policy": st.sampled_from(
            [{"name": "hlm"}, {"name": "llm"}, {"name": "slm"}, {"name": "u-hlm", "threshold": 0.5},
             {"name": "channel-aware", "threshold": 0.5}]
        ),
        "uplink": st.fixed_dictionaries(
            {
                "scheduler": st.sampled_from(["fifo", "equal-split"])
                | st.fixed_dictionaries(
                    {
                        "name": st.sampled_from(["round-robin", "proportional-fair"]),
                        "slot_s": st.sampled_from([5e-4, 0.003]),
                    }
                ),
            }
        ),
        "server": st.fixed_dictionaries(
            {
                "max_batch": st.integers(1, 3),
                "replicas": st.integers(1, 2),
                "window_s": st.sampled_from([0.0, 0.01]),
            }
        ),
        "requests": st.sampled_from(
            [{}, {"arrivals": {"name": "poisson", "rate_hz": 0.5}}, {"per_device": 2, "until_s": 1.5}]
        ),
        "channel": st.sampled_from([{**BASE["channel"], "fading": name} for name in ("none", "rayleigh")]),
        "latency": st.sampled_from(
            [{"slm": 0.02, "llm": 0.05}, {"slm": 0.001, "llm": 0.03, "grant": 0.004, "propagation": 0.001}]
        ),
    }
)  # fmt: skip


@settings(max_examples=40)
@given(blocks=NETWORKS, seed=st.integers(0, 3))
def test_work_is_conserved(small_trace: Path, blocks: dict[str, Any], seed: int) -> None:
    built = point(small_trace, **blocks)
    log = built.token_log(seed)
    runs = built.network.run(seed)

    # The same seed gives the same log, and time shares add up.
    pd.testing.assert_frame_equal(log, built.token_log(seed))
    np.testing.assert_allclose(log[list(STAGES)].sum(axis=1), log["end_s"] - log["start_s"], atol=1e-9)
    assert (log[list(STAGES)] >= -1e-12).all(axis=None)
    # Rounds of a device follow one another.
    for _, own in log.groupby("device"):
        assert (own["start_s"].to_numpy()[1:] >= own["end_s"].to_numpy()[:-1] - 1e-9).all()

    requests = table(built, seed).iloc[-1]
    finished = requests["requests"] * (1 - requests["unfinished"])
    assert round(finished) == sum(int(run.finished.sum()) for run in runs)
    assert requests["tokens"] == len(log)
    if "until_s" in blocks["requests"]:
        assert (log["end_s"] <= 1.5 + 1e-9).all()
    else:
        assert requests["unfinished"] == 0

    for run in runs:
        _bits_sent_are_bits_offered(run, whole=blocks["uplink"]["scheduler"] == "fifo")
    if blocks["uplink"]["scheduler"] != "equal-split":
        # One at a time: all air times fit side by side between the first start and the last end.
        busy_s = sum(run.timings.air_s.sum() + run.timings.prompt_air_s.sum() for run in runs)
        assert not len(log) or busy_s <= log["end_s"].max() - log["start_s"].min() + 1e-9


def _bits_sent_are_bits_offered(run: DeviceRun, *, whole: bool) -> None:
    """What the link carries in the time on air is what the round had to send.

    Where uploads are sent whole, by the link's own curve; otherwise where its rate never changes.
    """
    work, timings, costs = run.workload, run.timings, run.device.costs
    if run.device.radio.fading == NoFading():
        rate_bps = run.link(0, 0.0).mean_rate_bps
        np.testing.assert_allclose(timings.air_s * rate_bps, work.bits, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(timings.prompt_air_s * rate_bps, work.prompt_bits, rtol=1e-9, atol=1e-6)
    elif whole:
        before_s = work.slm_s + work.slm_prefill_s + work.uncertainty_s + costs.grant_s + timings.air_wait_s
        sends = work.bits + work.prompt_bits > 0
        for session in np.flatnonzero(sends.any(axis=1)):
            began_s = timings.start_s[session, 0]
            link = run.link(int(session), began_s)
            for at in [(session, position) for position in np.flatnonzero(sends[session])]:
                start_s = timings.start_s[at] - began_s + before_s[at]
                end_s = start_s + timings.prompt_air_s[at] + timings.air_s[at]
                # Times are read off the clock here, to a few 1e-15 s, at a rate of some 1e4 bit/s.
                assert link.bits_between(start_s, end_s) == pytest.approx(
                    work.bits[at] + work.prompt_bits[at], rel=1e-9, abs=1e-6
                )


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        (
            {"server": {"max_batch": 8}, "devices": 3},
            "server.max_batch: batches of up to 3: latency of table: batch 2 is outside what was measured",
        ),
        (
            {"uplink": {"scheduler": "no_such_module:Mine"}},
            "uplink.scheduler: no_such_module:Mine: code of your own is not loaded",
        ),
        ({"devices": [{"slm": "fast"}]}, "devices[0].slm: no latency profile 'fast'"),
        ({"requests": {"arrivals": {"name": "recorded", "file": "none.csv"}}}, "requests.arrivals.file: "),
    ],
)
def test_what_cannot_be_had_is_refused(small_trace: Path, blocks: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError) as caught:
        point(small_trace, **blocks).row(0)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        ({"devices": [{"snr_db": 3.0}], "channel": {"fading": "SERIES"}}, r"devices\[0\]\.snr_db"),
        ({"channel": {"fading": "SERIES", "snr_db": 3.0}}, r"channel\.snr_db"),
        ({"site": {"radius_m": 100.0}, "channel": {"fading": "SERIES"}}, r"channel\.fading"),
        ({"site": {"radius_m": 100.0}, "channel": {"snr_db": 3.0}}, r"channel\.snr_db"),
        (
            {"site": {}, "devices": [{"position_m": [9.0, 9.0]}], "channel": {"snr_db": 3.0}},
            r"channel\.snr_db",
        ),
        ({"site": {"radius_m": 100.0}, "energy": {"transmit_w": 0.2}}, r"energy\.transmit_w"),
        ({"requests": {"warmup_s": 5.0, "until_s": 5.0}}, r"requests\.warmup_s"),
    ],
)
def test_what_nothing_would_look_at_is_refused(tmp_path: Path, blocks: dict[str, Any], fault: str) -> None:
    series = tmp_path / "snr.csv"
    series.write_text("time_s,snr_db\n0,10\n1,0\n")
    content: dict[str, Any] = {"name": "n", "trace": "tiny", "policy": {"name": "hlm"}} | dict(blocks)
    if content.get("channel", {}).get("fading") == "SERIES":
        recorded = {"name": "recorded", "file": str(series)}
        content["channel"] = {**content["channel"], "fading": recorded}
    if "site" in content:
        content["site"] = SITE | content["site"]
    path = tmp_path / "s.yaml"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=fault):
        load_scenario(path)
    if "snr_db" in str(blocks.get("channel")):
        content["channel"].pop("snr_db")
        path.write_text(json.dumps(content))
        load_scenario(path)
        content["sweep"] = {"channel.snr_db": [0.0, 10.0]}
        path.write_text(json.dumps(content))
        with pytest.raises(InputError, match=r"sweep\.channel\.snr_db"):
            load_scenario(path)


SITE: dict[str, Any] = {
    "environment": "umi", "carrier_hz": 3.5e9, "base_height_m": 10.0, "device_height_m": 1.5, "transmit_dbm": 23.0,
    "noise_figure_db": 5.0, "shadowing": False,
}  # fmt: skip


def test_more_transmit_power_costs_more_and_sends_faster(small_trace: Path) -> None:
    """Radiated power follows from the site: 33 dBm is ten times 23 dBm, at half efficiency twice as much drawn."""

    def run(**site: float) -> tuple[float, float]:
        built = point(
            small_trace,
            policy={"name": "hlm"},
            site=SITE | site,
            devices=[{"position_m": [2000.0, 0.0]}],
            channel={"fading": "none", "bandwidth_hz": 1e4},
            energy={"compute_w": 0.0, "amplifier_efficiency": 0.5},
        )
        run = built.network.run(0)[0]
        return float(built.row(0)["device_energy_j"] or 0), float(run.timings.air_s.sum() / 24)

    for dbm, watts in ((23.0, 0.199526), (33.0, 1.99526)):
        joules, air_s = run(transmit_dbm=dbm)
        assert joules == pytest.approx(watts / 0.5 * air_s, rel=1e-5)
    # Antennas lift the link as power does, and draw nothing.
    loud, gained = run(transmit_dbm=33.0), run(antenna_gain_db=10.0)
    assert gained[1] == pytest.approx(loud[1], rel=1e-12)
    assert gained[0] == pytest.approx(loud[0] / 10, rel=1e-5)


def test_a_recorded_series_goes_on_from_prompt_to_prompt(small_trace: Path, tmp_path: Path) -> None:
    """200 s whose SNR falls after 5 s: the first prompts meet the first level, the others the second."""
    path = tmp_path / "snr.csv"
    path.write_text("time_s,snr_db\n0,20\n5,-5\n200,-5\n")
    flat = tmp_path / "flat.csv"
    flat.write_text("time_s,snr_db\n0,20\n200,20\n")

    def built(file: Path, **keys: Any) -> Point:
        fading = {"name": "recorded", "file": str(file), **keys}
        channel = {"fading": fading, "bandwidth_hz": 50.0, "coherence_time_s": 0.01}
        return point(small_trace, policy={"name": "hlm"}, channel=channel)

    run = built(path).network.run(0)[0]
    for session, began_s in enumerate(run.timings.start_s[:, 0]):
        for position in range(8):
            start_s = float(run.timings.start_s[session, position])
            level = 20.0 if start_s < 5 else -5.0
            snr = run.link(session, float(began_s)).snr(start_s - float(began_s))
            assert 10 * np.log10(snr) == pytest.approx(level)
    assert run.timings.start_s[1, 0] > 5  # a series that started anew would give 20 dB here
    assert built(path).row(0)["throughput_tok_s"] != built(flat).row(0)["throughput_tok_s"]
    anew = built(path, restart="prompt")
    assert anew.engine("auto") == "arrays"
    assert built(path).engine("auto") == "events"
    # Every prompt then meets the good start again.
    assert float(anew.row(0)["throughput_tok_s"] or 0) > float(built(path).row(0)["throughput_tok_s"] or 0)


def test_the_warm_up_is_simulated_and_not_counted(small_trace: Path, tmp_path: Path) -> None:
    arrivals = tmp_path / "arrivals.csv"
    arrivals.write_text("device,time_s\n0,0\n0,1\n0,4.5\n")
    blocks: dict[str, Any] = {"policy": {"name": "slm"}, "latency": {"slm": 0.25, "llm": 0.0}}
    requests = {"arrivals": {"name": "recorded", "file": str(arrivals)}, "warmup_s": 1.0}
    # 2 s a request: they are served from 0, 2 and 4.5 on, and wait 0, 1 and 0 s.
    row = point(small_trace, requests=requests, **blocks).row(0)
    assert row["tokens"] == 16
    assert row["request_mean_s"] == pytest.approx((3.0 + 2.0) / 2)
    assert row["late_over_early"] == pytest.approx(2.0 / 3.0)
    assert point(small_trace, requests={**requests, "warmup_s": 0.0}, **blocks).row(0)["tokens"] == 24


def test_arrays_refuse_what_may_wait(small_trace: Path) -> None:
    with pytest.raises(InputError, match="devices: needs the event engine"):
        point(small_trace, devices=2).row(0, "arrays")
    with pytest.raises(InputError, match="policy: needs the event engine"):
        point(small_trace, policy={"name": "channel-aware", "threshold": 0.5}).row(0, "arrays")


def test_the_scenarios_of_the_documentation_run(small_trace: Path, tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "network.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in text.split("```yaml\n")[1:]]
    assert len(blocks) == 3
    for block in blocks:
        path = tmp_path / "scenario.yaml"
        path.write_text(f"name: docs\ntrace: {small_trace}\npolicy: {{name: hlm}}\ntokens: 8\n{block}")
        assert Point.of(load_scenario(path)).row(0)["tokens"]


@pytest.mark.parametrize("prefill", [True, False])
@pytest.mark.parametrize("policy", ["llm", "hlm", "u-hlm"])
def test_engines_agree_where_a_grant_outlasts_a_block(small_trace: Path, policy: str, prefill: bool) -> None:
    """A grant of several blocks moves every upload to another gain, that of the prompt's ids as well."""
    blocks: dict[str, Any] = {
        "policy": {"name": policy} | ({"threshold": 0.5} if policy == "u-hlm" else {}),
        "channel": {"snr_db": 0.0, "bandwidth_hz": 2e3, "coherence_time_s": 0.01},
        "latency": {"grant": 0.0331, "propagation": 0.007, "prefill": prefill},
    }
    arrays, events = (point(small_trace, **blocks).row(seed) for seed in (4, 5)), []
    for seed, row in zip((4, 5), arrays, strict=True):
        other = point(small_trace, devices=[{}], **blocks).row(seed)
        events.append(other)
        for name, value in row.items():
            if isinstance(value, float):
                assert other[name] == pytest.approx(value, rel=1e-9), name
    # By hand: what the first token of llm waits for, besides its pass over the prompt.
    if policy == "llm":
        run = point(small_trace, devices=[{}], **blocks).network.run(4)[0]
        np.testing.assert_allclose(
            run.timings.prompt_s[:, 0], 0.0331 + 0.007 + run.timings.prompt_air_s[:, 0], rtol=1e-12
        )
