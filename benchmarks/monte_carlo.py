"""Plain Monte Carlo over rounds, without a time line: the way of UCB-SpecStop's simulation, in our own words.

The published code (arXiv 2606.20591, https://github.com/szpsunkk/UCB-SpecStop) draws one round after the other in Python: a
delay from a distribution, and how many drafts are accepted. There is no channel in it; here the delay is an upload at the
rate of a Rayleigh draw that is held to its end. `monte_carlo` does all rounds at once in numpy.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Link:
    """One device's uplink, and what a round asks of it.

    Attributes
    ----------
    gamma : int. Drafts of a round.
    acceptance : float. Probability that a draft is accepted, independent of all others.
    slm_s, llm_s : float. Seconds of a draft, and of a pass of the large model.
    bits : float. Of a round's upload.
    bandwidth_hz, snr : float. Bandwidth, and mean signal-to-noise ratio, linear.
    fading : bool. Rayleigh, or none.
    """

    gamma: int
    acceptance: float
    slm_s: float
    llm_s: float
    bits: float
    bandwidth_hz: float
    snr: float
    fading: bool = True


def tokens_of_round(gamma: int, acceptance: float) -> tuple[float, float]:
    """Mean and standard deviation of the tokens of a round: the accepted drafts, and the large model's own.

    ``k`` tokens with probability ``p^(k - 1) (1 - p)`` up to gamma, ``gamma + 1`` with ``p^gamma``; the mean is
    ``(1 - p^(gamma + 1)) / (1 - p)``.
    """
    tokens = np.arange(1, gamma + 2)
    probability = acceptance ** (tokens - 1.0) * np.where(tokens <= gamma, 1 - acceptance, 1.0)
    mean = float((probability * tokens).sum())
    return mean, float(np.sqrt((probability * (tokens - mean) ** 2).sum()))


def monte_carlo(link: Link, num_rounds: int, rng: np.random.Generator) -> FloatArray:
    """Seconds of each round, [num_rounds]."""
    gains = -np.log1p(-rng.random(num_rounds)) if link.fading else np.ones(num_rounds)
    rates_bps = link.bandwidth_hz * np.log1p(link.snr * gains) / math.log(2.0)
    seconds: FloatArray = link.gamma * link.slm_s + link.bits / rates_bps + link.llm_s
    return seconds


def seconds_per_token(link: Link, num_rounds: int, rng: np.random.Generator) -> float:
    """Mean seconds of a round over its expected tokens."""
    return float(monte_carlo(link, num_rounds, rng).mean()) / tokens_of_round(link.gamma, link.acceptance)[0]


def one_by_one(link: Link, num_rounds: int, rng: random.Random) -> float:
    """Seconds over tokens, one round after the other in Python, accepted drafts drawn one by one."""
    seconds, tokens = 0.0, 0
    for _ in range(num_rounds):
        gain = rng.expovariate(1.0) if link.fading else 1.0
        rate_bps = link.bandwidth_hz * math.log2(1.0 + link.snr * gain)
        seconds += link.gamma * link.slm_s + link.bits / rate_bps + link.llm_s
        accepted = 0
        while accepted < link.gamma and rng.random() < link.acceptance:
            accepted += 1
        tokens += accepted + 1
    return seconds / tokens
