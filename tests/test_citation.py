"""``CITATION.cff`` keeps to the Citation File Format 1.2.0, and to what setup.cfg says; what a paper is told to quote is there."""

from __future__ import annotations

import configparser
import re
from typing import Any

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from netsim.scenario.fields import Block
from netsim.scenario.model import Scenario
from netsim.startup import ROOT

#: Of https://github.com/citation-file-format/citation-file-format, schema-guide.md of version 1.2.0: the keys that are
#: used here, those that are required, and an author who is an entity.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["authors", "cff-version", "message", "title"],
    "additionalProperties": False,
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "message": {"type": "string", "minLength": 1},
        "title": {"type": "string", "minLength": 1},
        "abstract": {"type": "string", "minLength": 1},
        "type": {"enum": ["dataset", "software"]},
        "authors": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "minLength": 1}},
                "additionalProperties": False,
            },
        },
        "license": {"type": "string", "pattern": r"^[A-Za-z0-9.+-]+$"},
        "version": {"type": ["string", "number"]},
        "keywords": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}},
    },
}


def citation() -> dict[str, Any]:
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "CITATION.cff")
    return content


def faults(content: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(content)]


def test_the_citation_is_valid() -> None:
    assert faults(citation()) == []
    assert faults({**citation(), "autors": []})
    assert faults({key: value for key, value in citation().items() if key != "message"})


def test_the_citation_is_of_this_version() -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    assert {key: citation()[key] for key in ("version", "license")} == {
        key: setup["metadata"][key] for key in ("version", "license")
    }


def test_a_paper_is_told_of_every_stage_that_has_a_key() -> None:
    page = (ROOT / "docs" / "describe.md").read_text(encoding="utf-8")
    table = page.partition("## What was modelled")[2].partition("## What a reviewer")[0]
    named = {key.partition(".")[0] for key in re.findall(r"`([a-z_.]+)`", table)}
    stages = {name for name, field in Scenario.model_fields.items() if isinstance(field.default, Block)}
    assert stages - named <= {"requests"}, "when requests come is not a stage of a round"
