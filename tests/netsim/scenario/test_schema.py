"""The JSON Schema of a scenario, by a library that knows nothing of us: what is right passes, what is misspelt is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from netsim.scenario import load_grid, scenario_schema
from netsim.scenario.model import Scenario
from netsim.scenario.yaml_file import parse_yaml, read_yaml
from netsim.startup import ROOT

SCHEMA = ROOT / "scenarios" / "scenario.schema.json"
SHIPPED = sorted((ROOT / "scenarios").rglob("*.yaml"))
GOOD = "name: a\ntrace: tiny\npolicy: {name: u-hlm, threshold: 0.3}\n"
#: A misspelling, and the word that has to be named.
MISSPELT = {
    "traec: tiny": "traec",
    "chanel: {snr_db: 3}": "chanel",
    "channel: {snr: 3}": "snr",
    "channel: {snrdb: 3}": "snrdb",
    "channel: {fading: rican}": "rican",
    "channel: {fading: {name: rican, k_db: 3}}": "rican",
    "channel: {fading: {name: rician, k_bd: 3}}": "k_bd",
    "channel: {fading: {name: rayleigh, k_db: 3}}": "k_db",
    "channel: {rate: shanon}": "shanon",
    "channel: {rate: {name: cqi, gap: 3}}": "gap",
    "channel: {snr_db: '10'}": "10",
    "channel: {snr_db: 300}": "300",
    "policy: u-hml": "u-hml",
    "policy: {name: u-hml, threshold: 0.3}": "u-hml",
    "policy: {name: u-hlm, treshold: 0.3}": "treshold",
    "policy: {name: u-hlm, threshold: risk-avers}": "risk-avers",
    "policy: {name: hlm, threshold: 0.3}": "threshold",
    "policy: {name: cu-hlm, threshold: 0.3, k: onlin, theta: 1}": "onlin",
    "uncertainty: {measure: entropie}": "entropie",
    "payload: {quantize: true}": "quantize",
    "latency: {uncertanty: 0.1}": "uncertanty",
    "devices: [{snr: 3}]": "snr",
    "uplink: {scheduler: fifoo}": "fifoo",
    "uplink: {scheduler: fifo, slot_s: 0.001}": "slot_s",
    "uplink: {scheduler: {name: round-robin, window_slots: 3}}": "window_slots",
    "server: {max_bach: 2}": "max_bach",
    "requests: {arrivals: poison}": "poison",
    "energy: {transmit: 3}": "transmit",
    "eos: stopp": "stopp",
    "off_tree: folow": "folow",
    "sweep: {channel.snr_bd: [1, 2]}": "channel.snr_bd",
    "sweep: {channel.snr_db: {start: 0, stop: 1, stepp: 1}}": "stepp",
    "sweep: {policy: [{name: u-hlm, treshold: [0, 1]}]}": "treshold",
    "sweep: {policy: [slm, hmm]}": "hmm",
    "sweep: {policy.threshold: [risky]}": "risky",
    "sweep: {seeds: [1, 2]}": "seeds",
    "trace: {kind: parametrik}": "parametrik",
}
RIGHT = [
    "channel: {fading: none, rate: cqi}",
    "channel: {fading: {name: 'my.module:Mine', depth: 3}}",
    "trace: {kind: live, slm: a, llm: b}",
    "devices: [{policy: slm, slm: 0.1}, {snr_db: 3}]",
    "uplink: {scheduler: {name: 'pkg:Class', patience: 3}}",
    "uncertainty: {samples: inf}",
    "latency: {slm: 0.02, llm: llama-2-7b}",
    "downlink: {rate_bps: .inf}",
    "seeds: [3, 1]",
    "site: null",
    "policy: {name: u-hlm}\nsweep: {policy.threshold: {start: 0, stop: 1, step: 0.5}}",
    "sweep: {policy: [slm, {name: u-hlm, threshold: {start: 0, stop: 1, step: 0.1}}, {name: cu-hlm, threshold: [0, 0.5], k: 3}]}",
    "sweep: {devices: [1, 2], uplink.scheduler: [fifo, {name: round-robin, slot_s: [0.001, 0.002]}]}",
    "sweep: {channel: [{snr_db: [1, 2]}, {snr_db: 3, fading: none}]}",
]


@pytest.fixture(scope="module", name="validator")
def make_validator() -> Draft202012Validator:
    schema = scenario_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def content(text: str) -> Any:
    key = text.partition(":")[0]
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{key}:")]
    return parse_yaml("\n".join([*lines, text, ""]), "here").data


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_are_accepted(path: Any, validator: Draft202012Validator) -> None:
    assert [error.message for error in validator.iter_errors(read_yaml(path, str(path)).data)] == []


def test_the_schema_that_editors_read_is_that_of_the_code() -> None:
    told = "netsim schema > scenarios/scenario.schema.json"
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == scenario_schema(), told


def test_it_names_no_folder_of_this_machine() -> None:
    assert str(ROOT) not in json.dumps(scenario_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_an_editor_finds_the_schema_from_the_first_line(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    before, _, relative = first.partition("=")
    assert before == "# yaml-language-server: $schema"
    assert (path.parent / relative).resolve() == SCHEMA


@pytest.mark.parametrize("text", RIGHT)
def test_what_loads_is_accepted(text: str, validator: Draft202012Validator) -> None:
    data = content(text)
    load_grid(data)
    assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize("text", MISSPELT)
def test_a_misspelling_is_refused_and_named(text: str, validator: Draft202012Validator) -> None:
    error = best_match(validator.iter_errors(content(text)))
    assert error is not None, "accepted"
    assert MISSPELT[text] in error.message or MISSPELT[text] in map(str, error.absolute_path), error.message
    assert "any of the given schemas" not in error.message or MISSPELT[text] in error.message


def keys(schema: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of every block of a schema."""
    for name, own in schema.get("properties", {}).items():
        yield f"{where}.{name}", own
    for name, definition in schema.get("$defs", {}).items():
        yield from keys(definition, name)


def test_every_key_says_what_it_means_and_what_it_takes() -> None:
    schema = scenario_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["$id"]
    assert set(schema["properties"]) == set(Scenario.model_fields)
    naming = {name for name, own in keys(schema) if "const" in own}
    silent = [name for name, own in keys(schema) if not own.get("description") and name not in naming]
    assert silent == []
    # A number without both ends is one whose other end is infinite, and says so.
    boundless = [
        name
        for name, own in keys(schema)
        if own.get("type") in ("integer", "number")
        and not ({"minimum", "exclusiveMinimum"} & set(own) and {"maximum", "exclusiveMaximum"} & set(own))
    ]
    assert boundless == ["DownlinkSettings.rate_bps"]
