"""Rate laws: how many bit/s a link carries at a signal-to-noise ratio."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from channels.logarithm import shannon_rates

FloatArray = npt.NDArray[np.float64]

CQI_EFFICIENCY_BPS_PER_HZ: tuple[float, ...] = (
    0.1523,
    0.2344,
    0.3770,
    0.6016,
    0.8770,
    1.1758,
    1.4766,
    1.9141,
    2.4063,
    2.7305,
    3.3223,
    3.9023,
    4.5234,
    5.1152,
    5.5547,
)
"""Spectral efficiency of CQI 1 to 15, bit/s/Hz: 3GPP TS 38.214, table 5.2.2.1-2."""


class RateLaw(Protocol):
    """Bit/s at a signal-to-noise ratio; it never falls as the ratio grows."""

    def __call__(self, snr: FloatArray, bandwidth_hz: float, gap: float = 1.0) -> FloatArray:
        """Return the rate in bit/s; parameters as for `shannon`."""
        ...


def shannon(snr: FloatArray, bandwidth_hz: float, gap: float = 1.0) -> FloatArray:
    """Shannon rate, ``bandwidth_hz * log2(1 + snr / gap)``.

    Parameters
    ----------
    snr : array, float. Signal-to-noise ratio, linear, >= 0.
    bandwidth_hz : float. Bandwidth in Hz, > 0.
    gap : float. Implementation gap, linear, >= 1: the factor by which a real code needs more power
        than capacity does (Starr, Cioffi and Silverman, *Understanding DSL Technology*, 1999, ch. 7).

    Returns
    -------
    array of the shape of `snr`, float. Rate in bit/s.

    Examples
    --------
    >>> float(shannon(np.array([1.0]), bandwidth_hz=1e6)[0])
    1000000.0
    """
    return shannon_rates(snr, bandwidth_hz, gap)


def cqi(snr: FloatArray, bandwidth_hz: float, gap: float = 1.0) -> FloatArray:
    """Rate of the highest channel-quality indicator that the Shannon limit allows.

    The efficiency is the largest entry of 3GPP TS 38.214 table 5.2.2.1-2 that is at most
    ``log2(1 + snr / gap)``; below the lowest entry nothing can be sent and the rate is 0.

    Parameters
    ----------
    snr : array, float. Signal-to-noise ratio, linear, >= 0.
    bandwidth_hz : float. Bandwidth in Hz, > 0.
    gap : float. Implementation gap, linear, >= 1.

    Returns
    -------
    array of the shape of `snr`, float. Rate in bit/s.

    Examples
    --------
    >>> cqi(np.array([0.1, 1.0, 1e6]), bandwidth_hz=1e6).tolist()
    [0.0, 877000.0, 5554700.0]
    """
    steps = np.array((0.0, *CQI_EFFICIENCY_BPS_PER_HZ))
    index = np.searchsorted(steps, shannon(snr, 1.0, gap), side="right") - 1
    return bandwidth_hz * steps[index]
