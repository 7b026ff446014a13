"""A logarithmic quantiser for probabilities, so that small ones keep their digits.

A code of ``b`` bits is 0 for nothing, or one of ``2^b - 1`` values evenly spaced in the logarithm from ``2^-24`` to
1. With 8 bits neighbours differ by a factor of 1.068, so a value is off by at most 3.4 %, whatever its size. Uniform
steps of 1/255 would round every probability below 1/510 to nothing, and with it a tenth of a flat distribution.
The papers bill 8 bits (arXiv 2505.11788, eq. 5) and do not say which quantiser they mean: this one is ours.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Octaves from the smallest value to 1: fewer would lose the tail of a large vocabulary.
OCTAVES = 24


@njit(cache=True)
def quantise(probability: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """Nearest values, in the logarithm, that the codes stand for.

    Parameters
    ----------
    probability : [...], float in [0, 1]
    bits : int, at least 2

    Returns
    -------
    [...], float. Does not sum to 1; 0 for what is nearer, in the logarithm, to a step below the smallest value.

    Examples
    --------
    >>> quantise(np.array([1.0, 0.5, 0.1, 0.0]), 8).round(4)
    array([1.    , 0.4865, 0.101 , 0.    ])
    """
    step = OCTAVES * math.log(2.0) / (2.0**bits - 2.0)
    result = np.zeros(probability.shape)
    flat, given = result.ravel(), probability.ravel()
    for index in range(len(given)):
        if given[index] > 0.0:
            steps = np.rint(-math.log(given[index]) / step)
            if steps <= 2.0**bits - 2.0:
                flat[index] = math.exp(-steps * step)
    return result
