"""The conformance suite that every fading model, built in or a user's own, must pass."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np

from channels.fading import Fading
from channels.rates import FloatArray

_COHERENCE_TIME_S = 0.01
_NUM_BLOCKS = 40
_NUM_SESSIONS = 2000
_FALSE_ALARM = 1e-6
"""Probability, per statistical check, that a model in order is refused."""


def check_channel(fading: Fading, *, stationary: bool = True) -> None:
    """Check that a fading model keeps its promises.

    The same generator gives the same gains, however they are taken; gains are finite, not negative and of
    the right shape; once settled they stay put; the model survives pickling. A stationary model has mean
    power 1 and its own `cdf` in every block.

    Parameters
    ----------
    fading : Fading. The model.
    stationary : bool. False for a model whose mean is meant to change, such as a recorded series.

    Raises
    ------
    AssertionError
        What is wrong, and with which value.

    Examples
    --------
    >>> from channels.fading import Rayleigh
    >>> check_channel(Rayleigh())
    """
    gains = _session(fading, 0, [_NUM_BLOCKS])
    _require(np.isfinite(gains).all(), f"{fading}: gains must be finite, got {gains}")
    _require((gains >= 0).all(), f"{fading}: gains must not be negative, the least is {gains.min()}")
    again = _session(fading, 0, [_NUM_BLOCKS])
    _require(np.array_equal(gains, again), f"{fading}: the same generator must give the same gains")
    chunked = _session(fading, 0, [0, 1, 2, 7, _NUM_BLOCKS - 10])
    _require(np.array_equal(gains, chunked), f"{fading}: gains must not depend on how they are taken")
    copy = _session(pickle.loads(pickle.dumps(fading)), 0, [_NUM_BLOCKS])  # noqa: S301  (our own bytes)
    _require(np.array_equal(gains, copy), f"{fading}: pickling must not change the gains")
    _check_settled(fading)
    if stationary:
        sessions = np.array([_session(fading, seed, [_NUM_BLOCKS]) for seed in range(_NUM_SESSIONS)])
        for block in (0, _NUM_BLOCKS - 1):
            _check_distribution(fading, sessions[:, block])


def _session(fading: Fading, seed: int, takes: list[int]) -> FloatArray:
    """Gains of one session, joined from several takes."""
    stream = fading.stream(np.random.default_rng(seed), _COHERENCE_TIME_S)
    parts: list[Any] = [stream.take(num_blocks) for num_blocks in takes]  # a plug-in may break its word
    for part, num_blocks in zip(parts, takes, strict=True):
        _require(
            isinstance(part, np.ndarray) and part.dtype == np.float64 and part.shape == (num_blocks,),
            f"{fading}: take({num_blocks}) must give a float64 array of shape ({num_blocks},), got {part!r}",
        )
    return np.concatenate(parts)


def _check_settled(fading: Fading) -> None:
    stream = fading.stream(np.random.default_rng(0), _COHERENCE_TIME_S)
    last = stream.take(_NUM_BLOCKS)[-1]
    if stream.settled:
        _require((stream.take(_NUM_BLOCKS) == last).all(), f"{fading}: settled, but the gain still changes")


def _check_distribution(fading: Fading, gains: FloatArray) -> None:
    """Mean and distribution of independent draws, one from each session."""
    # The mean of independent draws is close to normal: 5 standard errors are exceeded with 6e-7.
    error = abs(gains.mean() - 1)
    bound = 5 * gains.std() / math.sqrt(gains.size) + 1e-12
    _require(error <= bound, f"{fading}: mean power must be 1, is {gains.mean()} (allowed {bound:.3g} off)")
    # Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant (Ann. Probab. 18(3), 1990).
    bound = math.sqrt(math.log(2 / _FALSE_ALARM) / (2 * gains.size))
    ordered = np.sort(gains)
    share = np.searchsorted(ordered, ordered, side="right") / gains.size
    distance = np.abs(share - [fading.cdf(float(gain)) for gain in ordered]).max()
    _require(distance <= bound, f"{fading}: gains are {distance:.3g} from cdf (allowed {bound:.3g})")


def _require(condition: object, message: str) -> None:
    """Raise, also where Python runs with assertions off."""
    if not condition:
        raise AssertionError(message)
