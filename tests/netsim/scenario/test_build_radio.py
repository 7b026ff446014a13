from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channels.correlated import Clarke, GaussMarkov
from channels.fading import Nakagami, NoFading, Rayleigh, Rician
from channels.goodput import HarqRate
from channels.harq import Harq
from channels.rates import cqi, shannon
from netsim.errors import InputError, at_key
from netsim.point import Point
from netsim.radio.link import Radio
from netsim.scenario import Scenario
from tests.trace_factory import make_trace


def radio(**channel: Any) -> Radio:
    content = {"name": "radio", "trace": "none", "policy": {"name": "hlm"}, "channel": channel}
    settings = Scenario.model_validate(content).channel
    with at_key("channel"):
        return settings.build()


@pytest.mark.parametrize(
    ("settings", "fading"),
    [
        ("none", NoFading()),
        ("rayleigh", Rayleigh()),
        ({"name": "rician", "k_db": 6}, Rician(6.0)),
        ({"name": "nakagami", "m": 2}, Nakagami(2.0)),
        ({"name": "gauss-markov", "rho": 0.9}, GaussMarkov(0.9)),
        ({"name": "clarke", "doppler_hz": 5}, Clarke(5.0)),
        # 1.5 m/s at 3.5 GHz: v f / c.
        ({"name": "clarke", "speed_m_s": 1.5, "carrier_hz": 3.5e9}, Clarke(1.5 * 3.5e9 / 299_792_458)),
    ],
)
def test_every_fading_of_a_scenario(settings: Any, fading: Any) -> None:
    assert radio(fading=settings).fading == fading


def test_rates_of_a_scenario() -> None:
    assert radio().rate_law is shannon
    assert radio(rate="cqi").rate_law is cqi
    harq = {"block_symbols": 500, "max_transmissions": 3, "combining": "none"}
    assert radio(rate={"name": "cqi", "harq": harq}).rate_law == HarqRate(Harq(500, 3, "none"))
    assert radio(rate={"name": "shannon", "gap_db": 3.0}).gap == pytest.approx(10**0.3)


def test_a_recorded_series_is_taken_as_it_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "snr.csv"
    path.write_text("time_s,snr_db\n0,10\n1,0\n2,20\n")
    curve = radio(fading={"name": "recorded", "file": str(path), "end": "loop"}).curve(0, 0, 0)
    assert [10 * np.log10(curve.snr(time_s)) for time_s in (0.5, 1.5, 2.5, 3.5)] == pytest.approx(
        [10, 0, 20, 10]
    )


@pytest.mark.parametrize(
    ("channel", "fault"),
    [
        ({"fading": {"name": "recorded", "file": "/nowhere.csv"}}, "channel.fading.file: no such file"),
        ({"fading": {"name": "nowhere:Mine"}}, "channel.fading: nowhere:Mine"),
    ],
)
def test_what_cannot_be_had_is_refused(channel: Any, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        radio(**channel)


def test_coherence_time_must_resolve_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "snr.csv"
    path.write_text("time_s,snr_db\n0,10\n0.001,0\n")
    with pytest.raises(InputError, match="coherence_time_s: must be at most the shortest step"):
        radio(fading={"name": "recorded", "file": str(path)})


def test_a_recording_that_ends_stops_the_network(tmp_path: Path) -> None:
    path = tmp_path / "snr.csv"
    path.write_text("time_s,snr_db\n0,-20\n0.05,-20\n")
    trace = make_trace(tmp_path / "trace")
    content = {
        "name": "short",
        "trace": str(trace.folder),
        "policy": {"name": "hlm"},
        "channel": {"fading": {"name": "recorded", "file": str(path)}, "bandwidth_hz": 1e4},
        "devices": 2,
        "tokens": 8,
    }
    with pytest.raises(InputError, match=r"channel: .*the channel ends after"):
        Point.of(Scenario.model_validate(content)).row(0)


def test_energy_of_a_token_by_hand(tmp_path: Path) -> None:
    """One bit/s/Hz on 1 kHz: hlm's upload of 16 entries of 12 bits and a draft of 4 takes 0.196 s."""
    trace = make_trace(tmp_path / "trace")
    content = {
        "name": "energy",
        "trace": str(trace.folder),
        "policy": {"name": "hlm"},
        "channel": {"fading": "none", "snr_db": 0.0, "bandwidth_hz": 1e3},
        "latency": {"slm": 0.02, "llm": 0.05, "grant": 0.004},
        "downlink": {"rate_bps": 1e3},
        "energy": {"transmit_w": 0.2, "compute_w": 2.0, "idle_w": 0.1},
        "devices": [{}],
        "tokens": 8,
    }
    row = Point.of(Scenario.model_validate(content)).row(0)
    idle_s = 0.004 + 0.05 + 4e-3  # grant, the LLM's pass, a response of 4 bits
    assert row["uplink_bits"] == 196
    assert row["device_energy_j"] == pytest.approx(0.2 * 0.196 + 2.0 * 0.02 + 0.1 * idle_s)
    assert row["throughput_tok_s"] == pytest.approx(1 / (0.196 + 0.02 + idle_s))
