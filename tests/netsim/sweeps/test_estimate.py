"""How long a sweep takes, about: what the estimate grows with, what is refused, and what is said."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netsim.errors import InputError
from netsim.point import Point, array_blocks
from netsim.scenario import load_grid, load_scenario
from netsim.sweeps.chunks import check_points, sweep_points
from netsim.sweeps.estimate import LIMIT, TimeEstimate
from netsim.sweeps.progress import about
from netsim.sweeps.run import run_sweep
from tests.command_line import netsim

ROOT = Path(__file__).resolve().parents[3]
SCENARIO: dict[str, Any] = {
    "name": "long", "trace": str(ROOT / "traces" / "tiny-demo"), "policy": "hlm", "seeds": 4, "tokens": 8,
    "payload": {"vocabulary_size": 32_000}, "latency": {"slm": 0.01, "llm": 0.02},
    "channel": {"fading": "rayleigh", "bandwidth_hz": 1e7, "coherence_time_s": 0.01, "snr_db": 10.0},
}  # fmt: skip
THRESHOLDS = [0.1, 0.2, 0.3, 0.4, 0.5]


def seconds(**keys: Any) -> float:
    grid = load_grid({**SCENARIO, **keys})
    estimate = TimeEstimate()
    check_points(grid, estimate)
    return estimate.seconds(len(grid.scenario.seed_values()))


def channel(**keys: Any) -> dict[str, Any]:
    return {"channel": {**SCENARIO["channel"], **keys}}


def test_it_grows_with_what_takes_time() -> None:
    once, twice, thrice = (seconds(seeds=count) for count in (1000, 2000, 3000))
    assert twice - once == pytest.approx(thrice - twice)
    assert twice > 1.5 * once
    # Of many devices the rounds are what takes time, not the row that they make.
    few, more = (seconds(devices=count, requests={"per_device": 50}, seeds=1000) for count in (8, 16))
    assert more > 1.8 * few > once
    # On a narrow band nearly all is fading, of which there are ten times as many blocks.
    many = seconds(**channel(bandwidth_hz=1e3), seeds=1000)
    assert 8 < seconds(**channel(bandwidth_hz=1e2), seeds=1000) / many < 10


def test_policies_share_the_fading_of_their_channel_and_snrs_what_is_drawn_of_it() -> None:
    slow = {**channel(bandwidth_hz=1e4), "seeds": 1000}
    u_hlm = {"policy": {"name": "u-hlm", "threshold": 0.1}}
    one = seconds(**slow, **u_hlm)
    policies = seconds(**slow, **u_hlm, sweep={"policy.threshold": THRESHOLDS})
    snrs = seconds(**slow, **u_hlm, sweep={"channel.snr_db": [10.0, 10.1, 10.2, 10.3, 10.4]})
    assert policies < 2 * one
    # What is drawn is half of it, and every SNR has rates of its own.
    assert 2.5 * one < snrs < 3.5 * one
    assert 4 * one < seconds(
        **slow, **u_hlm, sweep={"channel.coherence_time_s": [1e-2, 1.01e-2, 1.02e-2, 1.03e-2, 1.04e-2]}
    )


def test_points_that_differ_in_another_key_share_nothing() -> None:
    """A sweep over tokens or latencies costs what its points cost one by one."""
    slow = {**channel(bandwidth_hz=1e4), "seeds": 1000}
    few, many = (seconds(**slow, tokens=count) for count in (4, 8))
    assert seconds(**slow, sweep={"tokens": [4, 8]}) == pytest.approx(few + many)
    assert seconds(**slow, sweep={"latency.slm": [0.01, 0.02, 0.03]}) == pytest.approx(3 * seconds(**slow))


def test_the_engine_that_is_asked_for_is_the_one_that_is_estimated() -> None:
    grid = load_grid({**SCENARIO, "seeds": 1000})
    by_engine = {engine: TimeEstimate() for engine in ("arrays", "events", "auto")}
    for engine, estimate in by_engine.items():
        sweep_points(grid, engine, estimate)
    arrays, events, auto = (estimate.seconds(1000) for estimate in by_engine.values())
    assert auto == arrays
    assert events > 10 * arrays


def test_decisions_that_no_other_seed_shares_take_their_time() -> None:
    fresh = {"token_seeds": "fresh"}
    assert seconds(seeds=1000, **fresh) > 3 * seconds(seeds=1000)


def test_it_is_about_as_right_for_one_engine_as_for_the_other() -> None:
    """The same number of estimated seconds takes the same time, whichever way it is spent.

    To a factor of four: three by which an estimate may be wrong, and a quarter that a busy machine adds.
    """
    u_hlm = {"policy": {"name": "u-hlm", "threshold": 0.1}, "tokens": 16, **channel(bandwidth_hz=1e6)}
    points = [
        Point.of(load_scenario({**SCENARIO, **u_hlm, "policy": {"name": "u-hlm", "threshold": threshold}}))
        for threshold in THRESHOLDS
    ]
    several = {"devices": 8, "requests": {"per_device": 20}, "tokens": 16}
    networks = [Point.of(load_scenario({**SCENARIO, **several}))]

    def arrays() -> None:
        for _ in array_blocks(points, range(200)):
            pass

    def events() -> None:
        for seed in range(3):
            networks[0].row(seed)

    off = []
    works: list[tuple[Callable[[], None], list[Point], str, int]] = [
        (arrays, points, "arrays", 200),
        (events, networks, "events", 3),
    ]
    for work, of, engine, num_seeds in works:
        work()  # compiles and decides
        estimate = TimeEstimate()
        for point in of:
            estimate.add(point, engine)
        many, none = estimate.seconds(num_seeds), estimate.seconds(0)
        times = []
        for _ in range(3):
            begun = time.process_time()
            for point in of:
                point.network._last.clear()  # (a seed that was run is not run again)
            work()
            times.append(time.process_time() - begun)
        off.append(min(times) / (many - none))
    assert 1 / 4 < off[0] / off[1] < 4


def test_more_than_is_allowed_is_refused_and_the_limit_can_be_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, "0.0001")
    long = {**SCENARIO, "devices": 8, "seeds": 100}
    refused = r"^seeds: takes about \d+ s of one processor, allowed: 0.0001 hours \(NETSIM_HOURS=1 in the environment allows"
    for use in (
        lambda: sweep_points(load_grid(long), "auto"),
        lambda: check_points(load_grid(long), TimeEstimate()),
        lambda: run_sweep(long, tmp_path / "out"),
    ):
        with pytest.raises(InputError, match=refused):
            use()
    assert not (tmp_path / "out").exists()
    monkeypatch.delenv(LIMIT)
    estimate = TimeEstimate()
    check_points(load_grid(long), estimate)
    with pytest.raises(
        InputError, match=r"^seeds: takes about \d+ days of one processor, allowed: 1000 hours"
    ):
        estimate.check(10**10)
    monkeypatch.setenv(LIMIT, "soon")
    with pytest.raises(InputError, match=r"NETSIM_HOURS: given 'soon', allowed: a number of hours above 0"):
        check_points(load_grid(SCENARIO), TimeEstimate())


def test_a_long_sweep_says_how_long_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = {**SCENARIO, "devices": 20, "requests": {"per_device": 2}, "seeds": 100}
    expected = seconds(**{key: value for key, value in long.items() if key != "name"})
    assert 2 < expected < 100
    run_sweep({**long, "seeds": 1}, tmp_path / "out", quiet=False)
    assert capsys.readouterr().err == ""  # nobody waits for so little
    run_sweep(long, tmp_path / "out", quiet=False)
    # One of 100 is there: what is left is said.
    assert (
        capsys.readouterr().err.splitlines()[0]
        == f"cells: 99, about {expected * 99 / 100:.0f} s of one processor"
    )


def test_validate_says_how_long_a_long_sweep_takes(tmp_path: Path) -> None:
    long = {**SCENARIO, "devices": 4}
    for seeds in (1, 10_000):
        path = tmp_path / f"{seeds}.yaml"
        path.write_text(json.dumps({**long, "seeds": seeds}))
        lasts = f", {about(seconds(**{**long, 'seeds': seeds}))} of one processor" if seeds > 1 else ""
        assert netsim("validate", path).stdout == f"{path}: ok, 1 points x {seeds} seeds{lasts}\n"
