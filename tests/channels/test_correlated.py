from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from channels.correlated import Clarke, GaussMarkov, doppler_hz
from channels.fading import Fading
from channels.rates import FloatArray
from channels.testing import check_channel

NUM_SESSIONS = 4000


def sessions(fading: Fading, num_blocks: int, coherence_time_s: float) -> FloatArray:
    """[NUM_SESSIONS, num_blocks] gains of independent sessions."""
    streams = (fading.stream(np.random.default_rng(seed), coherence_time_s) for seed in range(NUM_SESSIONS))
    return np.array([stream.take(num_blocks) for stream in streams])


def covariance_with_first(gains: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Covariance of each block with block 0, and its standard error, both over sessions."""
    products = (gains[:, :1] - 1) * (gains - 1)
    return products.mean(axis=0), products.std(axis=0) / math.sqrt(NUM_SESSIONS)


@pytest.mark.parametrize("fading", [GaussMarkov(0.0), GaussMarkov(0.9), GaussMarkov(0.999), Clarke(7.0)])
def test_conformance(fading: Fading) -> None:
    check_channel(fading)


@pytest.mark.parametrize("rho", [0.0, 0.7, 0.95])
def test_gauss_markov_power_has_autocorrelation_rho_to_2n(rho: float) -> None:
    covariance, error = covariance_with_first(sessions(GaussMarkov(rho), 30, 0.01))
    # 4 standard errors; over 30 blocks a model in order stays within in 998 seeds of 1000.
    assert (np.abs(covariance - rho ** (2 * np.arange(30))) < 4 * error).all()


def test_gauss_markov_stays_exponential() -> None:
    gains = sessions(GaussMarkov(0.9), 51, 0.01)
    for block in (0, 1, 50):
        assert stats.kstest(gains[:, block], "expon").pvalue > 1e-3


@pytest.mark.parametrize("rho", [-0.1, 1.0, math.nan])
def test_gauss_markov_needs_a_correlation_below_1(rho: float) -> None:
    with pytest.raises(ValueError, match=r"GaussMarkov\.rho: must be in \[0, 1\)"):
        GaussMarkov(rho)


@pytest.mark.parametrize("num_paths", [16, 64])
def test_clarke_power_has_autocorrelation_j0_squared(num_paths: int) -> None:
    coherence_time_s, shift_hz = 0.002, 20.0
    covariance, error = covariance_with_first(
        sessions(Clarke(shift_hz, num_paths=num_paths), 60, coherence_time_s)
    )
    lags_s = coherence_time_s * np.arange(60)
    # N paths lack the N terms of a path with itself: their sum of squares is at most 1 / N.
    theory = special.j0(2 * math.pi * shift_hz * lags_s) ** 2
    assert (np.abs(covariance - theory) < 4 * error + 1 / num_paths).all()
    # The test has teeth: the unsquared function is far outside.
    unsquared = special.j0(2 * math.pi * shift_hz * lags_s)
    assert not (np.abs(covariance - unsquared) < 4 * error + 1 / num_paths).all()


def test_clarke_complex_gain_has_autocorrelation_j0() -> None:
    # Paths have independent phases, so the autocorrelation is the mean over paths of cos(omega * lag).
    # Angles are spread evenly, so that this mean is far sharper than one over sampled gains.
    shift_hz, lags_s = 20.0, np.linspace(0.0, 0.1, 40)
    means = np.empty((500, 40))
    for seed in range(500):
        stream: Any = Clarke(shift_hz).stream(np.random.default_rng(seed), 0.01)
        means[seed] = np.cos(np.outer(lags_s, stream._radians_per_s)).mean(axis=1)
    # 4 standard errors, and rounding at lag 0.
    error = means.std(axis=0) / math.sqrt(500)
    assert (
        np.abs(means.mean(axis=0) - special.j0(2 * math.pi * shift_hz * lags_s)) <= 4 * error + 1e-12
    ).all()


def test_clarke_is_exponential() -> None:
    gains = sessions(Clarke(20.0), 2, 0.01)
    # A sum of 64 unit phasors is off the exponential law by about 1 / (4 * 64) of its density: less
    # than the 0.02 that 4000 draws can tell.
    for block in (0, 1):
        assert stats.kstest(gains[:, block], "expon").pvalue > 1e-3


FINE_SHIFT_HZ, FINE_BLOCK_S = 10.0, 0.0005


@pytest.fixture(scope="module")
def finely_sampled() -> FloatArray:
    """[400, 4000] gains of sessions of 2 s, 200 blocks a Doppler period."""
    streams = (Clarke(FINE_SHIFT_HZ).stream(np.random.default_rng(seed), FINE_BLOCK_S) for seed in range(400))
    return np.array([stream.take(4000) for stream in streams])


@pytest.mark.parametrize("level", [0.1, 0.5, 1.0])
def test_clarke_crosses_a_level_at_his_rate(level: float, finely_sampled: FloatArray) -> None:
    """Upward crossings a second of the envelope through `level` times its root mean square.

    ``sqrt(2 pi) f_D level exp(-level^2)``: Goldsmith, Wireless Communications, 2005, section 3.2.3.
    """
    num_sessions, num_blocks = finely_sampled.shape
    above = finely_sampled > level**2
    counts = np.count_nonzero(~above[:, :-1] & above[:, 1:], axis=1)
    rates = counts / ((num_blocks - 1) * FINE_BLOCK_S)
    theory = math.sqrt(2 * math.pi) * FINE_SHIFT_HZ * level * math.exp(-(level**2))
    # 4 standard errors over independent sessions, and what sampling and finite paths leave: a fade below
    # `level` lasts about level / (f_D sqrt(2 pi)) s, here at least 8 blocks, of which the short ones that
    # fall between two samples are under 2 %; 64 paths change the density at a level by under 1 / 64.
    bound = 4 * rates.std() / math.sqrt(num_sessions) + (0.02 + 1 / 64) * theory
    assert abs(rates.mean() - theory) < bound


def test_doppler_shift_of_a_car() -> None:
    # 30 m/s at a wavelength of 0.1 m (2.99792458 GHz) are 300 Hz.
    assert doppler_hz(30.0, 2.99792458e9) == pytest.approx(300.0, rel=1e-15)


@pytest.mark.parametrize("shift_hz", [0.0, -1.0, math.inf, math.nan])
def test_clarke_needs_a_doppler_shift(shift_hz: float) -> None:
    with pytest.raises(ValueError, match=r"Clarke\.doppler_hz: must be finite and positive"):
        Clarke(shift_hz)


def test_clarke_needs_paths() -> None:
    with pytest.raises(ValueError, match=r"Clarke\.num_paths: must be at least 2"):
        Clarke(10.0, num_paths=1)
