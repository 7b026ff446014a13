"""The rate that is left of a coded link after block errors and retransmission."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from channels.harq import Harq, block_error
from channels.rates import CQI_EFFICIENCY_BPS_PER_HZ, FloatArray, cqi

TARGET_BLOCK_ERROR = 0.1
"""Largest error of a first transmission for which a CQI may be used: 3GPP TS 38.214, section 5.2.2.1."""


@dataclass(frozen=True)
class HarqRate:
    """Mean rate of decoded bits with HARQ; a `channels.rates.RateLaw`.

    Of the CQIs of 3GPP TS 38.214 table 5.2.2.1-2 whose first transmission fails with at most
    `TARGET_BLOCK_ERROR`, the one that gets most through is used, at
    ``efficiency * (1 - residual error) / (mean transmissions)``: by the renewal-reward theorem, with what
    HARQ gives up sent anew. All transmissions of a block meet the same fading. A repetition costs its air time
    and ``round_trip_slots`` more, so that a block takes ``n + round_trip_slots (n - 1)`` slots for ``n``
    transmissions. Where no CQI will do, the rate is 0.

    Parameters
    ----------
    harq : Harq. Block length, transmissions, combining and round trip.
    outdated : bool
        Whether the CQI is chosen by the block of fading before, as a report that is one block old says; the first
        block of a session is taken to be known. What is decoded follows from the block itself.

    Examples
    --------
    >>> law = HarqRate(Harq(block_symbols=500))
    >>> law(np.array([1e-3, 1e6]), bandwidth_hz=1e6).tolist()
    [0.0, 5554700.0]
    """

    harq: Harq
    outdated: bool = False

    def __call__(self, snr: FloatArray, bandwidth_hz: float, gap: float = 1.0) -> FloatArray:
        """Return the rate in bit/s; parameters as for `channels.rates.shannon`."""
        known = one_block_old(snr) if self.outdated else snr
        best, rate = np.zeros(np.shape(snr)), np.zeros(np.shape(snr))
        for efficiency in CQI_EFFICIENCY_BPS_PER_HZ:
            usable = block_error(known / gap, efficiency, self.harq.block_symbols) <= TARGET_BLOCK_ERROR
            hoped = np.where(usable, self._goodput(known / gap, efficiency), 0.0)
            got = self._goodput(snr / gap, efficiency) if self.outdated else hoped
            rate = np.where(hoped > best, got, rate)
            best = np.maximum(best, hoped)
        return bandwidth_hz * rate

    def _goodput(self, snr: FloatArray, efficiency: float) -> FloatArray:
        """Decoded bit/s/Hz of one CQI."""
        transmissions, undecoded = np.ones_like(snr), np.ones_like(snr)
        for number in range(1, self.harq.max_transmissions + 1):
            decoded_from = number * snr if self.harq.combining == "chase" else snr
            undecoded = undecoded * block_error(decoded_from, efficiency, self.harq.block_symbols)
            if number < self.harq.max_transmissions:
                transmissions += undecoded
        slots = transmissions + self.harq.round_trip_slots * (transmissions - 1)
        return np.asarray(efficiency * (1 - undecoded) / slots)


@dataclass(frozen=True)
class OutdatedCqi:
    """The CQI that the block of fading before allowed; a `channels.rates.RateLaw`.

    Where the block itself allows less, nothing of it is decoded. The first block of a session is taken to be
    known.
    """

    def __call__(self, snr: FloatArray, bandwidth_hz: float, gap: float = 1.0) -> FloatArray:
        """Return the rate in bit/s; parameters as for `channels.rates.shannon`."""
        chosen, allowed = cqi(one_block_old(snr), bandwidth_hz, gap), cqi(snr, bandwidth_hz, gap)
        return np.where(chosen <= allowed, chosen, 0.0)


def one_block_old(snr: FloatArray) -> FloatArray:
    """What a report that is one block old says of each block; the first is known.

    >>> one_block_old(np.array([3.0, 4.0, 5.0])).tolist()
    [3.0, 3.0, 4.0]
    """
    return np.concatenate((snr[:1], snr[:-1]))
