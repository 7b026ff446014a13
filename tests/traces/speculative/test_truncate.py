from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from traces.speculative.truncate import mean_u_tv, reconstruct, smallest_kept

#: Sums of up to 4096 terms of total 1, in two orders: 4096 times float64's rounding, over the least denominator.
ROUNDING = 4096 * 2.3e-16 / 0.31


def random_row(size: int, concentration: float, stored: float, seed: int) -> NDArray[np.float64]:
    """Stored entries of a distribution over ``size`` tokens: at least one, the others of probability 0."""
    rng = np.random.default_rng(seed)
    row = rng.gamma(concentration, size=max(1, round(stored * size))) + 1e-300
    result: NDArray[np.float64] = row / row.sum()
    return result


def u_tv(x: NDArray[np.float64], kept: int, size: int, x_draft: float, beta: float) -> float:
    """The formula as it is printed: arXiv 2505.11788, over the whole vocabulary."""
    full = sorted([*x.tolist(), *[0.0] * (size - len(x))], reverse=True)
    tail = full[kept:]
    mean = math.fsum(tail) / len(tail) if tail else 0.0
    deviation = math.fsum(abs(value - mean) for value in tail)

    def smooth(z: float) -> float:
        return math.log(1 + math.exp(z))

    return deviation / ((1 - x_draft) * smooth(-1.0) + x_draft * smooth(-beta))


@given(
    size=st.integers(2, 4096),
    concentration=st.sampled_from([0.01, 0.1, 1.0, 10.0]),
    stored=st.floats(0.001, 1.0),
    seed=st.integers(0, 2**32),
    draft=st.floats(0, 1),
    beta=st.floats(0, 1),
    theta=st.floats(1e-6, 8),
)
@example(size=4096, concentration=0.1, stored=1.0, seed=0, draft=0.5, beta=0.3, theta=0.05)
def test_online_k_meets_theta_and_is_minimal(
    size: int, concentration: float, stored: float, seed: int, draft: float, beta: float, theta: float
) -> None:
    """The neighbours of k* by the double loop: with monotony (below) they settle minimality."""
    x = random_row(size, concentration, stored, seed)
    x_draft = float(x[int(draft * (len(x) - 1))])
    kept = smallest_kept(x, x_draft, beta, theta, size)
    assert 1 <= kept <= size
    assert u_tv(x, kept, size, x_draft, beta) <= theta + ROUNDING
    if kept > 1:
        assert u_tv(x, kept - 1, size, x_draft, beta) > theta - ROUNDING


@given(
    size=st.integers(2, 60),
    concentration=st.sampled_from([0.05, 1.0, 10.0]),
    stored=st.floats(0.02, 1.0),
    seed=st.integers(0, 2**32),
    theta=st.floats(1e-3, 4),
)
def test_curve_is_the_double_loop_and_gives_the_first_k(
    size: int, concentration: float, stored: float, seed: int, theta: float
) -> None:
    x = random_row(size, concentration, stored, seed)
    x_draft, beta = np.array([x.max()]), np.array([0.4])
    curve = mean_u_tv(x, np.array([0]), np.array([len(x)]), x_draft, beta, size)
    brute = [u_tv(x, kept, size, x_draft[0], 0.4) for kept in range(1, size + 1)]
    assert curve == pytest.approx(brute, abs=ROUNDING)
    assert (np.diff(curve) <= ROUNDING).all()
    first = 1 + next(index for index, value in enumerate(brute) if value <= theta)
    found = smallest_kept(x, x_draft[0], 0.4, theta, size)
    # They may differ where a value meets theta to rounding.
    assert found == first or abs(brute[min(found, first) - 1] - theta) < ROUNDING


def test_the_tail_is_spread_over_tokens_that_are_not_stored_too() -> None:
    x = np.array([0.1, 0.6, 0.3])
    assert reconstruct(x, 1, 5) == pytest.approx([0.1, 0.6, 0.1])
    assert reconstruct(x, 2, 5) == pytest.approx([0.1 / 3, 0.6, 0.3])
    assert reconstruct(x, 3, 5).tolist() == pytest.approx(x)
    assert reconstruct(x, 5, 5).tolist() == x.tolist()


def test_ties_keep_the_lower_token() -> None:
    assert reconstruct(np.array([0.25, 0.25, 0.5]), 2, 3) == pytest.approx([0.25, 0.25, 0.5])
    assert reconstruct(np.array([0.3, 0.3, 0.2, 0.2]), 1, 4) == pytest.approx(
        [0.3, 0.7 / 3, 0.7 / 3, 0.7 / 3]
    )
