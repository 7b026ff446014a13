"""Gains that links share, however they are asked for, against each session's own generator."""

from __future__ import annotations

import numpy as np

from channels.fading import Rayleigh
from netsim.radio.link import session_rng
from netsim.radio.sessions import SessionGains

PROMPTS = [3, 0, 8]


def test_gains_are_those_of_the_sessions_whatever_was_asked_before() -> None:
    gains = SessionGains(Rayleigh(), PROMPTS)
    # Fewer, more, some, another seed, and the first one again.
    asked = [(7, [0, 1, 2], [5, 4, 3]), (7, [0, 1, 2], [2, 4, 1]), (7, [1], [900]), (7, [0, 2], [6, 3])]
    asked += [(7, [2, 1], [40, 901]), (8, [0, 1], [3, 3]), (7, [0, 1, 2], [5, 4, 3])]
    for factor, (seed, sessions, sizes) in enumerate(asked, start=1):
        starts = np.concatenate([[0], np.cumsum(sizes)])
        found = gains.times(float(factor), seed, np.array(sessions), starts)
        expected = [
            factor * Rayleigh().gains(session_rng(seed, 0, PROMPTS[session]).random(size))
            for session, size in zip(sessions, sizes, strict=True)
        ]
        np.testing.assert_array_equal(found, np.concatenate(expected))
