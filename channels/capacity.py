"""The cumulative-capacity curve ``C(t)``: the integral of a link's rate over time.

A transmission of ``B`` bits that starts at ``t0`` ends at ``C^-1(C(t0) + B)``. It drains across the
blocks of the fading: holding one Rayleigh draw for a whole payload would make its mean duration
infinite, because ``E[1 / log2(1 + snr * g)]`` diverges at ``g -> 0``.
"""

from __future__ import annotations

import math

import numpy as np

from channels.drain import delivered, drain, locate, prefix_sums
from channels.fading import Fading
from channels.gains import ChannelEnded, Gains, LinkNeverSends
from channels.rates import FloatArray, RateLaw
from channels.sending import LEAST_SEND_PROBABILITY, never_sends
from channels.window import RateWindow


class CapacityCurve:
    """Cumulative capacity of one session at one mean SNR. Times are seconds since the session's start.

    Parameters
    ----------
    gains : Gains. Of the session; may be shared.
    rate_law : RateLaw. `channels.rates.shannon`, `channels.rates.cqi` or one's own.
    snr : float. Mean signal-to-noise ratio, linear, > 0.
    bandwidth_hz : float. Bandwidth in Hz, > 0.
    gap : float. Implementation gap, linear, >= 1.

    Attributes
    ----------
    rates_bps : [num_blocks], float. Rate of each block known so far, bit/s.
    prefix_bits : [2, num_blocks + 1], float. See `channels.drain.prefix_sums`.
    endless : bool. The last block lasts for ever.
    coherence_time_s : float. Length of a block in seconds.
    """

    def __init__(
        self, gains: Gains, rate_law: RateLaw, snr: float, bandwidth_hz: float, gap: float = 1.0
    ) -> None:
        if not (snr > 0 and bandwidth_hz > 0 and gap >= 1):
            raise ValueError(
                "a link needs snr > 0, bandwidth_hz > 0 and gap >= 1, "
                f"got snr {snr}, bandwidth_hz {bandwidth_hz}, gap {gap}"
            )
        self.gains = gains
        self.coherence_time_s = gains.coherence_time_s
        self._rate_law = rate_law
        self._snr = snr
        self._bandwidth_hz = bandwidth_hz
        self._gap = gap
        self._compute()

    @property
    def mean_rate_bps(self) -> float:
        """Rate at the mean SNR, bit/s."""
        return float(self._rate_law(np.array([self._snr]), self._bandwidth_hz, self._gap)[0])

    @property
    def never_sends(self) -> bool:
        """Whether nothing will ever get through; see `channels.sending.never_sends`."""
        law = self._rate_law, self._snr, self._bandwidth_hz, self._gap
        return never_sends(self.rates_bps, self.endless, self.gains.fading, *law)

    def duration(self, start_s: float, bits: float) -> float:
        """Seconds until `bits` have drained, from `start_s` on.

        Parameters
        ----------
        start_s : float. Start in seconds, >= 0.
        bits : float. Bits to send, >= 0; none take 0 s.

        Raises
        ------
        LinkNeverSends
            The link can't deliver the bits.
        ChannelEnded
            A recorded channel that refuses at its end is over before the bits are sent.
        """
        if not (start_s >= 0 and bits >= 0):
            raise ValueError(f"start_s and bits must be >= 0, got start_s {start_s}, bits {bits}")
        while True:
            seconds: float = drain(
                self.rates_bps, self.prefix_bits, self.coherence_time_s, self.endless, start_s, bits
            )
            if 0.0 <= seconds < math.inf:
                return seconds
            self.extend()

    def bits_between(self, start_s: float, end_s: float) -> float:
        """Bits that the link carries from `start_s` to `end_s` (seconds, 0 <= start_s <= end_s)."""
        if not 0 <= start_s <= end_s:
            raise ValueError(f"need 0 <= start_s <= end_s, got start_s {start_s}, end_s {end_s}")
        while True:
            bits: float = delivered(
                self.rates_bps, self.prefix_bits, self.coherence_time_s, self.endless, start_s, end_s
            )
            if bits >= 0.0:
                return bits
            self.extend()

    def rate_bps(self, time_s: float) -> float:
        """Rate at `time_s` (seconds, >= 0), bit/s."""
        block = self._block(time_s)
        return float(self.rates_bps[block])

    def snr(self, time_s: float) -> float:
        """Signal-to-noise ratio at `time_s` (seconds, >= 0), linear."""
        block = self._block(time_s)
        return float(self._block_snr[block])

    def window(self, time_s: float, until_s: float) -> RateWindow:
        """Rates from `time_s` to `until_s` at least (seconds, 0 <= time_s <= until_s)."""
        self._block(max(time_s, until_s))
        return RateWindow(0, self.rates_bps, self.prefix_bits, self.coherence_time_s, self.endless)

    def extend(self) -> None:
        """Take twice as many blocks into account.

        Raises
        ------
        LinkNeverSends
            No block, or fewer than `channels.sending.LEAST_SEND_PROBABILITY` of them, can carry anything, or the
            session is longer than `channels.gains.MOST_BLOCKS`.
        ChannelEnded
            The recorded channel is over.
        """
        if self.endless:
            raise LinkNeverSends(f"{self._link()}: the rate is 0 for good")
        known = self.rates_bps.size
        self.gains.grow(2 * known)
        self._compute()
        if self.rates_bps.size <= known and not self.endless:
            raise ChannelEnded(
                f"{self.gains.fading}: the channel ends after {known * self.coherence_time_s} s, "
                "before the session does"
            )
        if self.never_sends:
            raise LinkNeverSends(
                f"{self._link()}: fewer than {LEAST_SEND_PROBABILITY} of all blocks can send"
            )

    def _compute(self) -> None:
        self._block_snr = self._snr * self.gains.values
        self.rates_bps = self._rate_law(self._block_snr, self._bandwidth_hz, self._gap)
        self.prefix_bits: FloatArray = prefix_sums(self.rates_bps, self.coherence_time_s)
        self.endless = self.gains.endless

    def _block(self, time_s: float) -> int:
        block = int(locate(time_s, self.coherence_time_s)[0])
        while block >= self.rates_bps.size and not self.endless:
            self.extend()
        return min(block, self.rates_bps.size - 1)

    def _link(self) -> str:
        return f"{self.gains.fading} at a mean SNR of {10 * math.log10(self._snr):.4g} dB"


def session_curve(
    fading: Fading,
    rate_law: RateLaw,
    snr: float,
    bandwidth_hz: float,
    coherence_time_s: float,
    rng: np.random.Generator,
    gap: float = 1.0,
) -> CapacityCurve:
    """Build the capacity curve of one session; parameters as in `Gains` and `CapacityCurve`.

    Examples
    --------
    >>> from channels.fading import NoFading
    >>> from channels.rates import shannon
    >>> curve = session_curve(NoFading(), shannon, 1.0, 1e6, 0.01, np.random.default_rng(0))
    >>> curve.duration(start_s=0.5, bits=250_000)
    0.25
    """
    return CapacityCurve(Gains(fading, coherence_time_s, rng), rate_law, snr, bandwidth_hz, gap)
