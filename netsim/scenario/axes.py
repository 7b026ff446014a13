"""The axes of a scenario's data: ranges and lists spread out, also those inside an item; words of kinds as blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from netsim.errors import InputError
from netsim.scenario.faults import Finding, explain
from netsim.scenario.fields import Block, takes_list
from netsim.scenario.kinds import Family, Own
from netsim.scenario.model import Scenario
from netsim.scenario.plugins import allowed, load_class
from netsim.scenario.sweep import AxisValue, check_axes, check_distinct, range_or_list, spread, sweep_block
from netsim.scenario.yaml_file import KeyPath

Data = dict[str, Any]


def read_axes(raw: Any) -> tuple[dict[str, list[AxisValue]], list[Finding]]:
    """The steps of every axis, ranges and lists inside their items spread out."""
    axes: dict[str, list[AxisValue]] = {}
    findings: list[Finding] = []
    path: KeyPath = ("sweep",)
    try:
        for name, value in sweep_block(raw).items():
            path = ("sweep", name)
            try:
                axes[name] = _steps(str(name), value)
            except ValidationError as error:
                findings += [Finding((*path, *one.path), one.text, one.kind) for one in explain(error, value)]
            except ValueError as error:
                findings.append(_said(error, path))
        path = ("sweep",)
        check_axes({name: tuple(steps) for name, steps in axes.items()})
    except ValueError as error:
        findings.append(_said(error, path))
    return axes, findings


def _said(error: ValueError, path: KeyPath) -> Finding:
    """What `netsim.scenario.fields.said` raised outside of pydantic."""
    context = getattr(error, "context", None) or {"text": str(error), "path": ()}
    return Finding((*path, *context["path"]), context["text"], "said")


def _steps(name: str, value: Any) -> list[AxisValue]:
    field = _field(Scenario, tuple(name.split(".")))
    steps = [
        AxisValue(name, index, one)
        for index, item in enumerate(range_or_list(value))
        for one in spread(_as_block(field, item), lambda item: _inner_axes(field, item))
    ]
    check_distinct(tuple(step.value for step in steps))
    return steps


def _inner_axes(field: FieldInfo | None, item: Any) -> Iterator[tuple[KeyPath, tuple[Any, ...]]]:
    """Ranges and lists inside an item of an axis, where a single value belongs."""
    block = block_class(field, item)
    if block is None or not isinstance(item, dict):
        return
    fields = _keys_of(field, block, item)
    for key, value in item.items():
        below = fields.get(key)
        if below is None:
            continue  # unknown, or of a plug-in that may not be loaded: whether a list is one value only its class knows
        if block_class(below, value) is None and _is_axis(below, value):
            yield (key,), check_distinct(range_or_list(value))
        else:
            yield from (((key, *path), values) for path, values in _inner_axes(below, value))


def _keys_of(field: FieldInfo | None, block: type[Block], item: Data) -> Mapping[str, FieldInfo]:
    """The keys that an item may have; of a user's own kind those of its class, where that may be loaded."""
    family = family_of_field(field)
    if family is None or not issubclass(block, Own) or not allowed():
        return block.model_fields
    try:
        own = load_class(item[family.base.key], family.base, family.base.family)
    except InputError:  # said when it is built
        return block.model_fields
    fields: Mapping[str, FieldInfo] = own.model_fields
    return fields


def _is_axis(field: FieldInfo, value: Any) -> bool:
    if isinstance(value, dict):
        return "start" in value or "stop" in value
    return isinstance(value, (list, tuple)) and not takes_list(field.annotation)


def family_of_field(field: FieldInfo | None) -> Family | None:
    """The family that a key chooses from, if it chooses a kind."""
    if field is None:
        return None
    every = [
        *field.metadata,
        *(item for part in _parts(field.annotation) for item in getattr(part, "__metadata__", ())),
    ]
    return next((item for item in every if isinstance(item, Family)), None)


def _parts(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *getattr(annotation, "__args__", ()))


def block_class(field: FieldInfo | None, value: Any) -> type[Block] | None:
    """The class of the block that ``value`` would be at a key; None where none is, or it can't be told."""
    family = family_of_field(field)
    if family is not None:
        return family.kind(value.get(family.base.key)) if isinstance(value, dict) else None
    if field is None:
        return None
    return next(
        (part for part in _parts(field.annotation) if isinstance(part, type) and issubclass(part, Block)),
        None,
    )


def _field(block: type[Block] | None, path: KeyPath) -> FieldInfo | None:
    """The field at a path; None where there is none, or it depends on which kind stands there."""
    field: FieldInfo | None = None
    for part in path:
        field = None if block is None else block.model_fields.get(str(part))
        block = block_class(field, {})
    return field


def _as_block(field: FieldInfo | None, value: Any) -> Any:
    """The block that a word stands for, so that further keys find their place in it."""
    family = family_of_field(field)
    if family is None or value not in family.words:
        return value
    return family.base.of_word(value)


def words_as_blocks(data: Any, block: type[Block] = Scenario) -> Any:
    """The data with the words of kinds written as blocks."""
    if not isinstance(data, dict):
        return data
    content: Data = {}
    for key, value in data.items():
        field = block.model_fields.get(key)
        below = _as_block(field, value) if isinstance(value, str) else value
        inner = block_class(field, below)
        content[key] = words_as_blocks(below, inner) if inner else below
    return content
