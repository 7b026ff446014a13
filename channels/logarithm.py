"""The natural logarithm of 1 + x, several times as fast as the C library's and the same on every machine.

Every block of fading costs two of them, which was most of what a simulation without contention took. This one has no
branches and no table, so that a compiler works on several values at once (`channels.compiled_logarithm`). Nothing in it
depends on that: each step is an operation of IEEE 754, so that a value's logarithm is the same alone, among others, compiled
or not, and on another processor. Numpy's depends on the C library.

The method is that of Sun's fdlibm (``s_log1p.c``, 1993), after P. T. P. Tang, *Table-driven implementation of the logarithm
function in IEEE floating-point arithmetic*, ACM Trans. Math. Softw. 16, 1990:

- ``1 + x = 2**k (1 + f)`` with ``1 + f`` between the roots of 1/2 and 2;
- ``log(1 + f) = f - f**2 / 2 + s (f**2 / 2 + R(s**2))`` with ``s = f / (2 + f)``, where ``R`` is the polynomial of fdlibm that is
  wrong by less than ``2**-58.45``;
- what ``1 + x`` lost in rounding, over ``1 + x``, is added: without it a small x would have no digits.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LN2 = 0.6931471805599453
#: log(2) in two parts: the first has so many trailing zeros that ``k`` times it is exact.
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
#: Coefficients of R, from its first power on; from fdlibm.
R1, R2, R3, R4, R5, R6, R7 = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
#: The bits of sqrt(1/2), and of a float the place of its exponent.
ROOT, EXPONENT = np.int64(0x3FE6A09E667F3BCD), np.int64(52)


def log1p(x: FloatArray) -> FloatArray:
    """Natural logarithm of ``1 + x``, in numpy's steps.

    Parameters
    ----------
    x : array, float. Above -1; infinity and NaN give themselves.

    Returns
    -------
    array, float. Wrong by less than one unit in the last place.
    """
    x = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        whole = 1.0 + x
        bits = whole.view(np.int64)
        power = (bits - ROOT) >> EXPONENT
        unscaled = power == 0
        part = np.where(unscaled, x, (bits - (power << EXPONENT)).view(np.float64) - 1.0)
        lost = np.where(x >= 1.0, 1.0 - (whole - x), x - (whole - 1.0))
        lost = np.where(unscaled, 0.0, lost / whole)
        half_square = 0.5 * part * part
        s = part / (2.0 + part)
        z = s * s
        rest = z * (R1 + z * (R2 + z * (R3 + z * (R4 + z * (R5 + z * (R6 + z * R7))))))
        scaled = power.astype(np.float64)
        small = s * (half_square + rest) + (scaled * LN2_LOW + lost)
        value = scaled * LN2_HIGH - ((half_square - small) - part)
    return np.where((np.abs(x) > 0.0) & (np.abs(x) < np.inf), value, x)


def exponential_gains(uniform: FloatArray) -> FloatArray:
    """Exponential numbers with mean 1, by the inverse of their distribution: ``-log(1 - uniform)``.

    Parameters
    ----------
    uniform : array, float. In [0, 1).
    """
    if not _compiles():
        # Not of 1 - uniform: the deepest fades sit at 0, where it has no digits left.
        return np.abs(log1p(-uniform))
    from channels.compiled_logarithm import write_exponential_gains  # noqa: PLC0415  (loads numba)

    gains = np.empty(uniform.shape)
    write_exponential_gains(np.ravel(uniform), gains.ravel())
    return gains


def shannon_rates(snr: FloatArray, bandwidth_hz: float, gap: float) -> FloatArray:
    """``bandwidth_hz * log2(1 + snr / gap)``; parameters as for `channels.rates.shannon`."""
    if not _compiles():
        return np.asarray(bandwidth_hz * (log1p(snr / gap) / LN2))
    from channels.compiled_logarithm import write_shannon_rates  # noqa: PLC0415  (loads numba)

    rates_bps = np.empty(np.shape(snr))
    write_shannon_rates(np.ravel(snr), bandwidth_hz, gap, rates_bps.ravel())
    return rates_bps


def _compiles() -> bool:
    """Whether this process runs compiled code. One that checks a scenario does not: loading it takes half a second."""
    return "numba" in sys.modules
