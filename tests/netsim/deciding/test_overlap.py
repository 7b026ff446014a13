"""Drafting ahead while a round is judged: against a time line written out in plain Python, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.errors import InputError
from netsim.point import Point
from netsim.results.columns import NAMES
from netsim.scenario import load_scenario
from traces.format.trace import Trace

SLM_S, LLM_S, WAY_S, RTT_S, DOWN_S = 0.012, 0.03, 0.002, 0.01, 11 / 1e6
SPEC = {"name": "spec", "gamma": 3, "bonus": False, "payload": "probability-only"}
#: The payload with the whole of y coming down would make responses differ: the last ten entries do.
AHEAD = {**SPEC, "payload": {"name": "probability-only", "downlink_entries": 10}, "overlap": True}


def point(policy: dict[str, Any], **content: Any) -> Point:
    scenario = {
        "name": "overlap", "trace": "tiny", "policy": policy, "eos": "ignore", "tokens": 30,
        "latency": {"slm": SLM_S, "llm": LLM_S, "propagation": WAY_S}, "core": {"rtt_s": RTT_S},
        "channel": {"fading": "none", "snr_db": 10, "bandwidth_hz": 1e6}, **content,
    }  # fmt: skip
    return Point.of(load_scenario(scenario))


@pytest.mark.parametrize("engine", ["arrays", "events"])
def test_the_time_line_of_drafting_ahead(engine: str) -> None:
    """A round: its drafts but for what was drafted ahead, the upload, and the wait in which the next one is drafted."""
    one = point(AHEAD)
    rounds, work = one.plan(0)
    rate_bps = 1e6 * np.log2(11)
    wait_s = 2 * WAY_S + RTT_S + LLM_S
    total_s = air_s = computed_s = vain_s = 0.0
    for session in range(work.shape[0]):
        left, position, ahead = 30, 0, False
        prompt = True
        while left:
            drafts = min(3, left)
            drafting_s = drafts * SLM_S
            saved_s = min(drafting_s, wait_s) if ahead else 0.0
            sent = 0
            while sent < drafts and rounds.accepted[session, position + sent]:
                sent += 1
            emitted = min(sent + 1, drafts)
            upload_s = drafts * 19 / rate_bps
            total_s += drafting_s - saved_s + upload_s + wait_s
            air_s += upload_s
            computed_s += drafting_s
            ahead = sent == drafts
            if not ahead:
                wrong = min(3, left - drafts)
                vain_s += min(wrong * SLM_S, wait_s)
            position, left, prompt = position + emitted, left - emitted, False
        assert not prompt
    tokens = 30 * work.shape[0]
    row = one.row(0, engine)
    assert row["tokens"] == tokens
    assert row["latency_mean_s"] == pytest.approx(total_s / tokens, rel=1e-9)
    assert row["vain_s"] == pytest.approx(vain_s / tokens, rel=1e-9)
    assert row["device_energy_j"] == pytest.approx(
        (0.2 * air_s + 2.0 * (computed_s + vain_s)) / tokens, rel=1e-9
    )


def test_a_draft_in_vain_takes_as_long_as_its_prefix_lets_it(tmp_path: Path) -> None:
    """Passes whose seconds grow with the context: wrong drafts stand after the drafts that they believe in."""
    grid = {"contexts": [0, 2000], "positions": [1, 2000], "batches": [1]}
    median = [[[0.01 + 1e-4 * context]] * 2 for context in grid["contexts"]]
    profile = {
        "format": "netsim-latency", "version": 1, "model": "some", "parameters": 1, "dtype": "float32",
        "device": "cpu", "hardware": "a processor", "threads": 1, "versions": {}, **grid,
        "median_s": median, "quartiles_s": np.array(median)[..., None].repeat(2, -1).tolist(), "repeats": 5,
    }  # fmt: skip
    (tmp_path / "slm.json").write_text(json.dumps(profile))
    one = point(AHEAD, latency={"slm": str(tmp_path / "slm.json"), "llm": LLM_S})
    rounds, work = one.plan(0)
    assert isinstance(one.trace, Trace)
    prompts = one.trace.manifest.prompts
    compared = 0
    for session, prompt in enumerate(prompts):
        position = 0
        for exchange in range(work.length[session]):
            drafts = min(3, 30 - position)
            sent = int(np.argmin([*rounds.accepted[session, position : position + drafts], False]))
            believed = len(prompt.tokens) + position + drafts
            wrong = range(0 if sent == drafts else min(3, 30 - position - drafts))
            expected = sum(0.01 + 1e-4 * (believed + number - 1) for number in wrong)
            assert work.vain_s[session, exchange] == pytest.approx(expected, rel=1e-12)
            compared += expected > 0
            position += min(sent + 1, drafts)
    assert compared > 30


def test_it_is_faster_costs_energy_and_changes_no_text() -> None:
    plain, ahead = (point(policy).row(0) for policy in (SPEC, {**SPEC, "overlap": True}))
    assert float(ahead["throughput_tok_s"]) > 1.1 * float(plain["throughput_tok_s"])  # type: ignore[arg-type]
    assert float(ahead["device_energy_j"]) > float(plain["device_energy_j"])  # type: ignore[arg-type]
    same = {
        "tokens",
        "llm_nll",
        "uplink_bits",
        "downlink_bits",
        "tokens_per_exchange",
        "on_trace",
        "llm_calls",
    }
    assert {name: ahead[name] for name in same} == {name: plain[name] for name in same}


def test_engines_agree_with_fading_jitter_and_prefill() -> None:
    core = {"rtt_s": 0.03, "jitter": {"name": "gamma", "std_s": 0.02}, "loss": 0.1}
    latency = {"slm": "recorded", "llm": "recorded", "propagation": WAY_S, "prefill": True}
    one = point({**SPEC, "overlap": True}, core=core, latency=latency, channel={"bandwidth_hz": 1e5})
    arrays, events = one.row(2, "arrays"), one.row(2, "events")
    for name in NAMES:
        value = arrays[name]
        if name != "engine":
            assert events[name] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), (
                name
            )


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"name": "spec", "gamma": 2, "overlap": True}, "policy.bonus: the next round is drafted before it begins, given true, allowed: false"),
        ({**SPEC, "gamma": "bandit", "overlap": True}, "policy.gamma: the next round is drafted before it begins, given bandit"),
        ({**SPEC, "stop": {"name": "product", "at_least": 0.5}, "overlap": True}, "policy.stop: the next round is drafted"),
    ],
)  # fmt: skip
def test_who_drafts_ahead_knows_where_the_next_round_begins(policy: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        point(policy)
    assert message in str(caught.value)
