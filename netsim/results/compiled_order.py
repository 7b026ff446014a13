"""`netsim.results.order.ascending` in a compiled loop: a radix sort for the seconds of a row's rounds.

A comparison sort of 2048 numbers is a third of what the statistics of a row cost; this is three times as fast.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Bits of a digit, of which there are two.
_DIGIT = 11
_BUCKETS = 1 << _DIGIT
#: Places that values may be out of order by after both digits, on average.
_NEARLY_SORTED = 8


@njit(cache=True)
def write_ascending(values: NDArray[np.float64], ordered: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Write each row of ``values`` in ascending order; [num_rows, num_values] both.

    Returns
    -------
    [num_rows], bool
        Rows that are in order. The others have values below 0, NaN, or too many that agree in their leading bits.

    Notes
    -----
    Floats from 0 on are in the order of their bits, read as whole numbers. Two passes of counting order them by the leading 22
    bits of their distance from the least; what is left are few places. Source: Knuth, *The Art of Computer Programming* 3, section 5.2.5.
    """
    size = values.shape[1]
    keys, partly = np.empty(size, np.int64), np.empty(size, np.int64)
    starts = np.empty((2, _BUCKETS), np.int64)
    done = np.zeros(values.shape[0], np.bool_)
    for row in range(values.shape[0]):
        bits = values[row].view(np.int64)
        least, most = bits.min(), bits.max()
        # Below 0 the order is another; above infinity there is nothing but NaN.
        if least < 0 or most > np.float64(np.inf).view(np.int64):
            continue
        shift = 0
        while (most - least) >> shift >= _BUCKETS * _BUCKETS:
            shift += 1
        starts[:] = 0
        for i in range(size):
            keys[i] = (bits[i] - least) >> shift
            starts[0, keys[i] & (_BUCKETS - 1)] += 1
            starts[1, keys[i] >> _DIGIT] += 1
        low, high = 0, 0
        for bucket in range(_BUCKETS):
            starts[0, bucket], low = low, low + starts[0, bucket]
            starts[1, bucket], high = high, high + starts[1, bucket]
        for i in range(size):
            bucket = keys[i] & (_BUCKETS - 1)
            partly[starts[0, bucket]] = bits[i]
            starts[0, bucket] += 1
        whole = ordered[row].view(np.int64)
        for i in range(size):
            bucket = (partly[i] - least) >> shift >> _DIGIT
            whole[starts[1, bucket]] = partly[i]
            starts[1, bucket] += 1
        done[row] = _insert(whole)
    return done


@njit(cache=True)
def _insert(whole: NDArray[np.int64]) -> bool:
    """Put nearly sorted numbers in order; False if they are too far from it."""
    moves_left = _NEARLY_SORTED * whole.size
    for i in range(1, whole.size):
        own, place = whole[i], i
        while place > 0 and whole[place - 1] > own:
            whole[place] = whole[place - 1]
            place -= 1
        whole[place] = own
        moves_left -= i - place
        if moves_left < 0:
            return False
    return True
