from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channels.pathloss import Site
from netsim.errors import InputError
from netsim.point import Point
from netsim.radio.link import session_rng
from netsim.scenario import Scenario, load_scenario
from tests.trace_factory import make_trace
from traces.streams import (
    ARRIVAL_STREAM,
    BOOTSTRAP_STREAM,
    FADING_STREAM,
    PLACE_STREAM,
    SERIES_STREAM,
    TOKEN_STREAM,
)

SITE = {
    "environment": "umi", "carrier_hz": 3.5e9, "base_height_m": 10.0, "device_height_m": 1.5,
    "transmit_dbm": 23.0, "noise_figure_db": 5.0, "shadowing": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("places") / "trace").folder


def content(trace: Path, devices: Any, **blocks: Any) -> dict[str, Any]:
    channel = {"fading": "none", "bandwidth_hz": 1e5, "coherence_time_s": 0.01}
    base = {"name": "places", "trace": str(trace), "policy": {"name": "hlm"}, "channel": channel, "tokens": 8}
    return {**base, "devices": devices, "site": SITE, **blocks}


def built(trace: Path, devices: Any, **blocks: Any) -> Point:
    return Point.of(Scenario.model_validate(content(trace, devices, **blocks)))


def snr_db(distance_m: float, *, clear: bool) -> float:
    """23 dBm less path loss, over noise of -174 dBm/Hz and 5 dB in 100 kHz."""
    site = Site("umi", 3.5e9, 10.0, 1.5)
    return 23 - site.path_loss_db(distance_m, line_of_sight=clear) - (-174 + 5 + 50)


def test_snr_follows_from_the_place(trace: Path) -> None:
    devices = [{"position_m": [30, 40]}, {"position_m": [0, -400]}, {"snr_db": 7}, {}]
    log = built(trace, devices).token_log(0)
    seen = log.groupby("device")["snr_db"].first()
    for device, distance_m in ((0, 50.0), (1, 400.0)):
        expected = [snr_db(distance_m, clear=clear) for clear in (True, False)]
        assert min(abs(seen[device] - value) for value in expected) < 1e-9
    assert seen[2] == pytest.approx(7.0)
    assert seen[3] == pytest.approx(10.0)  # that of the channel


def test_line_of_sight_comes_as_often_as_it_should(trace: Path) -> None:
    point = built(trace, [{"position_m": [100, 0]}])
    device = point.network.devices[0]
    seeds = 4000
    clear = [
        abs(10 * np.log10(device.radio_at(seed, 0, 0.0).snr) - snr_db(100, clear=True)) < 1e-9
        for seed in range(seeds)
    ]
    probability = Site("umi", 3.5e9, 10.0, 1.5).line_of_sight_probability(100)
    # Four standard errors of a share: a false alarm in 16 000 seeds.
    assert abs(np.mean(clear) - probability) < 4 * np.sqrt(probability * (1 - probability) / seeds)


def test_shadowing_is_log_normal_around_it(trace: Path) -> None:
    device = built(trace, [{"position_m": [15, 0]}], site={**SITE, "shadowing": True}).network.devices[0]
    seeds = 4000
    off_db = [
        10 * np.log10(device.radio_at(seed, 0, 0.0).snr) - snr_db(15, clear=True) for seed in range(seeds)
    ]
    # Within 18 m all is in sight, where TR 38.901 has 4 dB. Four standard errors of mean and of deviation.
    assert abs(np.mean(off_db)) < 4 * 4 / np.sqrt(seeds)
    assert abs(np.std(off_db) - 4) < 4 * 4 / np.sqrt(2 * seeds)


def test_dropped_devices_are_even_over_the_disc(trace: Path) -> None:
    point = built(trace, 1, site={**SITE, "radius_m": 200.0})
    place = point.network.devices[0].place
    assert place is not None
    distances = np.array([np.hypot(*place._drop(np.random.default_rng(seed))) for seed in range(4000)])
    assert distances.min() >= 10  # where the path-loss model begins
    # Even over the ring from 10 to 200 m: the square of the distance is uniform.
    shares = (distances**2 - 10**2) / (200**2 - 10**2)
    assert abs(shares.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 4000)
    assert point.row(0) == point.row(0)
    assert point.row(0) != point.row(1)


def test_a_moving_device_is_where_it_is_by_then(trace: Path) -> None:
    """Away from the base station at 10 m/s, in a straight line, over several prompts."""
    devices = [{"position_m": [12, 0], "velocity_m_s": [10, 0]}]
    blocks = {"requests": {"per_device": 4}, "latency": {"slm": 0.3, "llm": 0.1}}
    point = built(trace, devices, **blocks)
    seed = next(
        seed
        for seed in range(50)
        if abs(10 * np.log10(point.network.devices[0].radio_at(seed, 0, 0.0).snr) - snr_db(12, clear=True))
        < 1e-9
    )
    log = point.token_log(seed)
    sent_s = log["start_s"] + log["slm_s"]
    expected = np.array([snr_db(12 + 10 * time_s, clear=True) for time_s in sent_s])
    # A block has the mean of its start: it is off by what 0.1 m change, at most 0.06 dB at 12 m.
    assert np.abs(log["snr_db"] - expected).max() < 0.06
    assert expected[0] - expected[-1] > 5


def test_a_device_that_leaves_the_model_is_refused(trace: Path) -> None:
    devices = [{"position_m": [4990, 0], "velocity_m_s": [100, 0]}]
    with pytest.raises(InputError, match="channel: "):
        built(trace, devices, requests={"per_device": 4}, latency={"slm": 1.0, "llm": 0.1}).row(0)


@pytest.mark.parametrize(
    ("devices", "blocks", "fault"),
    [
        (
            [{"position_m": [3, 0]}],
            {},
            "devices[0].position_m: umi: path loss holds from 10.0 to 5000.0 m, got 3",
        ),
        (3, {"site": {**SITE, "radius_m": 9000.0}}, "site.radius_m: umi: path loss holds from 10.0 to"),
        (3, {"site": {**SITE, "device_height_m": 23.0, "radius_m": 50.0}}, "site: Site.device_height_m: "),
    ],
)
def test_places_outside_the_model_are_refused(trace: Path, devices: Any, blocks: Any, fault: str) -> None:
    with pytest.raises(InputError) as caught:
        built(trace, devices, **blocks)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("devices: [{position_m: [1, 2], snr_db: 3}]", "devices[0].snr_db: follows from position_m"),
        ("devices: [{velocity_m_s: [1, 2]}]", "devices[0].velocity_m_s: starts nowhere"),
        (
            "devices: [{position_m: [50, 2]}]",
            "devices[0].position_m: nowhere to send to, allowed: with a site block",
        ),
        ("devices: [{position_m: [50]}]", "devices[0].position_m: wrong value, given [50]"),
        (
            "requests: {arrivals: {name: recorded, file: a.csv}, per_device: 3}",
            "requests.per_device: follows from",
        ),
        ("requests: {arrivals: poison}", "requests.arrivals: unknown value, given 'poison'"),
        ("channel: {fading: {name: clarke}}", "channel.fading.doppler_hz: not determined"),
        (
            "channel: {fading: {name: clarke, doppler_hz: 3, speed_m_s: 1, carrier_hz: 1e9}}",
            "channel.fading.doppler",
        ),
        ("channel: {fading: {name: clarke, speed_m_s: 1}}", "channel.fading.doppler_hz: not determined"),
        (
            "channel: {rate: {name: shannon, harq: {block_symbols: 9}}}",
            "channel.rate.harq: unknown key, given",
        ),
    ],
)
def test_blocks_that_contradict_themselves_are_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"name: a\ntrace: tiny\npolicy: {{name: hlm}}\n{text}\n")
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    assert f"{path}:4: {fault}" in str(caught.value)


def test_places_and_fading_are_drawn_apart() -> None:
    """A place's draws are none of the fading's: a generator pads short keys with zeros, so streams must differ."""
    for seed, device in ((0, 0), (3, 1)):
        place = np.random.default_rng([PLACE_STREAM, seed, device]).random(8)
        for prompt in range(3):
            fading = session_rng(seed, device, prompt).random(8)
            assert not np.isin(place, fading).any()


def test_every_stream_has_a_number_of_its_own() -> None:
    streams = [TOKEN_STREAM, FADING_STREAM, ARRIVAL_STREAM, PLACE_STREAM, SERIES_STREAM, BOOTSTRAP_STREAM]
    assert len(set(streams)) == len(streams)
