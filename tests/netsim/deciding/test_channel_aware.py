from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.deciding.policies import ChannelAware, UHlm
from netsim.deciding.recorded import OffTree
from netsim.errors import InputError
from netsim.point import Point
from netsim.scenario import Scenario
from tests.trace_factory import make_trace

CHANNEL = {"snr_db": 5.0, "bandwidth_hz": 1e4, "coherence_time_s": 0.05}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("aware") / "trace", prompts=3, num_tokens=24).folder


def built(trace: Path, policy: dict[str, Any], **blocks: Any) -> Point:
    content = {
        "name": "aware",
        "trace": str(trace),
        "policy": policy,
        "channel": CHANNEL,
        "tokens": 24,
        **blocks,
    }
    return Point.of(Scenario.model_validate(content))


def test_the_threshold_follows_the_rate() -> None:
    policy = ChannelAware(0.2, exponent=2.0)
    assert policy.at_rate(1.0) == UHlm(0.2)
    assert policy.at_rate(2.0) == UHlm(0.05)
    assert policy.at_rate(0.5) == UHlm(0.8)
    assert policy.at_rate(0.4) == UHlm(1.0)  # 1.25, and no uncertainty is above 1
    assert policy.at_rate(math.inf) == UHlm(0.0)
    assert ChannelAware(0.0).at_rate(0.0) == UHlm(0.0)


def test_without_exponent_it_is_u_hlm(trace: Path) -> None:
    """The walk round by round, in the middle of the simulation, against the walk ahead of it."""
    aware = built(trace, {"name": "channel-aware", "threshold": 0.4, "exponent": 0.0}, devices=2).row(1)
    fixed = built(trace, {"name": "u-hlm", "threshold": 0.4}, devices=2).row(1)
    assert aware == fixed


def test_on_a_constant_channel_it_is_u_hlm(trace: Path) -> None:
    channel = {**CHANNEL, "fading": "none"}
    aware = built(trace, {"name": "channel-aware", "threshold": 0.4, "exponent": 3.0}, channel=channel).row(0)
    fixed = built(trace, {"name": "u-hlm", "threshold": 0.4}, channel=channel).row(0, "events")
    assert aware["on_trace"] == 1
    for name, value in fixed.items():
        assert aware[name] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), name


def test_every_round_is_decided_by_the_rate_of_its_moment(trace: Path) -> None:
    point = built(trace, {"name": "channel-aware", "threshold": 0.4, "exponent": 1.0})
    log, (run,) = point.token_log(2), point.network.run(2)
    policy = ChannelAware(0.4)
    thresholds = []
    for session, own in log.groupby((log["position"] == 0).cumsum() - 1):
        began_s = own["start_s"].iloc[0]
        link = run.link(int(session), began_s)
        for _, round_ in own.iterrows():
            moment_s = round_["start_s"] - began_s + round_["slm_s"] + round_["uncertainty_s"]
            threshold = policy.at_rate(link.rate_bps(moment_s) / link.mean_rate_bps).threshold
            count = round(20 * round_["uncertainty"])
            assert round_["transmitted"] == (count > math.floor(20 * threshold + 1e-9))
            thresholds.append(threshold)
    assert np.ptp(thresholds) > 0.3  # the channel did change


def test_a_bad_channel_skips_more(trace: Path) -> None:
    point = built(trace, {"name": "channel-aware", "threshold": 0.4, "exponent": 1.0})
    good: list[bool] = []
    bad: list[bool] = []
    for seed in range(10):
        log, (run,) = point.token_log(seed), point.network.run(seed)
        for session, own in log.groupby((log["position"] == 0).cumsum() - 1):
            began_s = own["start_s"].iloc[0]
            link = run.link(int(session), began_s)
            for _, round_ in own.iterrows():
                moment_s = round_["start_s"] - began_s + round_["slm_s"]
                relative = link.rate_bps(moment_s) / link.mean_rate_bps
                (good if relative > 1 else bad).append(bool(round_["transmitted"]))
    # Each set has over 100 rounds, whose share has a standard error of at most 0.05: 0.2 is four of them.
    assert min(len(good), len(bad)) > 100
    assert np.mean(good) - np.mean(bad) > 0.2


def test_rounds_off_the_tree_are_counted_or_refused(trace: Path) -> None:
    policy = {"name": "channel-aware", "threshold": 0.4, "exponent": 1.0}
    row = built(trace, policy).row(0)
    assert 0 < row["on_trace"] < 1  # type: ignore[operator]
    assert row["llm_nll"] is None
    with pytest.raises(OffTree, match="leaves the recorded tree"):
        built(trace, policy, off_tree="refuse").row(0)


def test_statistics_have_no_tokens_to_walk() -> None:
    statistics = {
        "kind": "parametric", "vocabulary_size": 100, "uncertainty": {"alpha": 1.0, "beta": 1.0},
        "rejection": {"a": 0.8, "b": 0.0},
    }  # fmt: skip
    content = {
        "name": "aware", "trace": statistics, "policy": {"name": "channel-aware", "threshold": 0.4},
        "latency": {"slm": 0.02, "llm": 0.05},
    }  # fmt: skip
    with pytest.raises(InputError, match="policy: looks at the channel, which needs a trace of tokens"):
        Point.of(Scenario.model_validate(content))
