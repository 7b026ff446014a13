"""A stretch of a session's rates, for code that goes over many sessions at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from channels.drain import prefix_sums
from channels.rates import FloatArray


@dataclass(frozen=True)
class RateWindow:
    """Rates of consecutive blocks of one session.

    Attributes
    ----------
    first_block : int. Number of the first block since the session's start.
    rates_bps : [num_blocks], float. Rate of each, bit/s.
    prefix_bits : [2, num_blocks + 1], float. Cumulative bits, of which only differences mean anything.
    coherence_time_s : float. Length of a block in seconds.
    endless : bool. The last block lasts for ever.
    """

    first_block: int
    rates_bps: FloatArray
    prefix_bits: FloatArray
    coherence_time_s: float
    endless: bool

    def covers(self, time_s: float) -> bool:
        """Whether a time of the session, in seconds, lies before the end."""
        return self.endless or time_s < (self.first_block + self.rates_bps.size) * self.coherence_time_s


def constant_window(rate_bps: float) -> RateWindow:
    """The window of a link whose rate never changes.

    >>> constant_window(2.0).covers(1e9)
    True
    """
    rates_bps = np.array([rate_bps])
    return RateWindow(0, rates_bps, prefix_sums(rates_bps, 1.0), 1.0, endless=True)
