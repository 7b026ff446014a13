"""The natural logarithm of 1 + x, several times as fast as the C library's and the same on every machine.

Every block of fading costs two of them, which was most of what a simulation without contention took. A compiler makes this one,
which has no branches and no table, work on several values at once. Nothing in it depends on that: each step is an
operation of IEEE 754, so that a value's logarithm is the same alone, among others and on another processor. Numpy's
depends on the C library.

The method is that of Sun's fdlibm (``s_log1p.c``, 1993), after P. T. P. Tang, *Table-driven implementation of the logarithm
function in IEEE floating-point arithmetic*, ACM Trans. Math. Softw. 16, 1990:

- ``1 + x = 2**k (1 + f)`` with ``1 + f`` between the roots of 1/2 and 2;
- ``log(1 + f) = f - f**2 / 2 + s (f**2 / 2 + R(s**2))`` with ``s = f / (2 + f)``, where ``R`` is the polynomial of fdlibm that is
  wrong by less than ``2**-58.45``;
- what ``1 + x`` lost in rounding, over ``1 + x``, is added: without it a small x would have no digits.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: log(2) in two parts: the first has so many trailing zeros that ``k`` times it is exact.
_LN2 = 0.6931471805599453
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
#: Coefficients of R, from its first power on; from fdlibm.
_R1, _R2, _R3, _R4, _R5, _R6, _R7 = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
#: The bits of sqrt(1/2), and of a float the place of its exponent.
_ROOT, _EXPONENT = np.int64(0x3FE6A09E667F3BCD), np.int64(52)


@njit(cache=True, error_model="numpy")
def log1p(x: float) -> float:
    """Natural logarithm of ``1 + x``, for compiled code.

    Parameters
    ----------
    x : float. Above -1; infinity and NaN give themselves.

    Returns
    -------
    float. Wrong by less than one unit in the last place.
    """
    whole = 1.0 + x
    bits = np.float64(whole).view(np.int64)
    power = (bits - _ROOT) >> _EXPONENT
    unscaled = power == 0
    part = x if unscaled else np.int64(bits - (power << _EXPONENT)).view(np.float64) - 1.0
    lost = 1.0 - (whole - x) if x >= 1.0 else x - (whole - 1.0)
    lost = 0.0 if unscaled else lost / whole
    half_square = 0.5 * part * part
    s = part / (2.0 + part)
    z = s * s
    rest = z * (_R1 + z * (_R2 + z * (_R3 + z * (_R4 + z * (_R5 + z * (_R6 + z * _R7))))))
    scaled = np.float64(power)
    small = s * (half_square + rest) + (scaled * _LN2_LOW + lost)
    value = scaled * _LN2_HIGH - ((half_square - small) - part)
    return value if 0.0 < abs(x) < np.inf else x


@njit(cache=True, error_model="numpy")
def _exponential_gains(uniform: FloatArray, gains: FloatArray) -> None:
    for i in range(uniform.size):
        # Not of 1 - uniform: the deepest fades sit at 0, where it has no digits left.
        gains[i] = abs(log1p(-uniform[i]))


def exponential_gains(uniform: FloatArray) -> FloatArray:
    """Exponential numbers with mean 1, by the inverse of their distribution: ``-log(1 - uniform)``.

    Parameters
    ----------
    uniform : array, float. In [0, 1).
    """
    uniform = np.asarray(uniform, np.float64)
    gains = np.empty(uniform.shape)
    _exponential_gains(uniform.ravel(), gains.ravel())
    return gains


@njit(cache=True, error_model="numpy")
def _shannon_rates(snr: FloatArray, bandwidth_hz: float, gap: float, rates_bps: FloatArray) -> None:
    for i in range(snr.size):
        rates_bps[i] = bandwidth_hz * (log1p(snr[i] / gap) / _LN2)


def shannon_rates(snr: FloatArray, bandwidth_hz: float, gap: float) -> FloatArray:
    """``bandwidth_hz * log2(1 + snr / gap)``; parameters as for `channels.rates.shannon`."""
    snr = np.asarray(snr, np.float64)
    rates_bps = np.empty(snr.shape)
    _shannon_rates(snr.ravel(), bandwidth_hz, gap, rates_bps.ravel())
    return rates_bps
