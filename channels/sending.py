"""Whether a link carries anything at all."""

from __future__ import annotations

import numpy as np

from channels.fading import Fading
from channels.rates import FloatArray, RateLaw

LEAST_SEND_PROBABILITY = 1e-6
"""A link that can use fewer than one block in a million is refused: the blocks it would wait through
between two that carry anything are 8 MB of gains."""


def never_sends(
    rates_bps: FloatArray,
    endless: bool,
    fading: Fading,
    rate_law: RateLaw,
    snr: float,
    bandwidth_hz: float,
    gap: float = 1.0,
) -> bool:
    """Whether nothing will ever get through: no block, or fewer than `LEAST_SEND_PROBABILITY`, can send.

    Parameters
    ----------
    rates_bps : [num_blocks], float. Rate of each block known so far, bit/s.
    endless : bool. The last of them lasts for ever.
    fading, rate_law, snr, bandwidth_hz, gap : as in `channels.capacity.session_curve`.
    """
    if rates_bps.any():
        return False
    return endless or send_probability(fading, rate_law, snr, bandwidth_hz, gap) < LEAST_SEND_PROBABILITY


def send_probability(
    fading: Fading, rate_law: RateLaw, snr: float, bandwidth_hz: float, gap: float = 1.0
) -> float:
    """Probability that a block carries anything, that is, that its gain lifts the rate above 0.

    Parameters are those of `channels.capacity.session_curve`. A recorded series gives the share of its time.
    """
    low, high = -300.0, 300.0  # decades of gain; the rate law is monotonic, so bisect
    for _ in range(60):
        middle = (low + high) / 2
        rate = rate_law(np.array([snr * 10.0**middle]), bandwidth_hz, gap)
        low, high = (low, middle) if rate[0] > 0 else (middle, high)
    return 1.0 - fading.cdf(10.0**high)
