"""From a scenario file, or data of the same form, to a checked grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from netsim.errors import Fault, InputError, quote
from netsim.scenario.faults import KeySources, in_order
from netsim.scenario.grid import Grid
from netsim.scenario.model import Scenario
from netsim.scenario.sweep import put
from netsim.scenario.yaml_file import Document, parse_yaml, read_yaml

#: Whatever stands for a scenario in Python.
ScenarioLike = Grid | Scenario | Mapping[str, Any] | str | Path


def load_grid(source: ScenarioLike, overrides: Iterable[str] = ()) -> Grid:
    """Read, complete and check a scenario once, every point of its sweep included.

    Parameters
    ----------
    source : path, mapping, Scenario or Grid
        A YAML 1.2 file, or the same as data. Relative paths in a file start from its folder, else from the
        current folder.
    overrides : iterable of str
        ``path=value``, the value in YAML: ``channel.snr_db=5``, ``policy={name: slm}``. One that sets a
        swept key replaces its axis.

    Raises
    ------
    InputError
        With every fault of the file.
    """
    settings = list(overrides)
    if isinstance(source, Grid):
        source = source.scenario if settings else source
    if isinstance(source, Grid):
        return source
    if isinstance(source, (Scenario, Mapping)):
        data = source.model_dump() if isinstance(source, Scenario) else dict(source)
        return _grid(Document(data, {}, []), KeySources("", {}), settings, None)
    path = Path(source)
    document = read_yaml(path, str(path))
    return _grid(document, KeySources(str(path), document.lines), settings, path.resolve().parent)


def load_scenario(source: ScenarioLike, overrides: Iterable[str] = ()) -> Scenario:
    """Read, complete and check a scenario; parameters and errors as for `load_grid`.

    Returns
    -------
    Scenario
        A key that only the sweep sets holds the first value of its axis.
    """
    return load_grid(source, overrides).scenario


def _grid(document: Document, places: KeySources, overrides: list[str], folder: Path | None) -> Grid:
    if not isinstance(document.data, dict):
        given = "nothing" if document.data is None else quote(document.data)
        text = f"not a scenario, given {given}, allowed: a block with the keys {', '.join(Scenario.model_fields)}"
        raise InputError([places.fault((), text)])
    data = _override(document.data, overrides, places)
    try:
        grid = Grid.of(data, places, folder)
    except InputError as error:
        raise InputError(in_order([*document.faults, *error.faults])) from None
    if document.faults:
        raise InputError(in_order(document.faults))
    return grid


def _override(data: dict[str, Any], overrides: Iterable[str], places: KeySources) -> dict[str, Any]:
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
