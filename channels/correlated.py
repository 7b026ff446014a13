"""Fading that remembers: the gain of a block depends on those before it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from channels.fading import GainStream, Rayleigh
from channels.rates import FloatArray
from channels.units import SPEED_OF_LIGHT_M_S

ComplexArray = npt.NDArray[np.complex128]


def doppler_hz(speed_m_s: float, carrier_hz: float) -> float:
    """Largest Doppler shift at a speed: ``speed * carrier / speed of light``, in Hz.

    Source: Goldsmith, *Wireless Communications*, 2005, section 2.2. Speed in m/s, carrier in Hz.

    Examples
    --------
    >>> round(doppler_hz(speed_m_s=1.5, carrier_hz=3.5e9), 2)
    17.51
    """
    return speed_m_s * carrier_hz / SPEED_OF_LIGHT_M_S


def _complex_normal(rng: np.random.Generator, num_blocks: int) -> ComplexArray:
    """Circular complex Gaussian draws of mean power 1, two uniforms each (Box-Muller)."""
    uniform = rng.random((num_blocks, 2))
    draws: ComplexArray = np.sqrt(-np.log1p(-uniform[:, 0])) * np.exp(2j * math.pi * uniform[:, 1])
    return draws


@njit(cache=True)
def _autoregress(rho: float, before: complex, innovations: ComplexArray) -> ComplexArray:
    """Run ``h[n] = rho * h[n - 1] + innovations[n]`` on from `before`."""
    amplitudes = np.empty_like(innovations)
    amplitude = before
    for n in range(innovations.size):
        amplitude = rho * amplitude + innovations[n]
        amplitudes[n] = amplitude
    return amplitudes


class _GaussMarkovStream(GainStream):
    """One session of `GaussMarkov`."""

    def __init__(self, rng: np.random.Generator, rho: float) -> None:
        self._rng = rng
        self._rho = rho
        self._amplitude: complex | None = None

    def take(self, num_blocks: int) -> FloatArray:
        """Return the next `num_blocks` gains."""
        if num_blocks == 0:
            return np.empty(0)
        draws = _complex_normal(self._rng, num_blocks)
        # The session starts in the steady state: its first block is a draw of full power.
        stationary = 1 if self._amplitude is None else 0
        draws[stationary:] *= math.sqrt(1 - self._rho**2)
        amplitudes = _autoregress(self._rho, self._amplitude or 0j, draws)
        self._amplitude = complex(amplitudes[-1])
        return np.asarray(amplitudes.real**2 + amplitudes.imag**2)


@dataclass(frozen=True)
class GaussMarkov:
    """Rayleigh fading whose complex gain is a first-order Gauss-Markov process.

    The complex gain has autocorrelation ``rho^n`` over ``n`` blocks, the power gain ``rho^2n``.
    Source: Tan and Beaulieu, *On First-Order Markov Modeling for the Rayleigh Fading Channel*,
    IEEE Trans. Commun. 48(12), 2000.

    Parameters
    ----------
    rho : float. Correlation of the complex gain between neighbouring blocks, in [0, 1).

    Raises
    ------
    ValueError
        `rho` is outside [0, 1); at 1 one draw would be held for ever.
    """

    rho: float

    def __post_init__(self) -> None:
        if not 0 <= self.rho < 1:
            raise ValueError(f"GaussMarkov.rho: must be in [0, 1), got {self.rho}")

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        """Start the gains of one session."""
        return _GaussMarkovStream(rng, self.rho)

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`: exponential, as for Rayleigh."""
        return Rayleigh().cdf(gain)


@njit(cache=True)
def _sum_of_sinusoids(
    first_block: int,
    num_blocks: int,
    coherence_time_s: float,
    radians_per_s: FloatArray,
    phases: FloatArray,
) -> FloatArray:
    """Power of a sum of unit phasors, over their number, at the start of each block."""
    gains = np.empty(num_blocks)
    for i in range(num_blocks):
        time_s = (first_block + i) * coherence_time_s
        real = 0.0
        imaginary = 0.0
        for path in range(phases.size):
            angle = radians_per_s[path] * time_s + phases[path]
            real += math.cos(angle)
            imaginary += math.sin(angle)
        gains[i] = (real * real + imaginary * imaginary) / phases.size
    return gains


class _ClarkeStream(GainStream):
    """One session of `Clarke`."""

    def __init__(self, coherence_time_s: float, radians_per_s: FloatArray, phases: FloatArray) -> None:
        self._coherence_time_s = coherence_time_s
        self._radians_per_s = radians_per_s
        self._phases = phases
        self._next_block = 0

    def take(self, num_blocks: int) -> FloatArray:
        """Return the next `num_blocks` gains."""
        gains: FloatArray = _sum_of_sinusoids(
            self._next_block, num_blocks, self._coherence_time_s, self._radians_per_s, self._phases
        )
        self._next_block += num_blocks
        return gains


@dataclass(frozen=True)
class Clarke:
    """Rayleigh fading with Clarke's spectrum, as a sum of sinusoids.

    A block's gain is that at its start. The complex gain has autocorrelation
    ``J0(2 pi doppler_hz n T_c)``, exactly and for any number of paths, over sessions; the power gain has
    its square, and the exponential law, up to ``1 / num_paths``. Source: Xiao, Zheng and Beaulieu, *Novel
    Sum-of-Sinusoids Simulation Models for Rayleigh and Rician Fading Channels*, IEEE Trans. Wireless
    Commun. 5(12), 2006. Blocks should be short against ``1 / doppler_hz`` (see `doppler_hz`).

    Parameters
    ----------
    doppler_hz : float. Largest Doppler shift in Hz, finite, > 0.
    num_paths : int. Sinusoids, >= 2: more are more exact and cost more.

    Raises
    ------
    ValueError
        A value out of range.
    """

    doppler_hz: float
    num_paths: int = 64

    def __post_init__(self) -> None:
        if not 0 < self.doppler_hz < math.inf:
            raise ValueError(f"Clarke.doppler_hz: must be finite and positive, got {self.doppler_hz}")
        if self.num_paths < 2:
            raise ValueError(f"Clarke.num_paths: must be at least 2, got {self.num_paths}")

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        """Start the gains of one session: its paths' angles and phases are drawn here."""
        turns = rng.random((2, self.num_paths))
        arrival = 2 * math.pi * (np.arange(self.num_paths) + turns[0]) / self.num_paths
        radians_per_s = 2 * math.pi * self.doppler_hz * np.cos(arrival)
        return _ClarkeStream(coherence_time_s, radians_per_s, 2 * math.pi * turns[1])

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`: exponential, up to ``1 / num_paths``."""
        return Rayleigh().cdf(gain)
