"""The product of two numbers of 64 bits, of which a processor has an instruction and neither numpy nor numba a name."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload


def high_product(left: Any, right: Any) -> Any:
    """The high half of a product of 128 bits, of two ``numpy.uint64``; in compiled code two instructions.

    Examples
    --------
    >>> int(high_product(np.uint64(2**63), np.uint64(6)))
    3
    """
    return np.uint64((int(left) * int(right)) >> 64)


@intrinsic
def _instructions(_typing: Any, _left: Any, _right: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(value, wide) for value in values))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@overload(high_product)
def _compiled(left: Any, right: Any) -> Any:  # noqa: ARG001  (types, of which there is one choice)
    def product(left: Any, right: Any) -> Any:
        return _instructions(left, right)  # type: ignore[call-arg]  # (numba hands over the first by itself)

    return product
