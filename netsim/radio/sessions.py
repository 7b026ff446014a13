"""The links of one device's sessions under several seeds, for an engine that times them all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from channels.capacity import CapacityCurve
from channels.fading import IndependentFading, NoFading
from channels.uniforms import keyed_uniforms
from netsim.radio.link import Radio
from traces.streams import FADING_STREAM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: Blocks whose gains are kept: 16 MiB. Sessions that have more of them together are drawn anew for every link.
MOST_BLOCKS_KEPT = 2**21


class SessionGains:
    """Gains of a device's sessions, kept for the last seed: links that differ in their mean SNR share them.

    Parameters
    ----------
    fading : IndependentFading
    prompts : sequence of int. The prompt of each session; sessions count from 0.
    """

    def __init__(self, fading: IndependentFading, prompts: Sequence[int]) -> None:
        self._fading = fading
        self._prompts = np.array(prompts)
        # Both are kept and used again: fresh pages for so many numbers take as long as the numbers.
        self._gains, self._copies = np.empty(0), np.empty(0)
        self._forget(None)

    def _forget(self, seed: int | None) -> None:
        self._seed, self._used = seed, 0
        #: Where the gains of each session begin, and how many there are.
        self._first, self._sizes = np.zeros((2, self._prompts.size), np.int64)

    def times(self, factor: float, seed: int, sessions: IntArray, starts: IntArray) -> FloatArray:
        """Gains of many sessions' blocks times a factor, until the next call; further parameters as for `SessionLinks.rates_bps`."""
        if seed != self._seed:
            self._forget(seed)
        sizes = np.diff(starts)
        lacking = self._sizes[sessions] < sizes
        if self._used + sizes[lacking].sum() > MOST_BLOCKS_KEPT:
            self._forget(seed)
            lacking[:] = True
        if lacking.any():
            self._draw(seed, sessions[lacking], sizes[lacking])
        if self._copies.size < starts[-1]:
            self._copies = np.empty(starts[-1])
        _write_first_of_each(self._gains, self._first[sessions], factor, starts, self._copies)
        return self._copies[: starts[-1]]

    def _draw(self, seed: int, sessions: IntArray, sizes: IntArray) -> None:
        starts = np.concatenate([[0], np.cumsum(sizes)])
        # The key of ``netsim.radio.link.session_rng``.
        keys = np.column_stack(np.broadcast_arrays(FADING_STREAM, seed, 0, self._prompts[sessions]))
        end = self._used + int(starts[-1])
        if self._gains.size < end:
            grown = np.empty(max(end, self._gains.size * 5 // 4))
            grown[: self._used] = self._gains[: self._used]
            self._gains = grown
        self._gains[self._used : end] = self._fading.gains(keyed_uniforms(keys, 0, starts))
        # What was too short stays where it is, until the next seed.
        self._first[sessions], self._sizes[sessions] = self._used + starts[:-1], sizes
        self._used = end


@njit(cache=True)
def _write_first_of_each(
    values: FloatArray, first: IntArray, factor: float, starts: IntArray, found: FloatArray
) -> None:
    """Write the values of each session times a factor, one after the other, as many as it is asked for."""
    for session in range(first.size):
        for i in range(starts[session + 1] - starts[session]):
            found[starts[session] + i] = factor * values[first[session] + i]


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
        snrs = self.gains.times(radio.snr, seed, sessions, starts)
        return radio.rate_law(snrs, radio.bandwidth_hz, radio.gap)
