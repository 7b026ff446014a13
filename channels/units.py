"""Decibels and ratios, and a constant of nature."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

#: Exact, since it defines the metre.
SPEED_OF_LIGHT_M_S = 299_792_458.0

Value = TypeVar("Value", float, npt.NDArray[np.float64])


def from_db(value_db: Value) -> Value:
    """Linear ratio of a value in decibels, ``10 ** (value_db / 10)``; a number, or an array of any shape.

    >>> from_db(10.0), from_db(np.array([0.0, 20.0])).tolist()
    (10.0, [1.0, 100.0])
    """
    ratio: Value = 10.0 ** (value_db / 10)
    return ratio
