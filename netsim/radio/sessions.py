"""The links of one device's sessions under several seeds, for an engine that times them all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from channels.capacity import CapacityCurve
from channels.fading import IndependentFading, NoFading
from channels.uniforms import keyed_uniforms
from netsim.radio.link import Radio
from traces.streams import FADING_STREAM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass
class SessionGains:
    """Gains of a device's sessions, kept for the last seed: links that differ in their mean SNR share them.

    Attributes
    ----------
    fading : IndependentFading
    prompts : sequence of int. The prompt of each session; sessions count from 0.
    """

    fading: IndependentFading
    prompts: Sequence[int]
    _seed: int | None = field(default=None, init=False, repr=False)
    _kept: dict[int, FloatArray] = field(default_factory=dict, init=False, repr=False)

    def of(self, seed: int, sessions: IntArray, starts: IntArray) -> FloatArray:
        """Gains of the blocks of many sessions; parameters as for `SessionLinks.rates_bps`."""
        if seed != self._seed:
            self._seed, self._kept = seed, {}
        sizes = np.diff(starts)
        known = np.array([self._kept[one].size if one in self._kept else 0 for one in sessions.tolist()])
        if (lacking := known < sizes).any():
            drawn = self._draw(seed, sessions[lacking], np.concatenate([[0], np.cumsum(sizes[lacking])]))
            if lacking.all():
                return drawn
        return np.concatenate(
            [self._kept[one][:size] for one, size in zip(sessions.tolist(), sizes, strict=True)]
        )

    def _draw(self, seed: int, sessions: IntArray, starts: IntArray) -> FloatArray:
        # The key of ``netsim.radio.link.session_rng``.
        keys = np.array([[FADING_STREAM, seed, 0, self.prompts[one]] for one in sessions.tolist()])
        gains = np.asarray(self.fading.gains(keyed_uniforms(keys, 0, starts)), np.float64)
        own = zip(sessions.tolist(), starts[:-1], starts[1:], strict=True)
        self._kept |= {one: gains[start:end] for one, start, end in own}
        return gains


@dataclass(frozen=True)
class SessionLinks:
    """Links of a device's sessions; sessions count from 0.

    Attributes
    ----------
    radio : Radio
    prompts : sequence of int. The prompt of each session.
    gains : SessionGains, optional. Of the radio's fading; None where a session is not known by its draws alone.
    """

    radio: Radio
    prompts: Sequence[int]
    gains: SessionGains | None

    @classmethod
    def of_each(cls, radios: Sequence[Radio], prompts: Sequence[int]) -> list[SessionLinks]:
        """Links of radios that differ in their rates alone: they share what is drawn."""
        fading = radios[0].fading
        gains = SessionGains(fading, prompts) if isinstance(fading, IndependentFading) else None
        return [cls(radio, prompts, gains) for radio in radios]

    @property
    def coherence_time_s(self) -> float:
        """Length of a block of fading, in seconds."""
        return self.radio.coherence_time_s

    def curve(self, seed: int, session: int, num_blocks: int) -> CapacityCurve:
        """Capacity of one session over time; ``num_blocks`` is a guess at the blocks that it will need."""
        if isinstance(self.radio.fading, NoFading):
            return self.radio.curve(0, 0, 0)  # nothing is drawn, so that all are alike
        return self.radio.new_curve(seed, 0, self.prompts[session], num_blocks)

    def rates_bps(self, seed: int, sessions: IntArray, starts: IntArray) -> FloatArray | None:
        """Rates of the blocks of many sessions, those of their curves; None where a session is not known by its draws alone.

        Parameters
        ----------
        sessions : [num_asked], int.
        starts : [num_asked + 1], int. Where each one's blocks begin in the result, and the end.

        Returns
        -------
        [starts[-1]], float. bit/s.
        """
        if self.gains is None:
            return None
        radio = self.radio
        return radio.rate_law(
            radio.snr * self.gains.of(seed, sessions, starts), radio.bandwidth_hz, radio.gap
        )
