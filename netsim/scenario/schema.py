"""The JSON Schema of a scenario file, for editors and other programs."""

from __future__ import annotations

import math
from typing import Any

from netsim.scenario.model import Scenario


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file; loading one checks more than it can say."""
    schema = Scenario.model_json_schema()
    # The sweep may set any key but the name, so a file may lack it.
    return {**_without_infinity(schema), "required": ["name"]}


def _without_infinity(schema: Any) -> Any:
    """JSON has no infinity; a default of it is left out."""
    if isinstance(schema, dict):
        return {key: _without_infinity(value) for key, value in schema.items() if value != math.inf}
    return [_without_infinity(item) for item in schema] if isinstance(schema, list) else schema
