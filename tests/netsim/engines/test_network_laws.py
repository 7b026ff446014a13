"""Networks built from scenarios, over a small trace: what is conserved, refused, and the same in both engines."""

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
from netsim.scenario import load_scenario
from tests.small_network import BASE, point, table

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
