"""The radio of a scenario: one capacity curve per seed, device and prompt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from cachetools import LRUCache

from channels.fading import Fading
from channels.gains import FIRST_BLOCKS, Gains
from channels.rates import RateLaw
from channels.recorded import Reading, Recorded
from channels.sending import never_sends
from traces.streams import FADING_STREAM, SERIES_STREAM

if TYPE_CHECKING:
    from channels.capacity import CapacityCurve
    from channels.passing import PassingCurve
    from channels.window import RateWindow


class Link(Protocol):
    """The radio between one device and the base station in one session; times count from its start.

    ``channels.capacity.CapacityCurve`` is one.
    """

    @property
    def mean_rate_bps(self) -> float:
        """Rate at the mean SNR, bit/s."""

    @property
    def never_sends(self) -> bool:
        """Whether nothing will ever get through: an outage."""

    def duration(self, start_s: float, bits: float) -> float:
        """Seconds until ``bits`` have drained, from ``start_s`` on, with the whole band."""

    def bits_between(self, start_s: float, end_s: float) -> float:
        """Bits that the whole band carries from ``start_s`` to ``end_s``."""

    def rate_bps(self, time_s: float) -> float:
        """Rate of the whole band at ``time_s``, bit/s."""

    def snr(self, time_s: float) -> float:
        """Signal-to-noise ratio at ``time_s``, linear."""

    def window(self, time_s: float, until_s: float) -> RateWindow:
        """Rates of the whole band, block by block, from ``time_s`` to ``until_s`` at least."""


@dataclass(frozen=True)
class Radio:
    """Uplink of a scenario; curves are kept for the last seed asked for.

    Attributes
    ----------
    fading : Fading
    rate_law : RateLaw
    snr, gap : float. Mean SNR and implementation gap, linear.
    bandwidth_hz, coherence_time_s : float
    reading : Reading, optional. How a recorded series goes on from prompt to prompt; without one it starts anew.
    """

    fading: Fading
    rate_law: RateLaw
    snr: float
    gap: float
    bandwidth_hz: float
    coherence_time_s: float
    reading: Reading | None = None
    #: Curves of the last seed, by device and prompt.
    _curves: LRUCache[int, dict[tuple[int, int], CapacityCurve]] = field(
        default_factory=partial(LRUCache, 1), init=False, repr=False, compare=False
    )

    def at(self, seed: int, device: int, now_s: float) -> Radio:
        """The radio of a session that starts at ``now_s``: another one only where a recorded series goes on."""
        if self.reading is None or not isinstance(self.fading, Recorded):
            return self
        uniform = float(np.random.default_rng([SERIES_STREAM, seed]).random())
        return replace(self, fading=self.reading.at(self.fading, uniform, device, now_s))

    @property
    def never_sends(self) -> bool:
        """Whether nothing will ever get through at this mean SNR."""
        gains = Gains(self.fading, self.coherence_time_s, session_rng(0, 0, 0))
        rates_bps = self.rate_law(self.snr * gains.values, self.bandwidth_hz, self.gap)
        law = self.rate_law, self.snr, self.bandwidth_hz, self.gap
        return never_sends(rates_bps, gains.endless, self.fading, *law)

    def curve(self, seed: int, device: int, prompt: int) -> CapacityCurve:
        """Capacity over time of one session. The gains depend on (seed, device, prompt) alone, not on the SNR."""
        of_seed = self._curves.setdefault(seed, {})
        if (device, prompt) not in of_seed:
            of_seed[device, prompt] = self.new_curve(seed, device, prompt)
        return of_seed[device, prompt]

    def new_curve(self, seed: int, device: int, prompt: int, num_blocks: int = FIRST_BLOCKS) -> CapacityCurve:
        """The same, drawn anew and not kept; ``num_blocks`` is a guess at the blocks that it will need."""
        from channels.capacity import CapacityCurve  # noqa: PLC0415  (compiled: of no use before a session)

        gains = Gains(self.fading, self.coherence_time_s, session_rng(seed, device, prompt), num_blocks)
        return CapacityCurve(gains, self.rate_law, self.snr, self.bandwidth_hz, self.gap)

    def passing_curve(self, seed: int, device: int, session: int) -> PassingCurve:
        """The same capacity for times that don't go back, with little memory."""
        from channels.passing import PassingCurve  # noqa: PLC0415  (compiled: of no use before a session)

        rng = session_rng(seed, device, session)
        return PassingCurve(
            self.fading, self.coherence_time_s, rng, self.rate_law, self.snr, self.bandwidth_hz, self.gap
        )


def session_rng(seed: int, device: int, prompt: int) -> np.random.Generator:
    """Fading stream of one session; block ``i`` is its ``i``-th uniform."""
    return np.random.default_rng([FADING_STREAM, seed, device, prompt])
