"""The axes of a sweep: their values, their product, and where a value goes in the scenario's data."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Strict
from pydantic_core import PydanticCustomError

from netsim.errors import quote
from netsim.scenario.fields import Block, Expect
from netsim.scenario.yaml_file import KeyPath

MAX_POINTS = 100_000
"""More points than this are a slip of the pen (a step of 1e-6), not a sweep."""

_NOT_AN_AXIS = ("name", "seeds", "sweep")


def _said(text: str, *path: str) -> PydanticCustomError:
    return PydanticCustomError("said", "{text}", {"text": text, "path": path})


_Number = Annotated[int | float, Expect("a finite number")]


class RangeSettings(Block):
    """An axis from ``start`` to ``stop``, both included, in steps of ``step``."""

    start: _Number
    stop: _Number
    step: _Number

    def values(self) -> tuple[int | float, ...]:
        """All values, in decimal arithmetic: 0 to 1 by 0.05 holds 0.15, not 0.15000000000000002.

        Examples
        --------
        >>> RangeSettings(start=0, stop=0.3, step=0.1).values()
        (0.0, 0.1, 0.2, 0.3)
        """
        start, stop, step = (Decimal(repr(number)) for number in (self.start, self.stop, self.step))
        if step == 0 or (stop - start) / step < 0:
            text = f"leads nowhere, given {quote(self.step)}, allowed: a step that leads from start to stop"
            raise _said(text, "step")
        count = int((stop - start) / step) + 1
        if count > MAX_POINTS:
            raise _said(f"too small, given {quote(self.step)}, allowed: at most {MAX_POINTS} values", "step")
        whole = all(isinstance(number, int) for number in (self.start, self.stop, self.step))
        kind = int if whole else float
        return tuple(kind(start + index * step) for index in range(count))


def _axis_values(value: Any) -> tuple[Any, ...]:
    if isinstance(value, dict):
        return RangeSettings.model_validate(value).values()
    if not isinstance(value, (list, tuple)):
        raise _said(f"wrong type, given {quote(value)}, allowed: a list, or {{start, stop, step}}")
    if not value:
        raise _said("empty axis, given [], allowed: at least one value")
    seen: set[str] = set()
    for item in value:
        spelling = json.dumps(item, sort_keys=True)
        if spelling in seen:
            raise _said(f"listed twice, given {quote(item)}, allowed: each value once")
        seen.add(spelling)
    return tuple(value)


def _sweep_block(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _said(
            f"wrong type, given {quote(value)}, allowed: a block of axes, each under the path of its key"
        )
    return value


def _whole_sweep(axes: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    names = list(axes)
    for index, name in enumerate(names):
        if name in _NOT_AN_AXIS or not all(name.split(".")):
            raise _said(f"not an axis, given {quote(name)}, allowed: the path of a key", name)
        for later in names[index + 1 :]:
            if name.startswith(later + "."):
                raise _said(f"undone by the axis {later} after it, allowed: the block before its key", name)
    size = math.prod(map(len, axes.values()))
    if size > MAX_POINTS:
        raise _said(f"too many points, given {size}, allowed: at most {MAX_POINTS}")
    return axes


Axis = Annotated[
    tuple[Any, ...],
    Strict(strict=False),
    BeforeValidator(_axis_values, json_schema_input_type=list[Any] | RangeSettings),
]
Sweep = Annotated[dict[str, Axis], BeforeValidator(_sweep_block), AfterValidator(_whole_sweep)]


@dataclass(frozen=True)
class Step:
    """One value of one axis.

    Parameters
    ----------
    axis : str
        Dotted path of the swept key.
    index : int
        Which of the axis's values.
    value : object
        The value.
    """

    axis: str
    index: int
    value: Any

    @property
    def path(self) -> KeyPath:
        """The axis as a path of keys."""
        return tuple(self.axis.split("."))


def product(axes: Mapping[str, tuple[Any, ...]]) -> Iterator[tuple[Step, ...]]:
    """All points of a sweep, in the order of the file, the last axis fastest; one empty point without axes.

    Examples
    --------
    >>> [[step.value for step in point] for point in product({"a": (1, 2), "b": (3, 4)})]
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    steps = [[Step(axis, index, value) for index, value in enumerate(axes[axis])] for axis in axes]
    return itertools.product(*steps)


def has(data: object, path: KeyPath) -> bool:
    """Whether ``data`` holds a value at ``path``."""
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return False
        data = data[part]
    return True


def get(data: dict[str, Any], axis: str) -> Any:
    """The value at the dotted path of an axis."""
    value: Any = data
    for key in axis.split("."):
        value = value[key]
    return value


def put(data: object, path: KeyPath, value: object) -> Any:
    """Copy ``data`` with ``value`` at ``path``; blocks on the way are made, the original is kept.

    Raises
    ------
    ValueError
        Where something on the way is not a block.

    Examples
    --------
    >>> put({"channel": {"snr_db": 5}}, ("channel", "bandwidth_hz"), 1e6)
    {'channel': {'snr_db': 5, 'bandwidth_hz': 1000000.0}}
    """
    if not path:
        return value
    if data is not None and not isinstance(data, dict):
        raise ValueError(f"no place for {path[0]}, given {quote(data)}, allowed: a block")
    content: dict[Any, Any] = data or {}
    return {**content, path[0]: put(content.get(path[0]), path[1:], value)}


def flatten(value: object, path: str) -> dict[str, Any]:
    """Give each scalar of a block its full path.

    Examples
    --------
    >>> flatten({"name": "u-hlm", "threshold": 0.3}, "policy")
    {'policy.name': 'u-hlm', 'policy.threshold': 0.3}
    """
    if not isinstance(value, dict):
        return {path: value}
    return {name: leaf for key in value for name, leaf in flatten(value[key], f"{path}.{key}").items()}
