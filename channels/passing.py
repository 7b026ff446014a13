"""A capacity curve that forgets: for a session that spends most of its time waiting for others.

Among a thousand devices a session may last for a million blocks of which it uses one in a thousand. Its
curve jumps over the others, keeps a short window, and can't be asked about the past.
"""

from __future__ import annotations

import math

import numpy as np

from channels.drain import delivered, drain, locate, prefix_sums
from channels.fading import Fading
from channels.gains import ChannelEnded, LinkNeverSends
from channels.rates import FloatArray, RateLaw
from channels.sending import never_sends
from channels.window import RateWindow

WINDOW_BLOCKS = 32
"""Blocks of a new window; each further draw doubles it."""

MOST_NEXT_BLOCKS = 256
"""Windows that follow one another closely become longer, up to this: 2 KiB of gains."""

MOST_WINDOW_BLOCKS = 2**22
"""An upload that needs more is refused: 11 hours at 10 ms a block."""


class PassingCurve:
    """Cumulative capacity of one session, asked for times that don't go back.

    The gains are those of `channels.capacity.CapacityCurve` with the same arguments and generator.

    Parameters
    ----------
    fading : Fading. The model.
    coherence_time_s : float. Length of a block in seconds, > 0.
    rng : numpy.random.Generator. Owned by this session.
    rate_law : RateLaw
    snr, bandwidth_hz, gap : float. As in `channels.capacity.CapacityCurve`.
    """

    def __init__(
        self,
        fading: Fading,
        coherence_time_s: float,
        rng: np.random.Generator,
        rate_law: RateLaw,
        snr: float,
        bandwidth_hz: float,
        gap: float = 1.0,
    ) -> None:
        self._fading = fading
        self._coherence_time_s = coherence_time_s
        self._stream = fading.stream(rng, coherence_time_s)
        self._rate_law = rate_law
        self._snr = snr
        self._bandwidth_hz = bandwidth_hz
        self._gap = gap
        self._first_block = 0
        self._new_blocks = WINDOW_BLOCKS
        self._snrs: FloatArray = np.empty(0)
        self._rates_bps: FloatArray = np.empty(0)
        self._prefix_bits: FloatArray = np.zeros((2, 1))
        self._endless = False
        self._sends = False
        self._grow(WINDOW_BLOCKS)

    @property
    def mean_rate_bps(self) -> float:
        """Rate at the mean SNR, bit/s."""
        return float(self._rate_law(np.array([self._snr]), self._bandwidth_hz, self._gap)[0])

    @property
    def never_sends(self) -> bool:
        """Whether nothing will ever get through; as `CapacityCurve.never_sends`."""
        if self._sends:
            return False
        law = self._rate_law, self._snr, self._bandwidth_hz, self._gap
        return never_sends(self._rates_bps, self._endless, self._fading, *law)

    def duration(self, start_s: float, bits: float) -> float:
        """Seconds until `bits` have drained from `start_s` on; as `CapacityCurve.duration`."""
        while True:
            seconds: float = drain(*self._window, start_s, bits, self._first_block)
            if 0.0 <= seconds < math.inf:
                return seconds
            if not self._open(start_s):
                self._extend()

    def bits_between(self, start_s: float, end_s: float) -> float:
        """Bits that the link carries from `start_s` to `end_s` (seconds)."""
        while True:
            bits: float = delivered(*self._window, start_s, end_s, self._first_block)
            if bits >= 0.0:
                return bits
            if not self._open(start_s):
                self._extend()

    def rate_bps(self, time_s: float) -> float:
        """Rate at `time_s` seconds, bit/s."""
        index = self._index(time_s)  # this may open a new window, so it comes first
        return float(self._rates_bps[index])

    def snr(self, time_s: float) -> float:
        """Signal-to-noise ratio at `time_s` seconds, linear."""
        index = self._index(time_s)
        return float(self._snrs[index])

    def window(self, time_s: float, until_s: float) -> RateWindow:
        """Rates from `time_s` to `until_s` at least; as `CapacityCurve.window`."""
        self._open(time_s)
        while True:
            window = RateWindow(self._first_block, *self._window)
            if window.covers(until_s):
                return window
            first, last = (int(locate(moment_s, self._coherence_time_s)[0]) for moment_s in (time_s, until_s))
            self._forget(first - 1)
            self._extend(max(last + 1 - self._first_block - self._snrs.size, WINDOW_BLOCKS))

    def _index(self, time_s: float) -> int:
        self._open(time_s)
        # Of the session's time itself: the window's, added up another way, may lie in the next block by a hair.
        block = int(locate(time_s, self._coherence_time_s)[0]) - self._first_block
        return min(block, self._snrs.size - 1)

    def _open(self, time_s: float) -> bool:
        """Let the window hold `time_s`; whether it had to go on for that."""
        block = int(locate(time_s, self._coherence_time_s)[0])
        if block < self._first_block:
            raise ValueError(f"a passing curve forgets: asked for {time_s} s after a later time")
        known = self._first_block + self._snrs.size
        if block < known or self._endless:
            return False
        # One block before is kept: the same moment, added up another way, may lie a hair earlier.
        self._first_block = block - 1
        self._snrs = self._snrs[-1:] if block == known else np.empty(0)
        self._stream.skip(max(self._first_block - known, 0))
        # Most of a window is used where the gap before it is shorter than the one that is over.
        close = block - known < self._new_blocks
        self._new_blocks = min(2 * self._new_blocks, MOST_NEXT_BLOCKS) if close else WINDOW_BLOCKS
        self._grow(self._new_blocks)
        return True

    def _forget(self, before: int) -> None:
        """Drop the gains of blocks before one; rates follow when more are drawn."""
        passed = max(before - self._first_block, 0)
        self._first_block += passed
        self._snrs = self._snrs[passed:]

    def _extend(self, num_blocks: int | None = None) -> None:
        """Draw further blocks; as many again as there are unless it is said."""
        if self._endless:
            raise LinkNeverSends(f"{self._fading}: the rate is 0 for good")
        if self._snrs.size >= MOST_WINDOW_BLOCKS:
            raise LinkNeverSends(
                f"{self._fading}: an upload is not over after {self._snrs.size} blocks of "
                f"{self._coherence_time_s} s: the link is too slow"
            )
        self._grow(num_blocks or self._snrs.size)

    def _grow(self, num_blocks: int) -> None:
        gains = self._stream.take(num_blocks)
        if not gains.size:
            end_s = (self._first_block + self._snrs.size) * self._coherence_time_s
            raise ChannelEnded(f"{self._fading}: the channel ends after {end_s} s, before the session does")
        new = self._snr * gains
        self._snrs = np.concatenate((self._snrs, new)) if self._snrs.size else new
        self._rates_bps = self._rate_law(self._snrs, self._bandwidth_hz, self._gap)
        self._prefix_bits = prefix_sums(self._rates_bps, self._coherence_time_s)
        self._sends = bool(self._prefix_bits[0, -1] > 0.0)
        self._endless = self._stream.settled
        self._window = self._rates_bps, self._prefix_bits, self._coherence_time_s, self._endless
