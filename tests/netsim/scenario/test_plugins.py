from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from channels.correlated import Clarke, GaussMarkov
from channels.fading import Fading, Nakagami, NoFading, Rayleigh, Rician
from netsim.deciding import policies
from netsim.engines.schedulers import ProportionalFair, RoundRobin
from netsim.errors import InputError
from netsim.extend.conformance import check_channel, check_policy, check_scheduler
from netsim.scenario import Scenario
from netsim.scenario.plugins import make
from netsim.simulate import Point
from tests.own_plugins import (
    Crowd,
    Forgetful,
    Greedy,
    LeastServed,
    MostlyUnsure,
    Numbers,
    OutOfRange,
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
    ("scheduler", "fault"), [(Greedy, r"serves only devices \{0\}"), (OutOfRange, "must give an index below")]
)
def test_a_bad_scheduler_is_told_what_is_wrong(scheduler: Any, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        check_scheduler(scheduler)


def test_a_scenario_takes_all_three(tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "trace")
    own = "tests.own_plugins"
    scenario = Scenario.model_validate(
        {
            "name": "own",
            "trace": str(trace.folder),
            "policy": {"name": f"{own}:MostlyUnsure", "most": 8},
            "channel": {"fading": {"name": f"{own}:TwoState", "share": 0.25}, "bandwidth_hz": 1e4},
            "uplink": {"scheduler": f"{own}:LeastServed"},
            "devices": 3,
            "tokens": 8,
        }
    )
    built = Point.of(scenario)
    assert built.policy == MostlyUnsure(8)
    assert built.radio.fading == TwoState(0.25)
    row = built.row(0)
    assert row["tokens"] == 24
    assert row == Point.of(scenario).row(0)


@pytest.mark.parametrize(
    ("name", "keys", "fault"),
    [
        ("nowhere:Mine", {}, "policy: nowhere:Mine: No module named 'nowhere'"),
        ("tests.own_plugins:TwoStates", {}, "policy: .* has no TwoStates; did you mean 'TwoState'?"),
        ("tests.own_plugins:TwoState", {"shares": 1}, "policy: .*unexpected keyword argument 'shares'"),
        (
            "netsim.engines.schedulers:ProportionalFair",
            {"window_slots": 0},
            "policy: .*must be at least 1, got 0",
        ),
    ],
)
def test_a_plugin_that_cannot_be_had_is_refused(name: str, keys: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        make(name, "policy", keys)
