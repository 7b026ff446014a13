"""The axes of a sweep: their values, their product, and where a value goes in the scenario's data."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Strict

from netsim.errors import quote
from netsim.scenario.fields import Block, Key, said
from netsim.scenario.yaml_file import KeyPath

MAX_POINTS = 100_000
"""More points than this are a slip of the pen (a step of 1e-6), not a sweep."""

NOT_AN_AXIS = ("name", "seeds", "sweep")

_Number = Annotated[int | float, Key("a number", at_least=-1e15, at_most=1e15)]


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
            raise said(text, "step")
        count = int((stop - start) / step) + 1
        if count > MAX_POINTS:
            raise said(f"too small, given {quote(self.step)}, allowed: at most {MAX_POINTS} values", "step")
        whole = all(isinstance(number, int) for number in (self.start, self.stop, self.step))
        kind = int if whole else float
        return tuple(kind(start + index * step) for index in range(count))


def range_or_list(value: Any) -> tuple[Any, ...]:
    """Values of an axis, as written."""
    if isinstance(value, dict):
        return RangeSettings.model_validate(value).values()
    if not isinstance(value, (list, tuple)):
        raise said(f"wrong type, given {quote(value)}, allowed: a list, or {{start, stop, step}}")
    if not value:
        raise said("empty axis, given [], allowed: at least one value")
    return tuple(value)


def check_distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a value that is listed twice."""
    seen: set[str] = set()
    for item in values:
        spelling = json.dumps(item, sort_keys=True)
        if spelling in seen:
            raise said(f"listed twice, given {quote(item)}, allowed: each value once")
        seen.add(spelling)
    return values


def check_axes(axes: Mapping[str, tuple[Any, ...]]) -> None:
    """Refuse axes that are none, that undo each other, or whose product is too large."""
    names = list(axes)
    for index, name in enumerate(names):
        if name in NOT_AN_AXIS or not all(name.split(".")):
            raise said(f"not an axis, given {quote(name)}, allowed: the path of a key", name)
        for later in names[index + 1 :]:
            if name.startswith(later + "."):
                raise said(f"undone by the axis {later} after it, allowed: the block before its key", name)
    size = math.prod(map(len, axes.values()))
    if size > MAX_POINTS:
        raise said(f"too many points, given {size}, allowed: at most {MAX_POINTS}")


Axis = Annotated[
    tuple[Any, ...],
    Strict(strict=False),
    BeforeValidator(lambda value: check_distinct(range_or_list(value))),
]


def sweep_block(value: Any) -> Any:
    """Refuse what is not a block of axes."""
    if not isinstance(value, dict):
        raise said(
            f"wrong type, given {quote(value)}, allowed: a block of axes, each under the path of its key"
        )
    return value


Sweep = Annotated[dict[str, Axis], BeforeValidator(sweep_block)]


@dataclass(frozen=True)
class AxisValue:
    """One value of one axis.

    Parameters
    ----------
    axis : str
        Dotted path of the swept key.
    index : int
        Which of the axis's items in the file it comes from; several where the item holds a range or a list.
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


def product(axes: Mapping[str, list[AxisValue]]) -> Iterator[tuple[AxisValue, ...]]:
    """All points of a sweep, in the order of the file, the last axis fastest; one empty point without axes."""
    return itertools.product(*axes.values())


def spread(value: Any, inner: Callable[[Any], Iterator[tuple[KeyPath, tuple[Any, ...]]]]) -> list[Any]:
    """An item of an axis once for each value of the ranges and lists inside it, the last fastest.

    Parameters
    ----------
    inner : callable. Finds the paths of ranges and lists in the item, and their values.

    Examples
    --------
    >>> spread({"name": "u-hlm", "threshold": [0, 1]}, lambda item: iter([(("threshold",), (0, 1))]))
    [{'name': 'u-hlm', 'threshold': 0}, {'name': 'u-hlm', 'threshold': 1}]
    """
    items = [value]
    for path, values in inner(value):
        items = [put(item, path, one) for item in items for one in values]
    return items


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
