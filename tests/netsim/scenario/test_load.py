"""Loading scenarios: defaults, paths, overrides, and the way back to YAML."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from netsim.scenario import Scenario, load_grid, load_scenario, scenario_schema
from netsim.scenario.sources.built_in import RecordedTraceSettings

# The contract's example: every key but name, trace, policy and sweep at its default.
CONTRACT = """\
name: quickstart
trace: tiny
policy: {name: u-hlm, threshold: 0.3}
uncertainty: {measure: temperature, samples: 20, theta_max: 2.0}
payload: {vocabulary_size: trace, probability_bits: 8, count_indices: true, quantise: false}
channel: {fading: rayleigh, snr_db: 10, bandwidth_hz: 1e6, coherence_time_s: 0.01, rate: shannon}
latency: {slm: recorded, llm: recorded, uncertainty: 0, grant: 0, propagation: 0, prefill: false, catch_up: true}
devices: 1
uplink: {scheduler: fifo}
server: {max_batch: 1}
downlink: {rate_bps: .inf}
energy: {transmit_w: 0.2, compute_w: 2.0, idle_w: 0.0}
tokens: 48
eos: stop
seeds: 20
token_seeds: recorded
off_tree: follow
"""
SHORT = "name: quickstart\ntrace: tiny\npolicy: {name: u-hlm, threshold: 0.3}\n"


def folder_of(scenario: Scenario) -> Path:
    assert isinstance(scenario.trace, RecordedTraceSettings)
    return scenario.trace.path


def load(tmp_path: Path, text: str, *overrides: str) -> Scenario:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path, overrides)


def test_the_contracts_values_are_the_defaults(tmp_path: Path) -> None:
    scenario = load(tmp_path, CONTRACT)
    assert scenario == load(tmp_path, SHORT)
    assert scenario.channel.bandwidth_hz == 1e6
    assert scenario.downlink.rate_bps == math.inf
    assert scenario.seed_values() == range(20)
    assert [point.coordinates for point in load_grid(scenario).points] == [{}]


def test_words_and_numbers_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = SHORT.replace("quickstart", "no") + "channel: {snr_db: -1.5E+1, bandwidth_hz: 0x10}\n"
    scenario = load(tmp_path, text)
    assert scenario.name == "no"
    assert (scenario.channel.snr_db, scenario.channel.bandwidth_hz) == (-15.0, 16.0)


@pytest.mark.parametrize(
    "policy",
    [
        {"name": "slm"},
        {"name": "llm"},
        {"name": "hlm"},
        {"name": "rand-hlm", "skip_probability": 0.5},
        {"name": "u-hlm", "threshold": "risk-averse"},
        {"name": "cu-hlm", "threshold": 0.3, "k": 30},
        {"name": "cu-hlm", "threshold": "risk-prone", "k": "auto", "theta": 0.1, "draft": "x_hat"},
        {"name": "cu-hlm", "threshold": 0, "k": "online", "theta": 0.1},
        {"name": "oracle"},
        {"name": "my.module:Policy", "anything": [1, "two"]},
    ],
)
def test_every_policy_of_the_contract_loads(tmp_path: Path, policy: dict[str, Any]) -> None:
    loaded = load(tmp_path, SHORT, f"policy={json.dumps(policy)}").policy.model_dump()
    assert {key: loaded[key] for key in policy} == policy


@pytest.mark.parametrize(
    "settings_text",
    [
        "channel.fading=none",
        "channel.fading={name: rician, k_db: 3}",
        "channel.fading={name: nakagami, m: 0.5}",
        "channel.fading={name: gauss-markov, rho: 0.9}",
        "channel.fading={name: clarke, doppler_hz: 10}",
        "channel.fading={name: recorded, file: snr.csv, end: loop}",
        "channel.fading={name: 'my:Fading', depth: 3}",
        "channel.rate=cqi",
        "channel.rate={name: shannon, gap_db: 3}",
        "trace={kind: live, slm: a, llm: b}",
        (
            "trace={kind: parametric, vocabulary_size: 32000, uncertainty: {alpha: 1, beta: 3},"
            " rejection: {a: 0.815, b: -0.066}}"
        ),
        "uncertainty={measure: entropy, samples: .inf}",
        "payload.vocabulary_size=32000",
        "latency={slm: 0.02, llm: a100, prefill: true}",
        "devices=[{snr_db: 3}, {policy: {name: slm}, slm: 0.1}]",
        "uplink={scheduler: {name: proportional-fair, slot_s: 1e-3}}",
        "uplink.scheduler=my:Scheduler",
        "server={max_batch: 4, replicas: 2, window_s: 0.01}",
        "seeds=[3, 1, 4]",
    ],
)
def test_every_form_loads_and_comes_back_from_yaml(tmp_path: Path, settings_text: str) -> None:
    scenario = load(tmp_path, SHORT, settings_text)
    again = load(tmp_path, scenario.resolved_yaml())
    assert again == scenario
    assert again.digest() == scenario.digest() != load(tmp_path, SHORT).digest()


def test_inf_samples_may_be_a_word(tmp_path: Path) -> None:
    assert load(tmp_path, SHORT, "uncertainty.samples=inf") == load(
        tmp_path, SHORT, "uncertainty.samples=.inf"
    )


# Words that YAML 1.1 or 1.2 could take for something else, beside arbitrary ones.
_words = st.sampled_from(
    ["no", "10", "null", "~", "1e6", "- a", "a: b", "# a", "'", ".inf", "=", "<<", "a\nb ", "\a"]
)
_text = _words | st.text(
    st.characters(exclude_categories=["C"], exclude_characters="/"), min_size=1, max_size=200
)
_number = st.floats(-60, 100)
_share = st.floats(0, 1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    trace=_text.filter(str.isprintable),  # others are refused
    snr_db=_number,
    thresholds=st.lists(_share, min_size=1, max_size=3, unique=True),
    bandwidth_hz=st.floats(1, 1e12),
    seeds=st.integers(1, 10**5) | st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4, unique=True),
    own=st.dictionaries(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1), _text | _number),
)
def test_resolved_yaml_round_trips(
    tmp_path: Path,
    trace: str,
    snr_db: float,
    thresholds: list[float],
    bandwidth_hz: float,
    seeds: int | list[int],
    own: dict[str, str | float],
) -> None:
    own.pop("name", None)
    data = {
        "name": "any",
        "trace": trace,
        "channel": {"snr_db": snr_db, "bandwidth_hz": bandwidth_hz},
        "seeds": seeds,
        "sweep": {
            "policy": [{"name": "a:B", **own}, *({"name": "u-hlm", "threshold": t} for t in thresholds)],
        },
    }
    # JSON is YAML, so this way in is not the way out that is tested.
    scenario = load(tmp_path, json.dumps(data, ensure_ascii=False))
    again = load(tmp_path, scenario.resolved_yaml())
    assert again == scenario
    assert again.digest() == scenario.digest()
    assert [p.coordinates for p in load_grid(again).points] == [
        p.coordinates for p in load_grid(scenario).points
    ]


def test_the_digest_is_of_the_content_not_of_its_spelling(tmp_path: Path) -> None:
    reordered = "policy: {threshold: 3e-1, name: u-hlm}\ntrace: tiny\nname: quickstart # a comment\n"
    assert load(tmp_path, reordered).digest() == load(tmp_path, SHORT).digest()
    assert load(tmp_path, SHORT, "tokens=49").digest() != load(tmp_path, SHORT).digest()


def test_a_scenario_is_frozen_and_pickles(tmp_path: Path) -> None:
    scenario = load(tmp_path, SHORT)
    with pytest.raises(ValidationError):
        scenario.tokens = 3
    assert pickle.loads(pickle.dumps(scenario)) == scenario  # noqa: S301 (our own bytes)


def test_paths_start_at_the_file_then_at_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, current = tmp_path / "beside", tmp_path / "current"
    for folder in (beside, current):
        (folder / "both").mkdir(parents=True)
    (current / "only").mkdir()
    (current / "snr.csv").touch()
    monkeypatch.chdir(current)
    assert folder_of(load(beside, SHORT, "trace=both")) == beside / "both"
    assert folder_of(load(beside, SHORT, "trace=only")) == current / "only"
    assert folder_of(load(beside, SHORT, "trace=./none")) == beside / "none"
    swept = load(beside, SHORT, "sweep={channel.fading: [none, {name: recorded, file: snr.csv}]}")
    assert load_grid(swept).points[1].coordinates["channel.fading.file"] == str(current / "snr.csv")


def test_a_bare_name_is_a_trace_of_the_project(tmp_path: Path) -> None:
    project_traces = Path(__file__).parents[3] / "traces"
    scenario = load(tmp_path, SHORT, "trace=some-name")
    assert scenario.model_dump()["trace"] == "some-name"
    assert folder_of(scenario) == project_traces / "some-name"


def test_overrides_are_applied_in_order(tmp_path: Path) -> None:
    scenario = load(tmp_path, SHORT, "channel={snr_db: 3, rate: cqi}", "channel.snr_db=4")
    assert (scenario.channel.snr_db, scenario.channel.rate.name) == (4.0, "cqi")


def test_an_override_of_a_swept_key_replaces_its_axis(tmp_path: Path) -> None:
    text = SHORT + "sweep: {channel.snr_db: [1, 2], tokens: [3, 4]}\n"
    points = load_grid(load(tmp_path, text, "channel.snr_db=5")).points
    assert [point.coordinates for point in points] == [{"scenario.tokens": 3}, {"scenario.tokens": 4}]
    assert {point.scenario.channel.snr_db for point in points} == {5.0}
    points = load_grid(load(tmp_path, text, "sweep.channel.snr_db=[7]")).points
    assert [point.coordinates["channel.snr_db"] for point in points] == [7.0, 7.0]


def test_aliases_are_followed(tmp_path: Path) -> None:
    text = "name: a\ntrace: tiny\npolicy: &p {name: slm}\nsweep: {policy: [*p, {name: hlm}]}\n"
    assert [point.scenario.policy.name for point in load_grid(load(tmp_path, text)).points] == ["slm", "hlm"]


def test_the_schema_is_json_and_names_every_key() -> None:
    schema = json.loads(json.dumps(scenario_schema(), allow_nan=False))
    assert set(schema["properties"]) == set(Scenario.model_fields)
    assert schema["additionalProperties"] is False
    threshold = schema["$defs"]["UHlmSettings"]["properties"]["threshold"]
    assert threshold["description"].startswith("largest uncertainty that is skipped")
