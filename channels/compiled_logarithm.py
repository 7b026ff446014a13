"""`channels.logarithm` in compiled loops, to the bit."""

from __future__ import annotations

import numpy as np
from numba import njit

from channels.logarithm import EXPONENT, LN2, LN2_HIGH, LN2_LOW, R1, R2, R3, R4, R5, R6, R7, ROOT, FloatArray


@njit(cache=True, error_model="numpy")
def log1p(x: float) -> float:
    """Natural logarithm of ``1 + x``; as `channels.logarithm.log1p`."""
    whole = 1.0 + x
    bits = np.float64(whole).view(np.int64)
    power = (bits - ROOT) >> EXPONENT
    unscaled = power == 0
    part = x if unscaled else np.int64(bits - (power << EXPONENT)).view(np.float64) - 1.0
    lost = 1.0 - (whole - x) if x >= 1.0 else x - (whole - 1.0)
    lost = 0.0 if unscaled else lost / whole
    half_square = 0.5 * part * part
    s = part / (2.0 + part)
    z = s * s
    rest = z * (R1 + z * (R2 + z * (R3 + z * (R4 + z * (R5 + z * (R6 + z * R7))))))
    scaled = np.float64(power)
    small = s * (half_square + rest) + (scaled * LN2_LOW + lost)
    value = scaled * LN2_HIGH - ((half_square - small) - part)
    return value if 0.0 < abs(x) < np.inf else x


@njit(cache=True, error_model="numpy")
def write_exponential_gains(uniform: FloatArray, gains: FloatArray) -> None:
    """Write `channels.logarithm.exponential_gains`; [num_values] both."""
    for i in range(uniform.size):
        gains[i] = abs(log1p(-uniform[i]))


@njit(cache=True, error_model="numpy")
def write_shannon_rates(snr: FloatArray, bandwidth_hz: float, gap: float, rates_bps: FloatArray) -> None:
    """Write `channels.logarithm.shannon_rates`; [num_values] both."""
    for i in range(snr.size):
        rates_bps[i] = bandwidth_hz * (log1p(snr[i] / gap) / LN2)
