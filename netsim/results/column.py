"""What the declaration of a column says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Column(Generic[Facts]):
    """A column of the results.

    Attributes
    ----------
    facts : type. What it is computed from, a class of ``netsim.results.facts``.
    name : str. As the table, a bound of ``optimize`` and the command line spell it.
    unit : str. Empty for shares and counts.
    title : str. Name on the axis of a figure and in the head of a table.
    sentence : str. What it is.
    of : callable. Its value from the facts; from ``Timed`` an array with an axis of rows, or without one where all rows are alike.
    type : type. ``float``, ``int`` or ``str``.
    better : str. Whether ``high`` or ``low`` values are good; empty where neither is.
    averaged : bool. Whether a mean over seeds says something: it is then in the summary.
    level : float, optional. Of a quantile: in [0, 1].
    stage : bool. Whether it is a part of ``latency_mean_s``, to which these add up.
    """

    facts: type[Facts]
    name: str
    unit: str
    title: str
    sentence: str
    of: Callable[[Facts], Any]
    type: type = float
    better: Literal["high", "low", ""] = ""
    averaged: bool = True
    stage: bool = False
    level: float | None = None

    @property
    def label(self) -> str:
        """Title and unit, as an axis or a head shows them."""
        return f"{self.title} ({self.unit})" if self.unit else self.title
