"""The JSON Schema of a scenario file, for editors and other programs."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from typing import Any

from netsim.scenario.axes import block_class, family_of_field
from netsim.scenario.fields import Block
from netsim.scenario.model import Scenario
from netsim.scenario.sweep import NOT_AN_AXIS, RangeSettings
from netsim.startup import ROOT

DIALECT = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER = "urn:netsim:scenario"
REFERENCE = "#/$defs/"
RANGE, SWEPT = "RangeSettings", ".swept"

Schema = dict[str, Any]


def scenario_schema() -> Schema:
    """JSON Schema of a scenario file; loading one checks more than it can say.

    A choice of kinds is spelt as ``if`` and ``then`` by its name, not as a union, so that a validator can say which
    word or key is wrong; the paths that a sweep may set are its properties.
    """
    schema: Schema = _portable(Scenario.model_json_schema())
    definitions: Schema = schema["$defs"]
    for definition in definitions.values():
        # A sweep may set any key of a block, so a block may lack it; loading finds what is missing in the end.
        definition.pop("required", None)
    definitions[RANGE] = RangeSettings.model_json_schema()
    for definition in [schema, *definitions.values()]:
        _describe(definition, definitions)
    axes = {
        path: _axis(choices, definitions) for path, choices in sorted(_paths(schema, definitions).items())
    }
    schema["properties"]["sweep"] = {
        "type": "object",
        "description": "the axes of a sweep, each under the path of its key; the sweep is their product",
        "properties": axes,
        "additionalProperties": False,
    }
    # The sweep may set any key but the name, so a file may lack it.
    return {"$schema": DIALECT, "$id": IDENTIFIER, **schema, "title": "netsim scenario", "required": ["name"]}


def _portable(schema: Any) -> Any:
    """Leave out what JSON lacks, infinity, and what another machine lacks: defaults that lie in this clone."""
    if isinstance(schema, dict):
        here = {key for key, value in schema.items() if value == math.inf or _is_in_clone(value)}
        return {key: _portable(value) for key, value in schema.items() if key not in here}
    return [_portable(item) for item in schema] if isinstance(schema, list) else schema


def _is_in_clone(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(f"{ROOT}/")


def _describe(definition: Schema, definitions: Schema) -> None:
    """Give a key without a description of its own that of what it takes."""
    for content in definition.get("properties", {}).values():
        if "description" not in content:
            parts = [content, *content.get("anyOf", ()), *content.get("oneOf", ())]
            parts += [_definition(part, definitions) for part in parts if "$ref" in part]
            found = [part["description"] for part in parts if "description" in part]
            if found:
                content["description"] = found[0].split("\n\n")[0].replace("\n", " ")


def _definition(reference: Schema, definitions: Schema) -> Schema:
    found: Schema = definitions[reference["$ref"].removeprefix(REFERENCE)]
    return found


def _paths(schema: Schema, definitions: Schema) -> dict[str, list[Schema]]:
    """The dotted paths that a sweep may set, each with the schemas of its value: several where kinds differ."""
    found: dict[str, list[Schema]] = {}
    for path, content in _walk(Scenario, schema, definitions):
        if path.partition(".")[0] not in NOT_AN_AXIS and content not in found.setdefault(path, []):
            found[path].append(content)
    return found


def _walk(block: type[Block], schema: Schema, definitions: Schema) -> Iterator[tuple[str, Schema]]:
    for name, field in block.model_fields.items():
        content = schema["properties"][name]
        yield name, content
        family = family_of_field(field)
        below = block_class(field, {})
        inside = list(family.kinds) if family else [below] if below and name != "devices" else []
        for one in inside:
            definition = definitions[one.__name__]
            yield from ((f"{name}.{path}", own) for path, own in _walk(one, definition, definitions))


def _axis(choices: list[Schema], definitions: Schema) -> Schema:
    """Schema of an axis: a list of values, or a range where values are numbers."""
    items = [_swept(choice, definitions) for choice in choices]
    item = items[0] if len(items) == 1 else {"anyOf": items}
    return {
        "description": choices[0].get("description", ""),
        "if": {"type": "object"},
        "then": {"$ref": REFERENCE + RANGE},
        "else": {"type": "array", "minItems": 1, "items": item},
    }


def _swept(content: Schema, definitions: Schema) -> Schema:
    """A value of an axis: where it is a block, its numbers and words may be ranges and lists themselves."""
    plain = {key: value for key, value in content.items() if key != "default"}
    text = json.dumps(plain)
    names = [name for name in list(definitions) if f'"{REFERENCE}{name}"' in text]
    for name in names:
        if name != RANGE and not name.endswith(SWEPT):
            text = text.replace(f'"{REFERENCE}{name}"', f'"{REFERENCE}{name}{SWEPT}"')
            _define_swept(name, definitions)
    renamed: Schema = json.loads(text)
    return renamed


def _define_swept(name: str, definitions: Schema) -> None:
    if name + SWEPT in definitions:
        return
    own = definitions[name + SWEPT] = copy.deepcopy(definitions[name])
    for key, content in own.get("properties", {}).items():
        own["properties"][key] = _swept(content, definitions) if _has_block(content) else _or_axis(content)


def _has_block(content: Schema) -> bool:
    return REFERENCE in json.dumps(content) or "if" in content


def _or_axis(content: Schema) -> Schema:
    """A value, a list of them or a range; a value that is itself a list can't be told from a list of values."""
    parts = [content, *content.get("anyOf", ())]
    if any("const" in part or part.get("type") == "array" for part in parts):
        return content
    return {
        "description": content.get("description", ""),
        "if": {"type": "object"},
        "then": {"$ref": REFERENCE + RANGE},
        "else": {"if": {"type": "array"}, "then": {"items": content}, "else": content},
    }
