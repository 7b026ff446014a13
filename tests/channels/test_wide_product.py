"""The high half of a product, compiled and not, against Python's own whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from channels.wide_product import high_product

WORDS = st.integers(0, 2**64 - 1)


@njit
def compiled(left: Any, right: Any) -> Any:
    return high_product(left, right)


PRODUCTS: list[Callable[[Any, Any], Any]] = [high_product, compiled]


@given(left=WORDS, right=WORDS)
def test_it_is_the_high_half(left: int, right: int) -> None:
    for product in PRODUCTS:
        assert int(product(np.uint64(left), np.uint64(right))) == left * right >> 64
