"""The rate that is left of a coded link after block errors and retransmission."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from channels.harq import Harq, block_error
from channels.rates import CQI_EFFICIENCY_BPS_PER_HZ, FloatArray

TARGET_BLOCK_ERROR = 0.1
"""Largest error of a first transmission for which a CQI may be used: 3GPP TS 38.214, section 5.2.2.1."""


@dataclass(frozen=True)
class HarqRate:
    """Mean rate of decoded bits with HARQ; a `channels.rates.RateLaw`.

    Of the CQIs of 3GPP TS 38.214 table 5.2.2.1-2 whose first transmission fails with at most
    `TARGET_BLOCK_ERROR`, the one that gets most through is used, at
    ``efficiency * (1 - residual error) / (mean transmissions)``: by the renewal-reward theorem, with what
    HARQ gives up sent anew. All transmissions of a block meet the same fading, and retransmissions cost
    their air time, not a wait. Where no CQI will do, the rate is 0.

    Parameters
    ----------
    harq : Harq. Block length, transmissions and combining.

    Examples
    --------
    >>> law = HarqRate(Harq(block_symbols=500))
    >>> law(np.array([1e-3, 1e6]), bandwidth_hz=1e6).tolist()
    [0.0, 5554700.0]
    """

    harq: Harq

    def __call__(self, snr: FloatArray, bandwidth_hz: float, gap: float = 1.0) -> FloatArray:
        """Return the rate in bit/s; parameters as for `channels.rates.shannon`."""
        best = np.zeros(np.shape(snr))
        for efficiency in CQI_EFFICIENCY_BPS_PER_HZ:
            best = np.maximum(best, self._goodput(snr / gap, efficiency))
        return bandwidth_hz * best

    def _goodput(self, snr: FloatArray, efficiency: float) -> FloatArray:
        """Decoded bit/s/Hz of one CQI; 0 where its first transmission fails too often."""
        usable = block_error(snr, efficiency, self.harq.block_symbols) <= TARGET_BLOCK_ERROR
        transmissions, undecoded = np.ones_like(snr), np.ones_like(snr)
        for number in range(1, self.harq.max_transmissions + 1):
            decoded_from = number * snr if self.harq.combining == "chase" else snr
            undecoded = undecoded * block_error(decoded_from, efficiency, self.harq.block_symbols)
            if number < self.harq.max_transmissions:
                transmissions += undecoded
        return np.asarray(np.where(usable, efficiency * (1 - undecoded) / transmissions, 0.0))
