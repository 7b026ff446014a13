"""A scenario file as a grid of checked points, with the lines that they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netsim.errors import InputError
from netsim.results.columns import NAMES
from netsim.scenario.axes import read_axes, words_as_blocks
from netsim.scenario.faults import Finding, KeySources, explain
from netsim.scenario.model import Scenario
from netsim.scenario.sweep import AxisValue, flatten, get, has, product, put
from netsim.scenario.yaml_file import KeyPath

Data = dict[str, Any]


@dataclass(frozen=True)
class GridPoint:
    """One point of a sweep.

    Attributes
    ----------
    scenario : Scenario
        The scenario there, without a sweep.
    coordinates : dict of str to scalar
        Every swept key under its full path, blocks by each of their keys; None where this point's block
        lacks a key that another's has. A threshold given by name stays a name: its number is the trace's.
    steps : tuple of AxisValue
        The value of each axis, and where it stands in the file.
    """

    scenario: Scenario
    coordinates: dict[str, Any]
    steps: tuple[AxisValue, ...] = ()


@dataclass(frozen=True)
class Grid:
    """A scenario, checked once at every point of its sweep.

    Attributes
    ----------
    scenario : Scenario
        As completed, its axes resolved. A key that only the sweep sets holds the first value of its axis.
    points : tuple of GridPoint
        In the order of the file, the last axis fastest; one without coordinates where there is no sweep.
    places : KeySources
        Lines of the file.
    """

    scenario: Scenario
    points: tuple[GridPoint, ...]
    places: KeySources

    @classmethod
    def of(
        cls, data: Mapping[str, Any] | Scenario, places: KeySources | None = None, folder: Path | None = None
    ) -> Grid:
        """Complete and check a scenario's data.

        Parameters
        ----------
        places : KeySources, optional
            Where the data comes from, for messages.
        folder : Path, optional
            That of the scenario file; the current one if not given.

        Raises
        ------
        InputError
            With every fault, in the order of the file.
        """
        raw = data.model_dump() if isinstance(data, Scenario) else dict(data)
        where = places or KeySources("", {})
        grid, findings = _checked(raw, where, {"folder": folder} if folder else None)
        if grid is None or findings:
            raise InputError(where.faults(findings))
        return grid

    def base(self) -> Grid:
        """The grid of the base alone, without a sweep."""
        scenario = self.scenario.model_copy(update={"sweep": {}})
        return Grid(scenario, (GridPoint(scenario, {}),), self.places)

    def placed(self, error: InputError, point: GridPoint | None = None) -> InputError:
        """The error with the place in the file of each fault that knows only its key."""
        steps = point.steps if point else ()
        return InputError(
            self.places.fault(
                _in_sweep(Finding(key_path(fault.path), fault.text, "said"), steps).path, fault.text
            )
            if fault.path and not fault.source
            else fault
            for fault in error.faults
        )


def key_path(path: str) -> KeyPath:
    """A spelled path as keys and list positions.

    >>> key_path("devices[2].policy.threshold")
    ('devices', 2, 'policy', 'threshold')
    """
    parts: list[str | int] = []
    for key in path.split("."):
        name, *indices = key.split("[")
        parts += [name, *(int(index.rstrip("]")) for index in indices)]
    return tuple(parts)


def _checked(
    raw: Data, places: KeySources, context: Mapping[str, Any] | None
) -> tuple[Grid | None, list[Finding]]:
    base = words_as_blocks({key: value for key, value in raw.items() if key != "sweep"})
    raw_axes = raw.get("sweep", {})
    axes, wrong = read_axes(raw_axes)
    if wrong:
        return None, wrong + _besides(_point_data(base, (), context)[1], raw_axes)
    firsts = [steps[0] for steps in axes.values()]
    points, findings = _points(base, axes, context)
    if not axes and points:
        return Grid(points[0].scenario, tuple(points), places), []
    scenario, of_base = _point_data(base, [step for step in firsts if not has(base, step.path)], context)
    if scenario is None or findings:
        return None, of_base + findings
    completed = scenario.model_copy(update={"sweep": _resolved_axes(axes, points)})
    return Grid(completed, tuple(points), places), []


def _points(
    base: Data, axes: Mapping[str, list[AxisValue]], context: Mapping[str, Any] | None
) -> tuple[list[GridPoint], list[Finding]]:
    """Check every point; what is wrong is said once, at the place in ``sweep`` that it comes from."""
    scenarios: list[tuple[Scenario, tuple[AxisValue, ...]]] = []
    findings: dict[Finding, None] = {}
    for steps in product(axes):
        scenario, found = _point_data(base, steps, context)
        findings |= dict.fromkeys(found)
        scenarios += [(scenario, steps)] if scenario else []
    # One at a time: the contents of a large sweep are larger than its scenarios.
    contents = (scenario.model_dump() if axes else {} for scenario, _ in scenarios)
    rows = [{axis: flatten(get(content, axis), axis) for axis in axes} for content in contents]
    columns = {(axis, column): None for axis in axes for row in rows for column in row[axis]}
    points = [
        GridPoint(scenario, {_column(column): row[axis].get(column) for axis, column in columns}, steps)
        for (scenario, steps), row in zip(scenarios, rows, strict=True)
    ]
    return points, list(findings)


def _column(key: str) -> str:
    """Column of a swept key: its path, set apart where a result column has that name (``tokens``: those generated)."""
    return f"scenario.{key}" if key in NAMES else key


def _point_data(
    data: Data, steps: Sequence[AxisValue], context: Mapping[str, Any] | None
) -> tuple[Scenario | None, list[Finding]]:
    """Put one value of each axis into ``data`` and check the scenario that results."""
    axis = ""
    try:
        for step in steps:
            axis = step.axis
            data = put(data, step.path, step.value)
    except ValueError as error:
        return None, [Finding(("sweep", axis), str(error), "said")]
    try:
        return Scenario.model_validate(data, context=context), []
    except ValidationError as error:
        return None, [_in_sweep(found, steps) for found in explain(error, data)]


def _in_sweep(found: Finding, steps: Sequence[AxisValue]) -> Finding:
    """The same finding, at the axis that brought it in if one did: the last that covers its path."""
    for step in reversed(steps):
        if found.kind == "unknown_key" and step.path[: len(found.path)] == found.path:
            return Finding(("sweep", step.axis), found.text, found.kind)
        if found.path[: len(step.path)] == step.path:
            rest = found.path[len(step.path) :]
            return Finding(("sweep", step.axis, step.index, *rest), found.text, found.kind)
    return found


def _besides(findings: list[Finding], axes: object) -> list[Finding]:
    """The findings that don't come from a faulty sweep: a key it would have set is not missing."""
    paths: list[KeyPath] = [tuple(str(axis).split(".")) for axis in axes] if isinstance(axes, dict) else []
    return [
        found
        for found in findings
        if found.kind != "missing" or not any(path[: len(found.path)] == found.path for path in paths)
    ]


def _resolved_axes(
    axes: Mapping[str, list[AxisValue]], points: Sequence[GridPoint]
) -> dict[str, tuple[Any, ...]]:
    """The axes with every value as its first point holds it: completed, paths absolute."""
    resolved: dict[str, tuple[Any, ...]] = {}
    every = len(points)
    for axis, steps in axes.items():
        every //= len(steps)
        resolved[axis] = tuple(
            get(points[index * every].scenario.model_dump(), axis) for index in range(len(steps))
        )
    return resolved
