from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from channels.correlated import Clarke, GaussMarkov
from channels.fading import Fading, Nakagami, NoFading, Rayleigh, Rician
from netsim.deciding import policies
from netsim.engines.schedulers import ProportionalFair, RoundRobin
from netsim.errors import InputError
from netsim.extend.conformance import check_channel, check_policy, check_scheduler
from netsim.point import Point
from netsim.scenario import Scenario, load_grid
from netsim.scenario.families import FadingKind
from netsim.scenario.kinds import Own
from netsim.scenario.plugins import ALLOW
from netsim.startup import ROOT
from netsim.sweeps.chunks import sweep_points
from tests.own_plugins import (
    Crowd,
    Forgetful,
    LeastServed,
    LeastServedKind,
    MostlyUnsure,
    Numbers,
    OutOfRange,
    Restless,
    ShortestRemainingFirst,
    TwoState,
)
from tests.trace_factory import make_trace
from traces.speculative.rounds import Policy
from traces.speculative.upload import Compressed, Upload


@pytest.mark.parametrize(
    "policy",
    [
        policies.Slm(), policies.Llm(), policies.Hlm(), policies.Oracle(), policies.RandHlm(0.4), policies.UHlm(0.3),
        policies.ChannelAware(0.3, 2.0), Compressed(policies.UHlm(0.3), Upload(entries=4)), MostlyUnsure(7),
    ],
    ids=str,
)  # fmt: skip
def test_policies_keep_their_promises(policy: Policy) -> None:
    check_policy(policy)


@pytest.mark.parametrize("scheduler", [RoundRobin, ProportionalFair, LeastServed])
def test_schedulers_keep_their_promises(scheduler: Any) -> None:
    check_scheduler(scheduler)


@pytest.mark.parametrize(
    "fading",
    [NoFading(), Rayleigh(), Rician(5.0), Nakagami(1.5), GaussMarkov(0.8), Clarke(10.0), TwoState(0.3)],
    ids=str,
)
def test_channels_keep_their_promises(fading: Fading) -> None:
    check_channel(fading)


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        (Forgetful(), "the same drafts, another answer"),
        (Numbers(), "must give a bool array"),
        (Crowd(), "must not depend on the others"),
    ],
)
def test_a_bad_policy_is_told_what_is_wrong(policy: Any, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        check_policy(policy)


@pytest.mark.parametrize(
    ("scheduler", "fault"),
    [(Restless, "the same slots, other picks"), (OutOfRange, "must give an index below")],
)
def test_a_bad_scheduler_is_told_what_is_wrong(scheduler: Any, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        check_scheduler(scheduler)


def test_a_scheduler_may_be_unfair() -> None:
    """Shortest remaining first lets the others wait, and keeps the protocol."""
    check_scheduler(ShortestRemainingFirst)


@pytest.fixture(name="allowed")
def allow_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOW, "1")


def content(trace: Path, **blocks: Any) -> dict[str, Any]:
    base = {
        "name": "own",
        "trace": str(trace),
        "policy": {"name": "hlm"},
        "latency": {"slm": 0.01, "llm": 0.02},
    }
    return {**base, "tokens": 8, **blocks}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("own") / "trace").folder


@pytest.mark.usefixtures("allowed")
def test_a_scenario_takes_all_three_and_hands_them_their_keys(trace: Path) -> None:
    own = "tests.own_plugins"
    scenario = Scenario.model_validate(
        content(
            trace,
            policy={"name": f"{own}:MostlyUnsureKind", "most": 8},
            channel={"fading": {"name": f"{own}:TwoStateKind", "share": 0.25}, "bandwidth_hz": 1e4},
            uplink={"scheduler": {"name": f"{own}:LeastServedKind", "patience": 3, "slot_s": 0.001}},
            devices=3,
        )
    )
    built = Point.of(scenario)
    assert built.policy == MostlyUnsure(8)
    assert built.radio.fading == TwoState(0.25)
    declared = scenario.uplink.scheduler
    assert isinstance(declared, Own)
    kind = declared.declared()
    assert isinstance(kind, LeastServedKind)
    assert (kind.scheduler().patience, kind.slot_s) == (3, 0.001)
    row = built.row(0)
    assert row["tokens"] == 32  # 2 prompts, each met twice by 3 devices
    assert row == Point.of(scenario).row(0)


@pytest.mark.usefixtures("allowed")
def test_a_list_or_range_inside_a_plugins_entry_expands_as_anybodys(trace: Path) -> None:
    name = "tests.own_plugins:MostlyUnsureKind"
    axis = [
        {"name": "hlm"},
        {"name": name, "most": [3, 8]},
        {"name": name, "most": {"start": 10, "stop": 14, "step": 2}},
    ]
    grid = load_grid(content(trace, sweep={"policy": axis}))
    assert [point.coordinates["policy.most"] for point in grid.points] == [None, 3, 8, 10, 12, 14]
    assert [Point.of(point.scenario).policy for point in grid.points[1:3]] == [
        MostlyUnsure(3),
        MostlyUnsure(8),
    ]


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        ({"name": "nowhere:Mine"}, "policy: nowhere:Mine: No module named 'nowhere'"),
        ({"name": "tests.own_plugins:MostlyUnsureKin"}, "policy: .* has no MostlyUnsureKin; did you mean"),
        (
            {"name": "tests.own_plugins:MostlyUnsureKind", "mos": 1},
            "policy.mos: .*unknown key, given 'mos'.*did you mean 'most'",
        ),
        ({"name": "tests.own_plugins:MostlyUnsureKind", "most": 21}, "policy.most: .*out of range, given 21"),
        ({"name": "tests.own_plugins:MostlyUnsure"}, "not declared as a policy, allowed: .*PolicyKind"),
        ({"name": "tests.own_plugins:TwoStateKind"}, "not declared as a policy"),
        ({"name": "subprocess:Popen", "args": "touch pwned", "shell": True}, "not declared as a policy"),
        ({"name": "os:system"}, "not declared as a policy"),
    ],
)
def test_a_plugin_that_cannot_be_had_is_refused(trace: Path, policy: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        Point.of(Scenario.model_validate(content(trace, policy=policy)))


def test_code_is_not_loaded_unless_allowed(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALLOW, raising=False)
    scenario = Scenario.model_validate(content(trace, policy={"name": "tests.own_plugins:MostlyUnsureKind"}))
    with pytest.raises(InputError, match="is not loaded unless you say so, allowed: --allow-plugins"):
        Point.of(scenario)


@pytest.mark.usefixtures("allowed")
def test_a_file_that_a_plugin_reads_is_part_of_a_cells_key(trace: Path, tmp_path: Path) -> None:
    file = tmp_path / "most.txt"
    grid = load_grid(content(trace, policy={"name": "tests.own_plugins:FromFileKind", "file": str(file)}))
    digests = []
    for text in ("3", "3", "9"):
        file.write_text(text, encoding="utf-8")
        digests.append(sweep_points(grid, "auto")[0].digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_latency_file_of_a_device_is_part_of_a_cells_key(trace: Path, tmp_path: Path) -> None:
    file = tmp_path / "phone.json"
    profile = json.loads((ROOT / "models" / "profiles" / "tiny.json").read_text(encoding="utf-8"))
    # A file that is edited by hand has no digest of its content.
    profile.pop("digest", None)
    grid_of = {"devices": [{"slm": str(file)}, {}], "latency": {"slm": 0.01, "llm": 0.02}}
    digests, rows = [], []
    for factor in (1, 1, 10):
        text = json.dumps(
            profile
            | {
                "slm": {
                    **profile["slm"],
                    "median_s": scaled(profile["slm"]["median_s"], factor),
                    "quartiles_s": scaled(profile["slm"]["quartiles_s"], factor),
                }
            }
        )
        file.write_text(text, encoding="utf-8")
        grid = load_grid(content(trace, **grid_of))
        digests.append(sweep_points(grid, "auto")[0].digest)
        rows.append(Point.of(grid.scenario).row(0)["slm_s"])
    assert digests[0] == digests[1] != digests[2]
    assert rows[0] == rows[1] != rows[2]


def scaled(values: Any, factor: float) -> Any:
    return (
        [scaled(value, factor) for value in values]
        if isinstance(values, list)
        else values and values * factor
    )


def test_a_kind_without_its_builder_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match=r"NoBuilder: a fading model needs build\(\)"):

        class NoBuilder(FadingKind):
            """A kind whose author forgot what it makes."""


def test_a_kind_without_a_sentence_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="Silent: a fading model needs a docstring"):

        class Silent(FadingKind):
            def build(self) -> TwoState:
                return TwoState()
