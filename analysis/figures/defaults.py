"""Settings that are what a scenario file has without saying them: a label need not say them either."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from netsim.scenario.axes import block_class
from netsim.scenario.fields import Block
from netsim.scenario.model import Scenario


def without_defaults(row: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
    """A point without those settings of its policy that have their default.

    >>> without_defaults({"policy.name": "spec", "policy.gamma": 4, "policy.payload.name": "full"})
    {'policy.name': 'spec', 'policy.gamma': 4}
    """
    policy = block_class(Scenario.model_fields["policy"], {"name": row.get("policy.name")})
    defaults = dict(_defaults(policy, row, "policy.")) if policy else {}
    return {
        key: value for key, value in row.items() if key not in defaults or not _same(value, defaults[key])
    }


def _defaults(block: type[Block], row: Mapping[Hashable, Any], prefix: str) -> Iterator[tuple[Hashable, Any]]:
    """Default of every key below a block; below a key that chooses a kind, those of the kind that the row has."""
    for name, field in block.model_fields.items():
        path = f"{prefix}{name}"
        inner = block_class(field, {"name": row.get(f"{path}.name")})
        if inner is not None:
            yield f"{path}.name", getattr(field.default, "name", None)
            yield from _defaults(inner, row, f"{path}.")
        elif not field.is_required() and name != "name":
            yield path, field.default


def _same(value: Any, default: Any) -> bool:
    """Whether a cell of a table is a default; a column that also holds words has its numbers as text."""
    if default is None:
        return False
    try:
        return float(value) == float(default)
    except (TypeError, ValueError):
        return str(value) == str(default)
