"""What there is to choose from: the kinds of every family, with their keys, for people and programs."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from netsim.scenario.axes import block_class, family_of_field
from netsim.scenario.fields import Block, allowed_at, key_of
from netsim.scenario.kinds import Family, Kind
from netsim.scenario.model import Scenario
from netsim.scenario.plugins import installed, load_class


def families(block: type[Block] = Scenario) -> dict[str, Family]:
    """Every family that a scenario chooses from, by its plural; found on the keys that take one.

    Examples
    --------
    >>> sorted({"fadings", "policies", "schedulers"} - set(families()))
    []
    """
    found: dict[str, Family] = {}
    for field in block.model_fields.values():
        family = family_of_field(field)
        if family is None:
            below = block_class(field, {})
            inside = [] if below is None else [below]
        elif family.base.plural in found:
            continue
        else:
            found[family.base.plural] = family
            inside = list(family.kinds)
        for one in inside:
            found |= {name: other for name, other in families(one).items() if name not in found}
    return found


def kind_rows(family: Family) -> list[dict[str, Any]]:
    """A row for each kind of a family, installed plug-ins included.

    Returns
    -------
    list of dict
        ``name``, ``parameters`` (a list of dict, as `parameter_rows` gives it), ``description``, ``source``.
    """
    plugins = {name: _installed(name, family) for name in (installed() if family.own else ())}
    kinds = {
        **{kind.word(): kind for kind in family.kinds},
        **{name: kind for name, kind in plugins.items() if kind is not None},
    }
    return [
        {
            "name": name,
            "parameters": parameter_rows(kind),
            "description": kind.sentence(),
            "source": kind.source,
        }
        for name, kind in kinds.items()
    ]


def _installed(name: str, family: Family) -> type[Kind] | None:
    """The installed plug-in of that name, if it is one of this family."""
    loaded = load_class(name, Kind, "kind")
    kind: type[Kind] | None = loaded if issubclass(loaded, family.base) else None
    return kind


def _about(field: FieldInfo) -> str:
    """What the block at a key is about; what its family is about where several kinds may stand there."""
    block, family = block_class(field, {}), family_of_field(field)
    about = block or (family.base if family else None)
    return "" if about is None else about.sentence()


def parameter_rows(block: type[Block]) -> list[dict[str, Any]]:
    """A row for each key of a block but the one that names its kind.

    Returns
    -------
    list of dict
        ``name``, ``required``, ``default``, ``unit``, ``allowed`` and ``meaning``.
    """
    naming = block.key if issubclass(block, Kind) else ""
    rows = []
    for name, field in block.model_fields.items():
        key = key_of(field)
        required = field.default is PydanticUndefined and field.default_factory is None
        default = None if required else field.get_default(call_default_factory=True)
        rows.append(
            {
                "name": name,
                "required": required,
                "default": default.model_dump(mode="json") if isinstance(default, Block) else default,
                "unit": key.unit if key else "",
                "allowed": allowed_at(field) or "a block",
                "meaning": key.meaning if key else _about(field),
            }
        )
    return [row for row in rows if row["name"] != naming]
