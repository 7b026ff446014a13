"""Axes, their product, and the coordinates of its points."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.scenario import Scenario, load_grid, load_scenario
from netsim.scenario.sweep import RangeSettings


def swept(tmp_path: Path, sweep: str, policy: str = "policy: {name: hlm}") -> Scenario:
    path = tmp_path / "scenario.yaml"
    path.write_text(f"name: a\ntrace: tiny\n{policy}\nsweep:\n{sweep}", encoding="utf-8")
    return load_scenario(path)


def test_the_product_goes_in_file_order_the_last_axis_fastest(tmp_path: Path) -> None:
    scenario = swept(tmp_path, "  channel.snr_db: [10, 5]\n  tokens: [1, 2]\n  eos: [ignore]\n")
    assert [tuple(point.coordinates.values()) for point in load_grid(scenario).points] == [
        (10.0, 1, "ignore"),
        (10.0, 2, "ignore"),
        (5.0, 1, "ignore"),
        (5.0, 2, "ignore"),
    ]


def test_a_point_is_the_scenario_there_without_a_sweep(tmp_path: Path) -> None:
    point = load_grid(swept(tmp_path, "  channel.snr_db: [1, 2]\n")).points[1]
    assert point.scenario.channel.snr_db == 2.0
    assert point.scenario.sweep == {}
    assert load_grid(point.scenario).points[0].scenario == point.scenario


def test_a_block_is_flattened_and_lacks_what_its_kind_lacks(tmp_path: Path) -> None:
    axis = "  policy: [{name: slm}, {name: u-hlm, threshold: 1}, {name: rand-hlm, skip_probability: 0.5}]\n"
    points = load_grid(swept(tmp_path, axis + "  channel.snr_db: [3]\n", "tokens: 8")).points
    assert list(points[0].coordinates) == [
        "policy.name",
        "policy.threshold",
        "policy.skip_probability",
        "channel.snr_db",
    ]
    assert [list(point.coordinates.values()) for point in points] == [
        ["slm", None, None, 3.0],
        ["u-hlm", 1.0, None, 3.0],
        ["rand-hlm", None, 0.5, 3.0],
    ]


def test_a_later_axis_goes_into_the_block_of_an_earlier_one(tmp_path: Path) -> None:
    axes = "  policy: [{name: u-hlm}, {name: cu-hlm, k: 30}]\n  policy.threshold: [0.1, 0.2]\n"
    points = load_grid(swept(tmp_path, axes, "tokens: 8")).points
    assert [(p.coordinates["policy.name"], p.coordinates["policy.threshold"]) for p in points] == [
        ("u-hlm", 0.1),
        ("u-hlm", 0.2),
        ("cu-hlm", 0.1),
        ("cu-hlm", 0.2),
    ]


def test_what_only_the_sweep_sets_starts_at_its_first_value(tmp_path: Path) -> None:
    scenario = swept(tmp_path, "  policy: [{name: llm}, {name: slm}]\n", "tokens: 8")
    assert scenario.policy.name == "llm"


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("{start: -10, stop: 30, step: 5}", [-10, -5, 0, 5, 10, 15, 20, 25, 30]),
        ("{start: 30, stop: 20, step: -5}", [30, 25, 20]),
        ("{start: 0, stop: 1, step: 0.3}", [0, 0.3, 0.6, 0.9]),
        ("{start: 2, stop: 2, step: 1}", [2]),
    ],
)
def test_a_range_includes_its_stop_where_a_step_meets_it(
    tmp_path: Path, axis: str, values: list[float]
) -> None:
    points = load_grid(swept(tmp_path, f"  channel.snr_db: {axis}\n")).points
    assert [point.coordinates["channel.snr_db"] for point in points] == values


def test_whole_steps_stay_whole(tmp_path: Path) -> None:
    points = load_grid(swept(tmp_path, "  tokens: {start: 8, stop: 24, step: 8}\n")).points
    assert [point.scenario.tokens for point in points] == [8, 16, 24]


@settings(max_examples=200)
@given(
    start=st.integers(-(10**6), 10**6),
    step=st.integers(-(10**4), 10**4).filter(bool),
    count=st.integers(1, 50),
    digits=st.integers(0, 6),
)
def test_a_range_gives_the_decimals_a_person_would_write(
    start: int, step: int, count: int, digits: int
) -> None:
    # Exact fractions stand for the person: a correct axis holds the double nearest to each decimal.
    def decimal(units: int) -> float:
        return float(Fraction(units, 10**digits))

    axis = RangeSettings(start=decimal(start), stop=decimal(start + (count - 1) * step), step=decimal(step))
    assert axis.values() == tuple(decimal(start + index * step) for index in range(count))
