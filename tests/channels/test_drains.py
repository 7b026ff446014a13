"""Many transmissions drained side by side against one drained alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.drain import RAN_OUT, drain, prefix_sums
from channels.drains import NEAR, drain_each
from channels.rates import FloatArray
from tests.channels.test_drain import COHERENCE_TIME_S, RATES


def side_by_side(rates_bps: FloatArray, start_s: FloatArray, bits: FloatArray) -> FloatArray | None:
    """Seconds of each, or None where the blocks don't suffice for all."""
    count = start_s.size
    seconds = np.empty(count)
    room = np.empty(count), np.empty(count, np.int64), np.empty(count, np.int64)
    sums = prefix_sums(rates_bps, COHERENCE_TIME_S)
    return seconds if drain_each(rates_bps, sums, COHERENCE_TIME_S, start_s, bits, room, seconds) else None


def alone(rates_bps: FloatArray, start_s: FloatArray, bits: FloatArray) -> FloatArray:
    sums = prefix_sums(rates_bps, COHERENCE_TIME_S)
    each = zip(start_s.tolist(), bits.tolist(), strict=True)
    return np.array([drain(rates_bps, sums, COHERENCE_TIME_S, False, *own) for own in each])


SENT = st.lists(
    st.tuples(
        st.one_of(st.floats(0, 1.1), st.integers(0, 20).map(lambda block: block / 20)),
        st.one_of(st.just(0.0), st.floats(-3, 8).map(lambda decade: 10.0**decade)),
    ),
    min_size=1,
    max_size=12,
)


@given(rates_bps=RATES, sent=SENT)
@example(rates_bps=np.zeros(1), sent=[(0.0, 0.0)])
@example(rates_bps=np.zeros(3), sent=[(0.5, 0.0), (0.0, 1.0)])
def test_side_by_side_is_one_by_one(rates_bps: FloatArray, sent: list[tuple[float, float]]) -> None:
    start_s = np.array([share for share, _ in sent]) * rates_bps.size * COHERENCE_TIME_S
    bits = np.array([own for _, own in sent])
    expected = alone(rates_bps, start_s, bits)
    found = side_by_side(rates_bps, start_s, bits)
    assert (found is None) == bool((expected == RAN_OUT).any())
    if found is not None:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(5))
def test_a_guess_that_is_far_off_is_searched_for(seed: int) -> None:
    """Long stretches in which nothing can be sent, so that the mean rate says little of where an upload ends."""
    rng = np.random.default_rng(seed)
    rates_bps = np.where(rng.random(4000) < 0.005, 1e6, 0.0) + np.where(np.arange(4000) < 100, 1e4, 0.0)
    start_s = rng.uniform(0, 30, 50)
    bits = rng.uniform(0, 2e4, 50)
    expected = alone(rates_bps, start_s, bits)
    assert np.median(expected / COHERENCE_TIME_S) > 4 * NEAR
    found = side_by_side(rates_bps, start_s, bits)
    assert found is not None
    np.testing.assert_array_equal(found, expected)
