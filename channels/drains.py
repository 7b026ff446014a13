"""`channels.drain.drain` of many transmissions under one curve: the same to the bit, in two thirds of the time.

One after the other, each waits for a chain of dependent steps and for a search whose way no processor foresees. Here every
step is taken for all before the next, and the search begins where the mean rate says that it will end.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from channels.drain import bits_from_to, last_start_before, locate
from channels.rates import FloatArray

IntArray = NDArray[np.int64]
#: Arrays to work in, [num_sent] each: bits that remain, first and last block.
Room = tuple[FloatArray, IntArray, IntArray]

NEAR = 8
"""Blocks by which a guess is corrected; what is further away is searched for."""
LEAST_BITS = 5e-324
"""The least number above 0."""


@njit(cache=True, error_model="numpy", inline="always")
def drain_each(
    rates_bps: FloatArray,
    prefix_bits: FloatArray,
    coherence_time_s: float,
    start_s: FloatArray,
    bits: FloatArray,
    room: Room,
    seconds: FloatArray,
) -> bool:
    """Write the seconds until each transmission has drained; False if the curve is too short for one of them.

    Parameters
    ----------
    rates_bps, prefix_bits, coherence_time_s
        As for `channels.drain.drain`, of a curve that is not endless.
    start_s : [num_sent or more], float. Start of each, in seconds since the session's start, >= 0.
    bits : [num_sent], float. Bits of each; none take 0 s.
    room : Room
    seconds : [num_sent or more], float. Where the results are written.
    """
    remaining, firsts, finals = room
    if not _begin(rates_bps, prefix_bits, coherence_time_s, start_s, bits, remaining, firsts, seconds):
        return False
    num_blocks = rates_bps.size
    leading_bits = prefix_bits[0]
    whole_bits = leading_bits[num_blocks]
    if whole_bits <= 0.0:
        # Nothing can be sent, and nothing is to be.
        seconds[: bits.size] = 0.0
        return True
    _guess(prefix_bits, bits.size, remaining, firsts, finals)
    for i in range(bits.size):
        first = firsts[i]
        # Within the sums, so that the steps end there.
        target = max(min(leading_bits[first] + remaining[i], whole_bits), LEAST_BITS)
        final = finals[i]
        for _ in range(NEAR):
            if leading_bits[final + 1] >= target:
                break
            final += 1
        for _ in range(NEAR):
            if leading_bits[final] < target:
                break
            final -= 1
        final = max(final, first)
        # Leading sums alone don't tell two blocks apart where their rounding hides which it is.
        following = min(final + 1, num_blocks)
        if remaining[i] > 0.0 and (
            bits_from_to(prefix_bits, first, final) >= remaining[i]
            or bits_from_to(prefix_bits, first, following) < remaining[i]
        ):
            final = last_start_before(prefix_bits, first, num_blocks, remaining[i])
        rest_s = (remaining[i] - bits_from_to(prefix_bits, first, final)) / rates_bps[
            min(final, num_blocks - 1)
        ]
        across_s = seconds[i] + (final - first) * coherence_time_s + min(rest_s, coherence_time_s)
        within_s = bits[i] / rates_bps[first - 1]
        # Over within its first block, or not: that is anybody's guess, so that both are worked out.
        seconds[i] = within_s if remaining[i] <= 0.0 else across_s
        seconds[i] = seconds[i] if bits[i] > 0.0 else 0.0
    return True


@njit(cache=True, inline="always")
def _begin(
    rates_bps: FloatArray,
    prefix_bits: FloatArray,
    coherence_time_s: float,
    start_s: FloatArray,
    bits: FloatArray,
    remaining: FloatArray,
    firsts: IntArray,
    seconds: FloatArray,
) -> bool:
    """Write the bits that each block of a start leaves, the block behind it, and the seconds up to there; whether the blocks suffice."""
    num_blocks = rates_bps.size
    ran_out = False
    for i in range(bits.size):
        block, offset_s = locate(start_s[i], coherence_time_s)
        ran_out |= block >= num_blocks and bits[i] > 0.0
        block = min(block, num_blocks - 1)
        seconds[i] = coherence_time_s - offset_s
        remaining[i] = bits[i] - rates_bps[block] * seconds[i]
        firsts[i] = block + 1
        ran_out |= remaining[i] > bits_from_to(prefix_bits, block + 1, num_blocks)
    return not ran_out


@njit(cache=True, inline="always")
def _guess(
    prefix_bits: FloatArray, count: int, remaining: FloatArray, firsts: IntArray, finals: IntArray
) -> None:
    """Write the block in which each ends by the mean rate, corrected twice."""
    leading_bits = prefix_bits[0]
    num_blocks = leading_bits.size - 1
    whole_bits = leading_bits[num_blocks]
    blocks_per_bit = num_blocks / whole_bits
    for i in range(count):
        target = leading_bits[firsts[i]] + remaining[i]
        guess = firsts[i] + np.int64(max(remaining[i], 0.0) * blocks_per_bit)
        for _ in range(2):
            guess = min(guess, num_blocks - 1)
            guess = max(guess + np.int64((target - leading_bits[guess]) * blocks_per_bit), 0)
        finals[i] = min(guess, num_blocks - 1)
