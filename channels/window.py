"""A stretch of a session's rates, for code that goes over many sessions at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from channels.drain import locate, prefix_sums
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

    @property
    def end_s(self) -> float:
        """Time of the session, in seconds, up to which the rates are known; infinite where the last is for ever."""
        return math.inf if self.endless else (self.first_block + self.rates_bps.size) * self.coherence_time_s

    def covers(self, time_s: float) -> bool:
        """Whether a time of the session, in seconds, lies before the end."""
        return time_s < self.end_s

    def cut(self, time_s: float, until_s: float, num_blocks: int) -> RateWindow:
        """The part from `time_s` on: `num_blocks` where there are so many, more only to reach `until_s`.

        One block before is kept: the same moment, added up another way, may lie a hair earlier.
        """
        size = self.rates_bps.size
        if size <= num_blocks:
            return self
        block, until_block = (
            int(locate(moment_s, self.coherence_time_s)[0]) - self.first_block
            for moment_s in (time_s, until_s)
        )
        start = min(max(block - 1, 0), size - 1)
        end = min(max(start + num_blocks, until_block + 2), size)
        return RateWindow(
            self.first_block + start,
            self.rates_bps[start:end],
            self.prefix_bits[:, start : end + 1],
            self.coherence_time_s,
            self.endless and end == size,
        )


def constant_window(rate_bps: float) -> RateWindow:
    """The window of a link whose rate never changes.

    >>> constant_window(2.0).covers(1e9)
    True
    """
    rates_bps = np.array([rate_bps])
    return RateWindow(0, rates_bps, prefix_sums(rates_bps, 1.0), 1.0, endless=True)
