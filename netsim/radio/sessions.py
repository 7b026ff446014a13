"""The links of one device's sessions under several seeds, for an engine that times them all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channels.capacity import CapacityCurve
from channels.fading import IndependentFading, NoFading
from channels.uniforms import keyed_uniforms
from netsim.radio.link import Radio
from traces.streams import FADING_STREAM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class SessionLinks:
    """Links of a device's sessions; seeds and sessions count from 0.

    Attributes
    ----------
    radio : Radio
    seeds, prompts : sequence of int. The seed behind each number, and the prompt of each session.
    """

    radio: Radio
    seeds: Sequence[int]
    prompts: Sequence[int]

    @property
    def coherence_time_s(self) -> float:
        """Length of a block of fading, in seconds."""
        return self.radio.coherence_time_s

    def curve(self, seed: int, session: int, num_blocks: int) -> CapacityCurve:
        """Capacity of one session over time; ``num_blocks`` is a guess at the blocks that it will need."""
        if isinstance(self.radio.fading, NoFading):
            return self.radio.curve(0, 0, 0)  # nothing is drawn, so that all are alike
        return self.radio.new_curve(self.seeds[seed], 0, self.prompts[session], num_blocks)

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
        radio = self.radio
        if not isinstance(radio.fading, IndependentFading):
            return None
        prompts = [self.prompts[session] for session in sessions.tolist()]
        # The key of ``netsim.radio.link.session_rng``.
        keys = np.array([[FADING_STREAM, self.seeds[seed], 0, prompt] for prompt in prompts])
        gains = np.asarray(radio.fading.gains(keyed_uniforms(keys, 0, starts)), np.float64)
        return radio.rate_law(radio.snr * gains, radio.bandwidth_hz, radio.gap)
