"""Names of the measures of uncertainty; `traces.uncertainty` computes them."""

from __future__ import annotations

from typing import Literal, get_args

#: ``temperature``, and those that look at the draft's own distribution ``x`` alone.
MeasureName = Literal["temperature", "entropy", "one-minus-max", "margin", "one-minus-draft"]
MEASURES: tuple[MeasureName, ...] = get_args(MeasureName)
