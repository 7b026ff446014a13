"""Ranges and lists inside an entry of a sweep, and how often a scenario is checked."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from netsim.errors import InputError
from netsim.scenario import Scenario, load_grid
from netsim.startup import ROOT

SITE = {
    "environment": "umi", "carrier_hz": 3.5e9, "base_height_m": 10.0, "device_height_m": 1.5,
    "transmit_dbm": 23, "noise_figure_db": 5, "radius_m": 100.0,
}  # fmt: skip
GOOD = {"name": "a", "trace": "tiny", "policy": "slm"}


def policies(sweep: Any) -> list[tuple[Any, ...]]:
    points = load_grid({**GOOD, "sweep": {"policy": sweep}}).points
    return [tuple(value for value in point.coordinates.values() if value is not None) for point in points]


def test_a_range_inside_an_entry_expands_there() -> None:
    entry = {"name": "u-hlm", "threshold": {"start": 0, "stop": 1, "step": 0.5}}
    assert policies(["slm", entry, "hlm"]) == [
        ("slm",), ("u-hlm", 0.0), ("u-hlm", 0.5), ("u-hlm", 1.0), ("hlm",),
    ]  # fmt: skip


def test_lists_inside_an_entry_are_its_product_the_last_fastest() -> None:
    entry = {"name": "cu-hlm", "threshold": [0.1, "risk-averse"], "k": [3, 5]}
    found = [coordinates[1:3] for coordinates in policies([entry])]
    assert found == list(itertools.product([0.1, "risk-averse"], [3, 5]))


def test_a_list_that_is_one_value_stays_one() -> None:
    devices = [[{"position_m": [1, 2]}], [{"position_m": [3, 4]}]]
    points = load_grid({**GOOD, "site": SITE, "sweep": {"devices": devices}}).points
    assert [point.scenario.model_dump()["devices"][0]["position_m"] for point in points] == [
        (1.0, 2.0),
        (3.0, 4.0),
    ]


def test_a_value_that_comes_up_twice_is_refused() -> None:
    entries = [{"name": "u-hlm", "threshold": 0.5}, {"name": "u-hlm", "threshold": [0.25, 0.5]}]
    with pytest.raises(
        InputError, match=r"sweep\.policy: listed twice, given \{'name': 'u-hlm', 'threshold': 0.5\}"
    ):
        policies(entries)


def test_a_fault_inside_an_entry_is_said_at_that_entry() -> None:
    with pytest.raises(InputError, match=r"sweep\.policy\[1\]\.threshold: out of range, given 1.5"):
        policies(["slm", {"name": "u-hlm", "threshold": [0.5, 1.5]}])


def test_a_scenario_is_validated_once_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """63 points, and the base that has no policy of its own."""
    calls = []
    validate = Scenario.model_validate.__func__  # type: ignore[attr-defined]

    def counted(cls: type[Scenario], *given: Any, **options: Any) -> Scenario:
        calls.append(given)
        checked: Scenario = validate(cls, *given, **options)
        return checked

    monkeypatch.setattr(Scenario, "model_validate", classmethod(counted))
    grid = load_grid(ROOT / "scenarios" / "quickstart.yaml")
    assert (len(grid.points), len(calls)) == (63, 64)
    assert load_grid(grid) is grid
    assert len(calls) == 64
