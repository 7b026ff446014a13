from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from analysis.calibration.calibrate import calibrate
from netsim import simulate
from netsim.deciding.policies import Hlm, UHlm
from netsim.deciding.thresholds import RejectionLine
from netsim.errors import InputError
from netsim.point import Point
from netsim.scenario import Scenario
from netsim.scenario.assembly import build_policy
from netsim.scenario.policy_context import PolicyContext
from netsim.scenario.policy_spec import parse_policy
from netsim.scenario.sources.built_in import RecordedTraceSettings
from netsim.scenario.thresholds import ThresholdClipped
from tests.trace_factory import make_trace
from traces.format.manifest import write_manifest
from traces.format.trace import Trace
from traces.speculative.upload import Compressed, Online, Upload
from traces.speculative.walk import Rounds

PUBLISHED = RejectionLine(0.815, -0.066, delta=0.29, u_tv=(0.9, 0.4, 0.1, 0.0))


def around(**changes: Any) -> PolicyContext:
    return PolicyContext(**{"vocabulary_size": 4, "whole_vocabulary": True, "line": PUBLISHED, **changes})


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """A trace with a calibration; that it is of its own prompts does not matter here."""
    made = make_trace(tmp_path_factory.mktemp("calibrated"), prompts=3, num_tokens=16)
    _, calibration = calibrate(made, np.random.default_rng(0))
    write_manifest(made.folder, made.manifest.model_copy(update={"calibration": calibration}))
    return Trace.open(made.folder)


def scenario_of(trace: Trace, policy: str, **changes: Any) -> Scenario:
    return Scenario(
        name="test",
        trace=RecordedTraceSettings(folder=str(trace.folder)),
        policy=parse_policy(policy),
        **{
            "tokens": 16,
            "latency": {"slm": 0.02, "llm": 0.05},
            "channel": {"fading": {"name": "none"}},
            **changes,
        },
    )


def rounds_of(trace: Trace, policy: str, seed: int = 0, **changes: Any) -> Rounds:
    return Point.of(scenario_of(trace, policy, **changes)).rounds(seed)


DECISIONS = ("token", "draft", "uncertainty", "transmitted", "accepted", "node", "rejection", "output_tv")


@pytest.mark.parametrize("seed", [0, 1])
def test_threshold_one_is_slm_and_zero_is_hlm_but_for_certain_rounds(trace: Trace, seed: int) -> None:
    slm, never = rounds_of(trace, "slm", seed), rounds_of(trace, "u-hlm:threshold=1", seed)
    for name in DECISIONS:
        assert (getattr(slm, name) == getattr(never, name)).all(), name
    always = rounds_of(trace, "u-hlm:threshold=0", seed)
    assert (always.transmitted == (always.uncertainty > 0)).all()
    # Until the first round with u = 0 the paths are hlm's own.
    hlm = rounds_of(trace, "hlm", seed)
    for group, skipped in enumerate(~always.transmitted):
        same = int(skipped.argmax()) if skipped.any() else len(skipped)
        assert (hlm.token[group, :same] == always.token[group, :same]).all()


def test_rows_of_threshold_one_are_slms(trace: Trace) -> None:
    slm, never = (simulate(scenario_of(trace, policy)) for policy in ("slm", "u-hlm:threshold=1"))
    assert slm == never


@pytest.mark.parametrize("seed", [0, 1])
def test_cu_hlm_with_the_whole_vocabulary_is_u_hlm(trace: Trace, seed: int) -> None:
    size = trace.manifest.vocabulary_size
    u_hlm = simulate(scenario_of(trace, "u-hlm:threshold=0.3"), seed)
    cu_hlm = simulate(scenario_of(trace, f"cu-hlm:threshold=0.3,k={size}"), seed)
    assert cu_hlm == {**u_hlm, "upload_entries": size}


@pytest.mark.parametrize(
    ("policy", "bits"), [("cu-hlm:threshold=0.3,k=30", 690), ("u-hlm:threshold=0.3", 736_000)]
)
def test_bits_are_billed_for_the_scenarios_vocabulary(trace: Trace, policy: str, bits: int) -> None:
    """arXiv 2505.11788, eq. 5: k (8 + 15) bits at V = 32 000."""
    row = simulate(scenario_of(trace, policy, payload={"vocabulary_size": 32_000, "count_indices": False}))
    share = row["transmission_rate"]
    assert isinstance(share, float)
    assert row["uplink_bits"] == pytest.approx(bits * share)


def test_thresholds_by_name_are_the_calibrations() -> None:
    averse = build_policy(parse_policy("u-hlm:threshold=risk-averse"), around())
    prone = build_policy(parse_policy("u-hlm:threshold=risk-prone"), around())
    assert averse == UHlm(0.066 / 0.815)
    assert prone == UHlm((0.29 + 0.066) / 0.815)


def test_a_threshold_outside_the_unit_interval_is_clipped_with_a_warning() -> None:
    with pytest.warns(ThresholdClipped, match="risk-averse is -0.200, clipped to 0"):
        low = build_policy(
            parse_policy("u-hlm:threshold=risk-averse"), around(line=RejectionLine(0.5, 0.1, 0.9))
        )
    with pytest.warns(ThresholdClipped, match="risk-prone is 1.600, clipped to 1"):
        high = build_policy(
            parse_policy("u-hlm:threshold=risk-prone"), around(line=RejectionLine(0.5, 0.1, 0.9))
        )
    assert (low, high) == (UHlm(0.0), UHlm(1.0))


@pytest.mark.parametrize(("theta", "entries"), [(1.0, 1), (0.4, 2), (0.39, 3), (0.05, 4)])
def test_the_offline_k_is_the_first_that_meets_theta(theta: float, entries: int) -> None:
    policy = build_policy(parse_policy(f"cu-hlm:threshold=0.3,k=auto,theta={theta}"), around())
    assert policy == Compressed(UHlm(0.3), Upload(entries))


def test_the_online_k_has_the_calibrated_line() -> None:
    policy = build_policy(parse_policy("cu-hlm:threshold=0.3,k=online,theta=0.2"), around())
    assert policy == Compressed(UHlm(0.3), Upload(Online(0.2, 0.815, -0.066)))


def test_online_bits_are_those_of_each_rounds_k(trace: Trace) -> None:
    scenario = scenario_of(trace, "cu-hlm:threshold=0.1,k=online,theta=0.5", payload={"count_indices": False})
    point = Point.of(scenario)
    rounds, workload = point.plan(0)
    sent = rounds.transmitted
    assert (rounds.entries[sent] <= trace.manifest.vocabulary_size).all()
    assert len(np.unique(rounds.entries[sent])) > 1
    # V = 16: four bits an index, eight a probability.
    assert (workload.bits[sent] == rounds.entries[sent] * 12).all()


def test_quantised_values_reach_every_policy_that_sends() -> None:
    quantising = around(quantise_bits=8)
    assert build_policy(parse_policy("hlm"), quantising) == Compressed(Hlm(), Upload(quantise_bits=8))
    cu_hlm = build_policy(parse_policy("cu-hlm:threshold=0.3,k=2,draft=x_hat"), quantising)
    assert cu_hlm == Compressed(UHlm(0.3), Upload(2, 8, draft_from_sent=True))
    assert build_policy(parse_policy("slm"), quantising) == build_policy(parse_policy("slm"), around())


@pytest.mark.parametrize(
    ("policy", "surroundings", "message"),
    [
        (
            "u-hlm:threshold=risk-averse",
            around(line=None),
            "policy.threshold: needs a trace that is calibrated",
        ),
        (
            "u-hlm:threshold=risk-averse",
            around(line=RejectionLine(-0.1, 0.2)),
            "policy.threshold: the line does not rise",
        ),
        ("u-hlm:threshold=risk-prone", around(line=RejectionLine(0.8, 0.0)), "delta is not given"),
        (
            "cu-hlm:threshold=0.3,k=auto,theta=0.1",
            around(line=None),
            "policy.k: needs a trace that is calibrated",
        ),
        (
            "cu-hlm:threshold=0.3,k=online,theta=0.1",
            around(line=RejectionLine(0.8, 0.0)),
            "policy.k: a parametric trace",
        ),
        (
            "cu-hlm:threshold=0.3,k=2,draft=x_hat",
            around(whole_vocabulary=False),
            "policy.draft: x_hat gives every",
        ),
        (
            "cu-hlm:threshold=0.3,k=online,theta=0.1,draft=x_hat",
            around(),
            "policy.draft: an online k looks at the draft",
        ),
    ],
)
def test_what_cannot_be_had_is_refused(policy: str, surroundings: PolicyContext, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_policy(parse_policy(policy), surroundings)


def test_a_calibration_for_another_measure_is_not_used(trace: Trace) -> None:
    Point.of(scenario_of(trace, "cu-hlm:threshold=0.3,k=auto,theta=0.1"))
    other = scenario_of(trace, "cu-hlm:threshold=0.3,k=auto,theta=0.1", uncertainty={"samples": 10})
    with pytest.raises(InputError, match="calibrated for the same measure"):
        Point.of(other)
