from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from channels.fading import Fading, Nakagami, NoFading, Rayleigh, Rician
from channels.rates import FloatArray
from channels.testing import check_channel

NUM_BLOCKS = 100_000

# Independent of our formulas: scipy's distributions, and the variance of the gain that Simon and
# Alouini, Digital Communication over Fading Channels, 2005, table 2.1 lists as "amount of fading".
RICIAN_K = 10 ** (6 / 10)
LAWS = [
    (Rayleigh(), stats.expon(), 1.0),
    (
        Rician(6.0),
        stats.ncx2(df=2, nc=2 * RICIAN_K, scale=1 / (2 * (1 + RICIAN_K))),
        (1 + 2 * RICIAN_K) / (1 + RICIAN_K) ** 2,
    ),
    (Nakagami(0.5), stats.gamma(a=0.5, scale=2.0), 2.0),
    (Nakagami(3.0), stats.gamma(a=3.0, scale=1 / 3.0), 1 / 3.0),
]
NAMES = ["rayleigh", "rician", "nakagami-0.5", "nakagami-3"]


def take(fading: Fading, num_blocks: int, seed: int = 0) -> FloatArray:
    return fading.stream(np.random.default_rng(seed), 0.01).take(num_blocks)


@pytest.mark.parametrize(
    "fading", [NoFading(), Rayleigh(), Rician(-10.0), Rician(6.0), Rician(20.0), Nakagami(0.5), Nakagami(4.0)]
)
def test_conformance(fading: Fading) -> None:
    check_channel(fading)


@pytest.mark.parametrize(("fading", "law"), [row[:2] for row in LAWS], ids=NAMES)
def test_distribution(fading: Fading, law: Any) -> None:
    # The seed is fixed, so the test can't flicker; a law in order has a p-value below 1e-3 in one seed
    # of a thousand, a wrong one (0.01 off somewhere) one of 1e-8 at this size.
    assert stats.kstest(take(fading, NUM_BLOCKS), law.cdf).pvalue > 1e-3


@pytest.mark.parametrize(("fading", "law", "variance"), LAWS, ids=NAMES)
def test_moments(fading: Fading, law: Any, variance: float) -> None:
    assert law.var() == pytest.approx(variance)
    gains = take(fading, NUM_BLOCKS)
    # Standard errors from the law's own moments; 4 of them are exceeded with probability 6e-5.
    assert abs(gains.mean() - 1) < 4 * math.sqrt(variance / NUM_BLOCKS)
    fourth = float(law.stats(moments="k")) + 3
    assert abs(gains.var() - variance) < 4 * variance * math.sqrt((fourth - 1) / NUM_BLOCKS)


@pytest.mark.parametrize("fading", [row[0] for row in LAWS], ids=NAMES)
def test_neighbours_are_independent(fading: Fading) -> None:
    gains = take(fading, NUM_BLOCKS)
    # The lag-1 correlation of independent draws has standard deviation 1 / sqrt(n).
    assert abs(np.corrcoef(gains[:-1], gains[1:])[0, 1]) < 4 / math.sqrt(NUM_BLOCKS)


@pytest.mark.parametrize(("fading", "law"), [row[:2] for row in LAWS], ids=NAMES)
def test_block_is_the_inverse_cdf_of_its_uniform(fading: Fading, law: Any) -> None:
    uniforms = np.random.default_rng(5).random(200)
    gains = take(fading, 200, seed=5)
    np.testing.assert_allclose(gains, law.ppf(uniforms), rtol=1e-9)
    np.testing.assert_allclose([fading.cdf(float(gain)) for gain in gains], uniforms, rtol=1e-9)


class _FixedGenerator(np.random.Generator):
    """A generator whose uniforms are given."""

    def __init__(self, uniforms: FloatArray) -> None:
        super().__init__(np.random.PCG64(0))
        self._uniforms = uniforms

    def random(self, size: int) -> FloatArray:  # type: ignore[override]
        return self._uniforms[:size]


# Leading term of the inverse law at u -> 0: the density at 0, and the gamma law's u = (mg)^m / (m G(m)).
DEEP_FADES = [
    (Rayleigh(), 1.0, 1.0),
    (Rician(6.0), math.exp(RICIAN_K) / (1 + RICIAN_K), 1.0),
    (Nakagami(0.5), math.pi / 2, 2.0),
    (Nakagami(2.0), 1 / math.sqrt(2), 0.5),
]


@pytest.mark.parametrize(("fading", "factor", "power"), DEEP_FADES)
def test_deepest_fades(fading: Fading, factor: float, power: float) -> None:
    uniforms = np.array([0.0, 2.0**-53, 1e-12])
    gains = fading.stream(_FixedGenerator(uniforms), 0.01).take(3)
    assert gains[0] == 0.0
    # The next term of each series is smaller by about u^power, at most 1e-6 for the gamma law, m = 2.
    np.testing.assert_allclose(gains[1:], factor * uniforms[1:] ** power, rtol=1e-5)


def test_nakagami_1_is_rayleigh() -> None:
    np.testing.assert_allclose(take(Nakagami(1.0), 1000), take(Rayleigh(), 1000), rtol=1e-12)


def test_rician_with_no_steady_path_is_rayleigh() -> None:
    # At K = 1e-8 the law differs from the exponential by a relative K, times at most gain + 1.
    np.testing.assert_allclose(take(Rician(-80.0), 1000), take(Rayleigh(), 1000), rtol=2e-7)


@pytest.mark.parametrize("k_db", [math.inf, math.nan])
def test_rician_needs_a_finite_factor(k_db: float) -> None:
    with pytest.raises(ValueError, match=r"Rician\.k_db: must be finite"):
        Rician(k_db)


@pytest.mark.parametrize("m", [0.49, math.inf, math.nan])
def test_nakagami_needs_a_shape_of_at_least_a_half(m: float) -> None:
    with pytest.raises(ValueError, match=r"Nakagami\.m: must be finite and at least 0\.5"):
        Nakagami(m)
