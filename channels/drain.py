"""The compiled arithmetic of the cumulative-capacity curve, shared by every engine.

A session is an array of block rates, each block `coherence_time_s` long. Where `endless`, the last
block of the array lasts for ever (no fading is one endless block).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from channels.rates import FloatArray

RAN_OUT = -1.0
"""What a kernel returns when it needs blocks past the end of the array: extend it, call again."""


def prefix_sums(rates_bps: FloatArray, coherence_time_s: float) -> FloatArray:
    """Cumulative bits at each block's start, as unevaluated sums of two floats.

    With one float a difference of two sums would carry the rounding of the whole session, which in a
    deep fade is a visible time. Two-sum: Knuth, *The Art of Computer Programming* 2, section 4.2.2.

    Parameters
    ----------
    rates_bps : [num_blocks], float. Rate in bit/s.
    coherence_time_s : float. Length of a block in seconds.

    Returns
    -------
    [2, num_blocks + 1], float. Leading and trailing part of the cumulative bits.
    """
    # Allocated here: numpy asks for large pages, which compiled code does not, and half of a long session's time was that.
    prefix_bits = np.empty((2, rates_bps.size + 1))
    write_prefix_sums(rates_bps, coherence_time_s, prefix_bits)
    return prefix_bits


@njit(cache=True)
def write_prefix_sums(rates_bps: FloatArray, coherence_time_s: float, prefix_bits: FloatArray) -> None:
    """Write `prefix_sums`; [2, num_blocks + 1]."""
    leading, trailing = 0.0, 0.0
    prefix_bits[0, 0] = prefix_bits[1, 0] = 0.0
    for i in range(rates_bps.size):
        bits = rates_bps[i] * coherence_time_s
        total = leading + bits
        shifted = total - leading
        trailing += (leading - (total - shifted)) + (bits - shifted)
        leading = total
        prefix_bits[0, i + 1] = leading
        prefix_bits[1, i + 1] = trailing


@njit(cache=True)
def locate(time_s: float, coherence_time_s: float) -> tuple[int, float]:
    """Block that holds `time_s`, and the seconds since its start, in [0, coherence_time_s].

    A time that is ``block * coherence_time_s``, as floats, is that block's start.
    """
    block = int(time_s / coherence_time_s)
    # The quotient rounds: a time on an edge may come out a hair on the wrong side.
    if (block + 1) * coherence_time_s <= time_s:
        block += 1
    if block == 0:
        return 0, time_s
    return block, min(max(time_s - block * coherence_time_s, 0.0), coherence_time_s)


@njit(cache=True)
def bits_from_to(prefix_bits: FloatArray, first: int, end: int) -> float:
    """Bits of the blocks ``first`` to ``end - 1``."""
    leading: float = prefix_bits[0, end] - prefix_bits[0, first]
    trailing: float = prefix_bits[1, end] - prefix_bits[1, first]
    return leading + trailing


@njit(cache=True)
def last_start_before(prefix_bits: FloatArray, first: int, limit: int, bits: float) -> int:
    """Last block, at most `limit`, that starts before `bits` have drained from the start of `first` on.

    A galloping search, then a binary one: the cost grows with the logarithm of the blocks crossed.
    """
    low = first
    step = 1
    high = min(low + step, limit)
    while low < high and bits_from_to(prefix_bits, first, high) < bits:
        low = high
        step *= 2
        high = min(low + step, limit)
    while high - low > 1:
        middle = (low + high) // 2
        if bits_from_to(prefix_bits, first, middle) < bits:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, error_model="numpy")  # a division by a rate of 0 is infinite, not an exception
def drain(
    rates_bps: FloatArray,
    prefix_bits: FloatArray,
    coherence_time_s: float,
    endless: bool,
    start_s: float,
    bits: float,
    first_block: int = 0,
) -> float:
    """Seconds until `bits` have drained from `start_s` on.

    Parameters
    ----------
    rates_bps : [num_blocks], float. Rate of each block in bit/s, >= 0.
    prefix_bits : [2, num_blocks + 1], float. `prefix_sums` of the same rates.
    coherence_time_s : float. Length of a block in seconds.
    endless : bool. The last block lasts for ever.
    start_s : float. Start in seconds since the session's start, >= 0.
    bits : float. Bits to send; none take 0 s.
    first_block : int. Number of the array's first block since the session's start.

    Returns
    -------
    float. Seconds; `RAN_OUT` if the array is too short or begins later; infinite if the endless block has rate 0.
    """
    if bits <= 0.0:
        return 0.0
    last = rates_bps.size - 1
    block, offset_s = locate(start_s, coherence_time_s)
    block -= first_block
    if endless and block >= last:
        return float(bits / rates_bps[last])
    if not 0 <= block <= last:
        return RAN_OUT
    first_s = coherence_time_s - offset_s
    first_bits = rates_bps[block] * first_s
    if bits <= first_bits:
        return float(bits / rates_bps[block])

    remaining = bits - first_bits
    first = block + 1
    final = last_start_before(prefix_bits, first, last if endless else last + 1, remaining)
    if final > last:
        return RAN_OUT
    # The final block starts too early and ends late enough, so unless it is endless its rate is not 0.
    rest_s = (remaining - bits_from_to(prefix_bits, first, final)) / rates_bps[final]
    if final < last or not endless:
        rest_s = min(rest_s, coherence_time_s)
    return float(first_s + (final - first) * coherence_time_s + rest_s)


@njit(cache=True)
def delivered(
    rates_bps: FloatArray,
    prefix_bits: FloatArray,
    coherence_time_s: float,
    endless: bool,
    start_s: float,
    end_s: float,
    first_block: int = 0,
) -> float:
    """Bits carried from `start_s` to `end_s`; the other parameters as for `drain`.

    Returns
    -------
    float. Bits; `RAN_OUT` if the array is too short or begins later.
    """
    last = rates_bps.size - 1
    block, offset_s = locate(start_s, coherence_time_s)
    end_block, end_offset_s = locate(end_s, coherence_time_s)
    block -= first_block
    end_block -= first_block
    if endless and block >= last:
        return float(rates_bps[last] * (end_s - start_s))
    if block < 0:
        return RAN_OUT
    if endless and end_block > last:
        end_block = last
        end_offset_s = end_s - (first_block + last) * coherence_time_s
    if end_block > last:
        return RAN_OUT
    if block == end_block:
        return float(rates_bps[block] * (end_offset_s - offset_s))
    first_bits = rates_bps[block] * (coherence_time_s - offset_s)
    between_bits = bits_from_to(prefix_bits, block + 1, end_block)
    return float(first_bits + between_bits + rates_bps[end_block] * end_offset_s)
