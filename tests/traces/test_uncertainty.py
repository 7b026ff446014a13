from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, special

from traces.format.nodes import log_sum_exp
from traces.measures import MEASURES, MeasureName
from traces.uncertainty import disagreement, of_distribution, theta_rule

VOCABULARY, TEMPERATURE, THETA_MAX = 300, 0.8, 2.0


def example(seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    logits = 3 * rng.standard_normal(VOCABULARY)
    shifted: NDArray[np.float64] = logits - logits.max()
    return shifted


def q_of(shifted: np.ndarray, draft: int, points: int) -> float:
    theta, weights = theta_rule(THETA_MAX, points)
    scale = 1 / (TEMPERATURE * theta)
    partition = np.array([[log_sum_exp(shifted * s) for s in scale]], np.float32)
    logit = shifted.astype(np.float16).astype(np.float32)
    return float(disagreement(logit, partition, np.array([0]), np.array([draft]), scale, weights)[0])


def test_q_is_the_integral_over_theta() -> None:
    for seed in range(5):
        shifted = example(seed)
        for draft in (int(shifted.argmax()), 7, 100):

            def agreement(theta: float, shifted: np.ndarray = shifted, draft: int = draft) -> float:
                return float(special.softmax(shifted / (TEMPERATURE * theta))[draft])

            # theta -> 0 is the arg-max indicator; from 1e-4 on the integrand is smooth enough for quad.
            mean = integrate.quad(agreement, 1e-4, THETA_MAX, limit=200)[0] / THETA_MAX
            # 32 points lie between the 5e-4 of 16 and the 3e-5 of 64, as measured on a 2048-token pair; float16 logits
            # of the draft add up to 2^-9 relative at |z| < 8.
            assert abs(q_of(shifted, draft, 32) - (1 - mean)) < 2e-3
            assert abs(q_of(shifted, draft, 64) - q_of(shifted, draft, 16)) < 1e-3


def test_u_is_binomial_in_q() -> None:
    """The definition, brute force: draw temperatures and samples, and count disagreements."""
    shifted, samples, repeats = example(3), 20, 4000
    draft = int(np.argsort(shifted)[-2])
    rng = np.random.default_rng(5)
    theta = THETA_MAX * (1 - rng.random((repeats, samples)))
    probability = special.softmax(shifted / (TEMPERATURE * theta[..., None]), axis=-1)
    drawn = (probability.cumsum(axis=-1) < rng.random((repeats, samples, 1))).sum(axis=-1)
    u = (drawn != draft).mean(axis=1)
    q = q_of(shifted, draft, 64)
    # Mean and variance of Binomial(20, q) / 20; five standard errors, the variance's from a normal kurtosis.
    variance = q * (1 - q) / samples
    assert abs(u.mean() - q) < 5 * np.sqrt(variance / repeats)
    assert abs(u.var() - variance) < 5 * variance * np.sqrt(2 / repeats)


def test_a_certain_token_never_disagrees() -> None:
    shifted = np.full(VOCABULARY, -60.0)
    shifted[4] = 0.0
    assert q_of(shifted, 4, 32) < 1e-6
    assert q_of(shifted, 5, 32) > 1 - 1e-6


def test_measures_of_a_distribution_against_their_definitions() -> None:
    rng = np.random.default_rng(5)
    x = special.softmax(2 * rng.standard_normal((6, 40)), axis=1)
    x[:, ::3] = 0  # outside the nucleus
    x /= x.sum(axis=1, keepdims=True)
    starts = 40 * np.arange(6)
    draft = starts + 7
    ranked = -np.sort(-x, axis=1)
    expected: dict[MeasureName, np.ndarray] = {
        "entropy": special.entr(x).sum(axis=1) / np.log(500),
        "one-minus-max": 1 - ranked[:, 0],
        "margin": 1 - (ranked[:, 0] - ranked[:, 1]),
        "one-minus-draft": 1 - x.ravel()[draft],
    }
    for name, value in expected.items():
        measured = of_distribution(name, x.ravel(), starts, starts + 40, draft, 500)
        np.testing.assert_allclose(measured, value, rtol=1e-12)


def test_measures_at_their_ends() -> None:
    rows = np.array([0, 4]), np.array([4, 8])
    x = np.array([0, 1.0, 0, 0, 0.25, 0.25, 0.25, 0.25])
    for name in MEASURES[1:]:
        sure, unsure = of_distribution(name, x, *rows, np.array([1, 5]), 4)
        assert sure == 0
        assert unsure == {"entropy": 1.0, "margin": 1.0}.get(name, 0.75)
