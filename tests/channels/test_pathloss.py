from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from channels.pathloss import Environment, Site, mean_snr_db

SITES: dict[Environment, Site] = {
    "uma": Site("uma", 5e9, base_height_m=25.0, device_height_m=1.5),
    "umi": Site("umi", 5e9, base_height_m=10.0, device_height_m=1.5),
    "inh": Site("inh", 5e9, base_height_m=3.0, device_height_m=1.5),
}

# Test vectors of another implementation of TR 38.901, ns-3 (src/propagation/test/
# three-gpp-propagation-loss-model-test-suite.cc): 5 GHz, the heights above, in its tolerance of 0.05 dB.
VECTORS: list[tuple[Environment, float, bool, float]] = [
    ("uma", 10.0, True, 72.9380),
    ("uma", 100.0, True, 86.2362),
    ("uma", 1000.0, True, 109.7252),
    ("uma", 5000.0, True, 137.6794),
    ("uma", 10.0, False, 82.5131),
    ("uma", 100.0, False, 106.1356),
    ("uma", 1000.0, False, 144.7641),
    ("uma", 5000.0, False, 172.0753),
    ("umi", 10.0, True, 69.8591),
    ("umi", 100.0, True, 88.4122),
    ("umi", 1000.0, True, 119.3114),
    ("umi", 5000.0, True, 147.2696),
    ("umi", 10.0, False, 76.7563),
    ("umi", 100.0, False, 107.9432),
    ("umi", 1000.0, False, 143.1886),
    ("umi", 5000.0, False, 167.8617),
    ("inh", 1.0, True, 50.8072),
    ("inh", 10.0, True, 63.7630),
    ("inh", 50.0, True, 75.7750),
    ("inh", 100.0, True, 80.9802),
    ("inh", 1.0, False, 50.8072),
    ("inh", 10.0, False, 73.1894),
    ("inh", 50.0, False, 99.7824),
    ("inh", 100.0, False, 111.3062),
]


@pytest.mark.parametrize(("environment", "distance_m", "line_of_sight", "loss_db"), VECTORS)
def test_path_loss_is_that_of_ns3(
    environment: Environment, distance_m: float, line_of_sight: bool, loss_db: float
) -> None:
    found_db = SITES[environment].path_loss_db(distance_m, line_of_sight=line_of_sight)
    assert found_db == pytest.approx(loss_db, abs=0.05)


@pytest.mark.parametrize("environment", ["uma", "umi"])
def test_path_loss_is_continuous_at_the_break_point(environment: Environment) -> None:
    site = SITES[environment]
    break_m = 4 * (site.base_height_m - 1) * 0.5 * 5e9 / 299_792_458
    before, after = (site.path_loss_db(break_m * f, line_of_sight=True) for f in (1 - 1e-9, 1 + 1e-9))
    # The two slopes meet up to the rounding of their published coefficients: 18 or 19 dB a decade of the
    # break distance against 2 * 9 or 2 * 9.5, so exactly.
    assert before == pytest.approx(after, abs=1e-6)


@pytest.mark.parametrize("environment", ["uma", "umi", "inh"])
def test_no_line_of_sight_is_never_better(environment: Environment) -> None:
    site = SITES[environment]
    for distance_m in np.geomspace(10, 149, 50):
        clear, blocked = (
            site.path_loss_db(float(distance_m), line_of_sight=sight) for sight in (True, False)
        )
        assert blocked >= clear


@pytest.mark.parametrize(
    ("environment", "distance_m", "probability"),
    [
        # Table 7.4.2-1 by hand.
        ("uma", 18.0, 1.0),
        ("uma", 63.0, 18 / 63 + math.exp(-1) * (1 - 18 / 63)),
        ("umi", 18.0, 1.0),
        ("umi", 36.0, 0.5 + math.exp(-1) * 0.5),
        ("inh", 1.2, 1.0),
        ("inh", 5.9, math.exp(-1)),
        ("inh", 39.1, 0.32 * math.exp(-1)),
    ],
)
def test_line_of_sight_probability(environment: Environment, distance_m: float, probability: float) -> None:
    assert SITES[environment].line_of_sight_probability(distance_m) == pytest.approx(probability, rel=1e-12)


@pytest.mark.parametrize(("environment", "distance_m"), [("uma", 18.0), ("umi", 18.0), ("inh", 1.2)])
def test_line_of_sight_probability_is_continuous(environment: Environment, distance_m: float) -> None:
    assert SITES[environment].line_of_sight_probability(distance_m * (1 + 1e-9)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("environment", "clear_db", "blocked_db"), [("uma", 4.0, 6.0), ("umi", 4.0, 7.82), ("inh", 3.0, 8.03)]
)
def test_draws_have_the_tables_probability_and_spread(
    environment: Environment, clear_db: float, blocked_db: float
) -> None:
    num_draws = 4000
    rng = np.random.default_rng(0)
    draws = [SITES[environment].draw(50.0, rng) for _ in range(num_draws)]
    share = np.mean([place.line_of_sight for place in draws])
    probability = SITES[environment].line_of_sight_probability(50.0)
    # 4 standard errors each: binomial; and sigma / sqrt(2 n) for a standard deviation of normal draws.
    assert abs(share - probability) < 4 * math.sqrt(probability * (1 - probability) / num_draws)
    for line_of_sight, spread_db in ((True, clear_db), (False, blocked_db)):
        assert SITES[environment].shadowing_db(line_of_sight=line_of_sight) == spread_db
        shadowing = np.array([place.shadowing_db for place in draws if place.line_of_sight == line_of_sight])
        assert abs(shadowing.std() - spread_db) < 4 * spread_db / math.sqrt(2 * shadowing.size)
        assert abs(shadowing.mean()) < 4 * spread_db / math.sqrt(shadowing.size)


@pytest.mark.parametrize(("environment", "distance_m"), [("uma", 9.9), ("umi", 5001.0), ("inh", 151.0)])
def test_distance_out_of_range_is_refused(environment: Environment, distance_m: float) -> None:
    with pytest.raises(ValueError, match=f"{environment}: path loss holds from"):
        SITES[environment].path_loss_db(distance_m, line_of_sight=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"environment": "rma"}, "Site.environment: must be one of uma, umi, inh, got 'rma'"),
        ({"carrier_hz": 3.5}, "Site.carrier_hz"),
        ({"base_height_m": 1.0}, "Site.base_height_m"),
        ({"device_height_m": 1.0}, "must be 1.5 to 22.5, got 1.0"),
        ({"device_height_m": 22.6}, "must be 1.5 to 22.5, got 22.6"),
        ({"environment": "inh", "device_height_m": 13.0}, "above 0 and below 13"),
    ],
)
def test_site_out_of_range_is_refused(change: dict[str, Any], message: str) -> None:
    values = {"environment": "uma", "carrier_hz": 5e9, "base_height_m": 25.0, "device_height_m": 1.5}
    with pytest.raises(ValueError, match=message):
        Site(**{**values, **change})


HIGH = Site("uma", 5e9, base_height_m=25.0, device_height_m=21.0)


def test_a_high_device_sees_the_base_station_more_often() -> None:
    # Table 7.4.2-1 by hand at 150 m: C' = 0.8^1.5 = 0.71554, (5/4) 1.5^3 e^-1 = 1.55199.
    low = 18 / 150 + math.exp(-150 / 63) * (1 - 18 / 150)
    assert HIGH.line_of_sight_probability(150.0) == pytest.approx(low * (1 + 0.715542 * 1.551993), rel=1e-5)
    assert HIGH.line_of_sight_probability(18.0) == 1.0


def test_the_environment_height_of_a_high_device_is_drawn() -> None:
    """``h_E`` is 1 with probability 1 / (1 + C), else one of 12, 15 and 18 (h_UT - 1.5 = 19.5): note 1."""
    num_draws, gain = 6000, 0.715542 * 1.551993
    rng = np.random.default_rng(3)
    heights = np.array([HIGH.draw(150.0, rng).environment_height_m for _ in range(num_draws)])
    expected = {1.0: 1 / (1 + gain)} | dict.fromkeys((12.0, 15.0, 18.0), gain / (1 + gain) / 3)
    assert set(heights) == set(expected)
    for height, share in expected.items():
        # Binomial, four standard errors.
        assert abs((heights == height).mean() - share) < 4 * math.sqrt(share * (1 - share) / num_draws)
    low = [SITES["uma"].draw(150.0, rng).environment_height_m for _ in range(20)]
    assert set(low) == {1.0}


def test_the_environment_height_moves_the_break_point() -> None:
    # 4 (25 - 15) (21 - 15) 5e9 / c = 4002.8 m: at 2000 m still the first slope, d3d = hypot(2000, 4).
    first_db = 28.0 + 22 * math.log10(math.hypot(2000, 4)) + 20 * math.log10(5)
    loss_db = HIGH.path_loss_db(2000.0, line_of_sight=True, environment_height_m=15.0)
    assert loss_db == pytest.approx(first_db, rel=1e-12)
    # At h_E = 12: 4 * 13 * 9 * 5e9 / c = 7805.4 m; at 18: 4 * 7 * 3 * 5e9 / c = 1401.0 m, so beyond it.
    drop = 25.0 - 21.0
    second_db = (
        28.0 + 40 * math.log10(math.hypot(2000, 4)) + 20 * math.log10(5)
        - 9 * math.log10((4 * 7 * 3 * 5e9 / 299_792_458) ** 2 + drop**2)
    )  # fmt: skip
    loss_db = HIGH.path_loss_db(2000.0, line_of_sight=True, environment_height_m=18.0)
    assert loss_db == pytest.approx(second_db, rel=1e-12)


def test_link_budget_by_hand() -> None:
    # Noise: -174 + 10 log10(20e6) + 9 = -91.99 dBm; received: 23 - 100 = -77 dBm.
    assert mean_snr_db(23.0, 100.0, 9.0, 20e6) == pytest.approx(14.9897, abs=1e-4)


@pytest.mark.parametrize(
    ("environment", "height_m", "by_hand"),
    [
        # Table 7.4.1-1, no line of sight; at 5 GHz log10(f_c) = 0.69897.
        ("uma", 10.0, lambda d: 13.54 + 39.08 * d + 20 * 0.6989700 - 0.6 * 8.5),
        ("umi", 10.0, lambda d: 22.4 + 35.3 * d + 21.3 * 0.6989700 - 0.3 * 8.5),
        ("inh", 2.5, lambda d: 17.3 + 38.3 * d + 24.9 * 0.6989700),
    ],
)
def test_a_higher_device_loses_less_behind_houses(
    environment: Environment, height_m: float, by_hand: Callable[[float], float]
) -> None:
    low = SITES[environment]
    site = replace(low, device_height_m=height_m, carrier_hz=5e9)
    distance_m = 100.0
    log_distance = math.log10(math.hypot(distance_m, site.base_height_m - height_m))
    assert site.path_loss_db(distance_m, line_of_sight=False) == pytest.approx(
        by_hand(log_distance), abs=1e-4
    )


def test_indoors_any_height_above_the_floor_will_do() -> None:
    assert Site("inh", 5e9, 0.5, 1.0).path_loss_db(10.0, line_of_sight=True) > 0


@pytest.mark.parametrize(("environment", "height_m"), [("inh", 0.0), ("uma", 1.0), ("umi", 1.0)])
def test_a_base_station_on_the_ground_is_refused(environment: Environment, height_m: float) -> None:
    with pytest.raises(ValueError, match="base_height_m: too low"):
        Site(environment, 5e9, height_m, 1.5)
