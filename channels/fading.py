"""Fading models: the power gain of a link, block by block, with mean 1.

A model is a small frozen object. Its `stream` hands out the gains of one session: block ``i`` is the
gain between ``i * coherence_time_s`` and ``(i + 1) * coherence_time_s``. Independent models turn the
i-th uniform of the generator into block ``i`` by the inverse of their distribution function, so a
session has the same gains however they are asked for.

(ruff's ARG002 is silenced where a model needs only a part of what every model is handed.)
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from channels.rates import FloatArray


class GainStream(abc.ABC):
    """The gains of one session, in order.

    Attributes
    ----------
    settled : bool. True once every further block repeats the last one taken, for ever.
    """

    settled: bool = False

    @abc.abstractmethod
    def take(self, num_blocks: int) -> FloatArray:
        """Return the next gains; how the session is cut into takes must not change them.

        Parameters
        ----------
        num_blocks : int. How many blocks, >= 0.

        Returns
        -------
        [num_blocks], float. Power gain, linear, >= 0. Fewer only where a finite series ends.
        """


class Fading(Protocol):
    """What a fading model, built in or a user's own, must offer."""

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        """Start the gains of one session, drawn from `rng` alone; a block lasts `coherence_time_s`."""
        ...

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain` (linear).

        It serves to refuse a link that can never send. A model whose mean moves gives the least such
        probability over time.
        """
        ...


class _ConstantStream(GainStream):
    """The gains of a link that does not fade."""

    settled = True

    def take(self, num_blocks: int) -> FloatArray:
        """Return ones."""
        return np.ones(num_blocks)


class IndependentStream(GainStream):
    """Independent gains: block ``i`` is `inverse_cdf` of the i-th uniform of `rng`.

    Parameters
    ----------
    rng : numpy.random.Generator. Owned by this session.
    inverse_cdf : callable. Turns uniforms in [0, 1) into power gains, element by element.
    """

    def __init__(self, rng: np.random.Generator, inverse_cdf: Callable[[FloatArray], FloatArray]) -> None:
        self._rng = rng
        self._inverse_cdf = inverse_cdf

    def take(self, num_blocks: int) -> FloatArray:
        """Return the next `num_blocks` gains."""
        return self._inverse_cdf(self._rng.random(num_blocks))


@dataclass(frozen=True)
class NoFading:
    """Additive white Gaussian noise alone: the gain is always 1."""

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:  # noqa: ARG002
        """Start the gains of one session, all 1."""
        return _ConstantStream()

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`."""
        return 1.0 if gain >= 1.0 else 0.0


@dataclass(frozen=True)
class Rayleigh:
    """Rayleigh block fading: many paths, none dominant. The power gain is exponential with mean 1.

    Source: Goldsmith, *Wireless Communications*, 2005, section 3.2.2.

    Examples
    --------
    >>> gains = Rayleigh().stream(np.random.default_rng(1), coherence_time_s=0.01).take(3)
    >>> gains.shape, bool((gains >= 0).all())
    ((3,), True)
    """

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:  # noqa: ARG002
        """Start the gains of one session, independent from block to block."""
        # log1p: the deepest fades sit at u -> 0, where 1 - u has no digits left.
        return IndependentStream(rng, lambda uniform: -np.log1p(-uniform))

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`."""
        return float(-np.expm1(-max(gain, 0.0)))
