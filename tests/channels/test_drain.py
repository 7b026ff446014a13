"""The compiled kernel against plain loops, in exact rational arithmetic where digits matter."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.drain import RAN_OUT, delivered, drain, locate, prefix_sums
from channels.rates import FloatArray

COHERENCE_TIME_S = 0.01

# Rates over 12 decades, and blocks in which nothing can be sent.
RATES = st.lists(
    st.one_of(st.just(0.0), st.floats(-4, 8).map(lambda decade: 10.0**decade)), min_size=1, max_size=200
).map(np.array)


def plain_drain(rates_bps: FloatArray, endless: bool, start_s: float, bits: float) -> tuple[Fraction, float]:
    """Block by block, in exact arithmetic: the duration and the rate of the block in which it ends."""
    coherence_time_s = Fraction(COHERENCE_TIME_S)
    time_s, left = Fraction(start_s), Fraction(bits)
    block = time_s // coherence_time_s
    while True:
        last = block >= rates_bps.size - 1
        if block >= rates_bps.size and not endless:
            return Fraction(-1), 0.0
        rate = Fraction(float(rates_bps[min(block, rates_bps.size - 1)]))
        room = left if endless and last else rate * ((block + 1) * coherence_time_s - time_s)
        if endless and last and rate == 0:
            return Fraction(-2), 0.0
        if left <= room:
            return time_s + left / rate - Fraction(start_s), float(rate)
        left -= room
        block += 1
        time_s = block * coherence_time_s


@given(
    rates_bps=RATES,
    endless=st.booleans(),
    start=st.floats(0, 1.1),
    bits=st.floats(-3, 8).map(lambda d: 10**d),
)
def test_drain_is_the_plain_loop(rates_bps: FloatArray, endless: bool, start: float, bits: float) -> None:
    start_s = start * rates_bps.size * COHERENCE_TIME_S
    seconds = drain(
        rates_bps, prefix_sums(rates_bps, COHERENCE_TIME_S), COHERENCE_TIME_S, endless, start_s, bits
    )
    exact, last_rate = plain_drain(rates_bps, endless, start_s, bits)
    if exact < 0 or seconds < 0 or math.isinf(seconds):
        # Which side of the array's end a transmission falls may hang on the last bit of a sum.
        total = float(rates_bps.sum()) * COHERENCE_TIME_S
        near = abs(total - bits) <= 1e-12 * total
        assert near or (seconds, exact) in {(RAN_OUT, Fraction(-1)), (math.inf, Fraction(-2))}
        return
    # The start is a float of a few ulp, and at most rates.max() flows in them; so are the bits. What is
    # left over at the end takes as long as the last block's rate says, but no longer than a block.
    ulps_s = 4 * np.spacing(start_s + COHERENCE_TIME_S)
    in_doubt = rates_bps.max() * ulps_s + 4 * np.spacing(bits)
    skipped = in_doubt / last_rate
    assert abs(seconds - float(exact)) <= 1e-9 * float(exact) + min(skipped, COHERENCE_TIME_S) + ulps_s


def test_deep_fade_far_into_a_session_keeps_its_digits() -> None:
    # 4e12 bits went before: a prefix of one float a block is rounded to 5e-4 bits there, and so would be
    # the rest that is left for the last block, at 1 bit/s.
    rates_bps = np.full(400_001, 1e9 + 1 / 3)
    rates_bps[-1] = 1.0
    start_s, bits = 399_000 * COHERENCE_TIME_S, 1e10 + 10 / 3 + 0.005
    prefix_bits = prefix_sums(rates_bps, COHERENCE_TIME_S)
    seconds = drain(rates_bps, prefix_bits, COHERENCE_TIME_S, False, start_s, bits)
    rest_bits = Fraction(bits) - 1000 * Fraction(COHERENCE_TIME_S) * Fraction(float(rates_bps[0]))
    # Bits of 1e10 are a float good to 2e-6; half an ulp of each block's bits adds up to less.
    assert abs(seconds - float(10 + rest_bits)) <= 2 * np.spacing(bits)


def test_no_bits_take_no_time() -> None:
    rates_bps = np.array([0.0])
    assert drain(rates_bps, prefix_sums(rates_bps, 1.0), 1.0, False, 0.5, 0.0) == 0.0


def test_transmission_that_fills_its_blocks_ends_at_the_edge() -> None:
    # Blocks of 1 bit, then a silence of 3: the end is the edge, not the end of the silence.
    for num_blocks in range(1, 40):
        rates_bps = np.array([1.0] * num_blocks + [0.0] * 3 + [1.0] * 40)
        prefix_bits = prefix_sums(rates_bps, 1.0)
        assert drain(rates_bps, prefix_bits, 1.0, False, 0.0, float(num_blocks)) == num_blocks
        assert drain(rates_bps, prefix_bits, 1.0, False, 0.0, num_blocks + 0.5) == num_blocks + 3.5


@pytest.mark.parametrize("coherence_time_s", [0.01, 0.1, 1 / 3, 0.7])
def test_every_block_edge_is_located_in_its_block(coherence_time_s: float) -> None:
    for block in range(10_000):
        found, offset_s = locate(block * coherence_time_s, coherence_time_s)
        assert (found, offset_s) == (block, 0.0)


@pytest.mark.parametrize("coherence_time_s", [0.01, 0.1, 1 / 3, 0.7])
def test_offsets_stay_within_the_block_next_to_an_edge(coherence_time_s: float) -> None:
    for block in range(1, 10_000):
        for edge_s in (
            np.nextafter(block * coherence_time_s, 0),
            np.nextafter(block * coherence_time_s, 1e9),
        ):
            found, offset_s = locate(float(edge_s), coherence_time_s)
            assert 0.0 <= offset_s <= coherence_time_s
            assert abs(found * coherence_time_s + offset_s - edge_s) <= 2 * np.spacing(edge_s)


def test_transmission_from_an_edge_uses_the_block_that_begins() -> None:
    rates_bps = np.array([1e6, 1.0] * 500)
    prefix_bits = prefix_sums(rates_bps, COHERENCE_TIME_S)
    for block in range(0, 1000, 2):
        start_s = block * COHERENCE_TIME_S
        assert drain(rates_bps, prefix_bits, COHERENCE_TIME_S, False, start_s, 1.0) == 1e-6


@given(rates_bps=RATES, endless=st.booleans(), start=st.floats(0, 1), length=st.floats(0, 1))
def test_delivered_is_the_plain_sum(
    rates_bps: FloatArray, endless: bool, start: float, length: float
) -> None:
    session_s = rates_bps.size * COHERENCE_TIME_S
    start_s, end_s = start * session_s, (start + length) * session_s
    bits = delivered(
        rates_bps, prefix_sums(rates_bps, COHERENCE_TIME_S), COHERENCE_TIME_S, endless, start_s, end_s
    )
    end_block = math.floor(Fraction(end_s) / Fraction(COHERENCE_TIME_S))
    # The very edge of the array may round to either side of it.
    if not endless and abs(end_s - session_s) > 1e-12 * session_s:
        assert (bits == RAN_OUT) == (end_block >= rates_bps.size)
    if bits == RAN_OUT:
        return
    expected = 0.0
    for block in range(max(end_block, rates_bps.size - 1) + 1):
        rate = rates_bps[min(block, rates_bps.size - 1)]
        overlap_s = min(end_s, (block + 1) * COHERENCE_TIME_S) - max(start_s, block * COHERENCE_TIME_S)
        expected += rate * max(0.0, overlap_s)
    # Either time may be off by an ulp or two, in which at most the largest rate flows.
    in_doubt = rates_bps.max() * 8 * np.spacing(end_s + COHERENCE_TIME_S)
    assert bits == pytest.approx(expected, rel=1e-12, abs=in_doubt)
