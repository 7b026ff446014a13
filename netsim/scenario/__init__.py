"""Scenario files: load one with every fault found, or describe them as a JSON Schema."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from netsim.errors import Fault, InputError, quote
from netsim.scenario.blocks import PROJECT_TRACES
from netsim.scenario.faults import Finding, Places, explain
from netsim.scenario.model import Point, Scenario, check, expand
from netsim.scenario.sweep import Step, Sweep, get, has, put
from netsim.scenario.yaml_file import KeyPath, parse_yaml, read_yaml

__all__ = ["Point", "Scenario", "load_scenario", "scenario_schema", "trace_folder"]


def load_scenario(path: str | Path, overrides: Iterable[str] = ()) -> Scenario:
    """Read, complete and check a scenario file, every point of its sweep included.

    Parameters
    ----------
    path : str or Path
        A YAML 1.2 file. Relative paths in it start from its folder, else from the current folder.
    overrides : iterable of str
        ``path=value``, the value in YAML: ``channel.snr_db=5``, ``policy={name: slm}``. One that sets a
        swept key replaces its axis.

    Returns
    -------
    Scenario
        A key that only the sweep sets holds the first value of its axis.

    Raises
    ------
    InputError
        With every fault of the file.
    """
    path = Path(path)
    document = read_yaml(path, str(path))
    places = Places(str(path), document.lines)
    if not isinstance(document.data, dict):
        given = "nothing" if document.data is None else quote(document.data)
        text = f"not a scenario, given {given}, allowed: a block with the keys {', '.join(Scenario.model_fields)}"
        raise InputError([places.fault((), text)])
    data = _override(document.data, overrides, places)
    scenario, findings = _complete(data, {"folder": path.resolve().parent})
    faults = document.faults + [places.fault(found.path, found.text) for found in findings]
    if scenario is None or faults:
        # One fault a key and line: a value that is not YAML is not also of the wrong type.
        first: dict[tuple[str, str, int | None], Fault] = {}
        for fault in faults:
            first.setdefault((fault.source, fault.path, fault.line), fault)
        raise InputError(sorted(first.values(), key=lambda fault: fault.line or 0))
    return scenario


def scenario_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file, for editors; `load_scenario` checks more than it can say."""
    schema = Scenario.model_json_schema()
    # The sweep may set any key but the name, so a file may lack it.
    return {**_without_infinity(schema), "required": ["name"]}


def _without_infinity(schema: Any) -> Any:
    """JSON has no infinity; a default of it is left out."""
    if isinstance(schema, dict):
        return {key: _without_infinity(value) for key, value in schema.items() if value != math.inf}
    return [_without_infinity(item) for item in schema] if isinstance(schema, list) else schema


def trace_folder(scenario: Scenario) -> Path:
    """Folder of the scenario's recorded trace; whether it is there is for its reader to say.

    Raises
    ------
    ValueError
        The trace is live or parametric.
    """
    if isinstance(scenario.trace, str):
        return PROJECT_TRACES / scenario.trace
    raise ValueError(f"a {scenario.trace.kind} trace has no folder")


def _override(data: dict[str, Any], overrides: Iterable[str], places: Places) -> dict[str, Any]:
    faults: list[Fault] = []
    for override in overrides:
        name, _, text = override.partition("=")
        try:
            value = _override_value(text, f"--set {name}")
            data = put(_without_axis(data, name), _override_path(override), value)
        except InputError as error:
            faults += error.faults
        except ValueError as error:
            faults.append(Fault(f"--set {name}", "", str(error)))
        else:
            places.set_by(f"--set {name}", _override_path(override))
    if faults:
        raise InputError(faults)
    return data


def _override_value(text: str, option: str) -> Any:
    """The value of an override; what is wrong with it has no line."""
    try:
        document = parse_yaml(text, option)
    except InputError as error:
        raise InputError(Fault(option, fault.path, fault.text) for fault in error.faults) from None
    if document.faults:
        raise InputError(Fault(option, fault.path, fault.text) for fault in document.faults)
    return document.data


def _override_path(override: str) -> tuple[str, ...]:
    name, equals, _ = override.partition("=")
    head, _, axis = name.partition(".")
    keys = ("sweep", axis) if head == "sweep" and axis else tuple(name.split("."))
    if not equals or not all(keys):
        raise ValueError(f"not a setting, given {quote(override)}, allowed: path.to.key=value")
    return keys


def _without_axis(data: dict[str, Any], name: str) -> dict[str, Any]:
    """Drop the axis that an override replaces."""
    axes = data.get("sweep")
    if not isinstance(axes, dict):
        return data
    for axis in axes:
        if name.startswith(f"{axis}."):
            text = f"set by the axis {axis} of the sweep, allowed: --set {axis}=… or --set sweep.{axis}=…"
            raise ValueError(text)
    return {**data, "sweep": {axis: values for axis, values in axes.items() if axis != name}}


def _complete(data: dict[str, Any], context: Mapping[str, Any]) -> tuple[Scenario | None, list[Finding]]:
    base = {key: value for key, value in data.items() if key != "sweep"}
    raw_axes = data.get("sweep", {})
    try:
        axes = TypeAdapter(Sweep).validate_python(raw_axes, context=context)
    except ValidationError as error:
        findings = [
            Finding(("sweep", *found.path), found.text, found.kind) for found in explain(error, raw_axes)
        ]
        return None, findings + _besides(check(base, (), context)[1], raw_axes)
    firsts = [Step(axis, 0, values[0]) for axis, values in axes.items()]
    scenario, findings = check(base, [step for step in firsts if not has(base, step.path)], context)
    points, wrong = expand(base, axes, context)
    if scenario is None or wrong or not axes:
        return scenario, findings + wrong
    # What was not given stays so: an axis may bring in what determines it.
    content = {**scenario.model_dump(exclude_unset=True), "sweep": _resolved_axes(axes, points)}
    try:
        return Scenario.model_validate(content, context=context), []
    except ValidationError as error:
        return None, explain(error, content)


def _besides(findings: list[Finding], axes: object) -> list[Finding]:
    """The findings that don't come from a faulty sweep: a key it would have set is not missing."""
    paths: list[KeyPath] = [tuple(str(axis).split(".")) for axis in axes] if isinstance(axes, dict) else []
    return [
        found
        for found in findings
        if found.kind != "missing" or not any(path[: len(found.path)] == found.path for path in paths)
    ]


def _resolved_axes(axes: Mapping[str, tuple[Any, ...]], points: list[Point]) -> dict[str, list[Any]]:
    """The axes with every value as its first point holds it: completed, paths absolute."""
    resolved: dict[str, list[Any]] = {}
    every = len(points)
    for axis, values in axes.items():
        every //= len(values)
        resolved[axis] = [
            get(points[index * every].scenario.model_dump(), axis) for index in range(len(values))
        ]
    return resolved
