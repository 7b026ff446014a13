"""Scenarios drawn from the project's own JSON Schema, so that a new key is fuzzed from its first day."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from netsim.scenario import scenario_schema
from tests.fuzz.hostile import NUMBERS, TEXTS

MOST_ITEMS = 3


def scenarios() -> st.SearchStrategy[Any]:
    """Scenarios of the schema's shape, with values at and beyond its edges; most are refused."""
    schema = scenario_schema()
    return _of(schema, schema.get("$defs", {}), 0)


def _of(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    """Values of a part of the schema."""
    if "$ref" in schema:
        return _of(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions, depth)
    several = schema.get("anyOf") or schema.get("oneOf")
    if several:
        return st.one_of([_of(one, definitions, depth) for one in several])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if schema.get("type") == "object":
        return _block(schema, definitions, depth)
    if schema.get("type") == "array":
        return st.lists(_of(schema.get("items", {}), definitions, depth + 1), max_size=MOST_ITEMS)
    return _scalar(schema)


def _scalar(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return _number(schema, whole=kind == "integer")
    if kind in ("boolean", "null"):
        return st.booleans() if kind == "boolean" else st.none()
    return st.sampled_from(TEXTS) | st.text(max_size=8)


def _block(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    if depth > 4:
        properties = {key: value for key, value in properties.items() if key in required}
    fields = {key: _of(value, definitions, depth + 1) for key, value in properties.items()}
    return st.fixed_dictionaries(
        {key: value for key, value in fields.items() if key in required},
        optional={key: value for key, value in fields.items() if key not in required},
    )


def _number(schema: dict[str, Any], *, whole: bool) -> st.SearchStrategy[Any]:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", -10))
    highest = schema.get("maximum", schema.get("exclusiveMaximum", 1000))
    edges = [edge for edge in (lowest, highest, lowest - 1, highest + 1) if math.isfinite(edge)]
    inside = (
        st.integers(math.ceil(lowest), math.floor(max(lowest, highest)))
        if whole
        else st.floats(lowest, max(lowest, highest))
    )
    return inside | st.sampled_from([*edges, *NUMBERS])
