"""Fading models: the power gain of a link, block by block, with mean 1.

A model is a small frozen object. Its `stream` hands out the gains of one session: block ``i`` is the
gain between ``i * coherence_time_s`` and ``(i + 1) * coherence_time_s``. Independent models turn the
i-th uniform of the generator into block ``i`` by the inverse of their distribution function, so a
session has the same gains however they are asked for.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from channels.logarithm import exponential_gains
from channels.rates import FloatArray
from channels.units import from_db

SKIP_AT_ONCE = 65536
"""Blocks that are drawn at once where they must be drawn to be skipped: half a megabyte."""


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

    def skip(self, num_blocks: int) -> None:
        """Pass over gains that nobody looks at; what follows is as if they had been taken."""
        while num_blocks > 0:
            self.take(min(num_blocks, SKIP_AT_ONCE))
            num_blocks -= SKIP_AT_ONCE


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

    def skip(self, num_blocks: int) -> None:
        """Nothing changes."""


class IndependentStream(GainStream):
    """Independent gains: block ``i`` is `inverse_cdf` of the i-th uniform of `rng`.

    Parameters
    ----------
    rng : numpy.random.Generator. Owned by this session.
    inverse_cdf : callable. Turns uniforms in [0, 1) into power gains, element by element.
    """

    def __init__(
        self, rng: np.random.Generator, inverse_cdf: Callable[[FloatArray], npt.NDArray[np.floating]]
    ) -> None:
        self._rng = rng
        self._inverse_cdf = inverse_cdf

    def take(self, num_blocks: int) -> FloatArray:
        """Return the next `num_blocks` gains."""
        return np.asarray(self._inverse_cdf(self._rng.random(num_blocks)), dtype=np.float64)

    def skip(self, num_blocks: int) -> None:
        """Pass over gains: one step of the generator each, all at once where it can jump."""
        if isinstance(self._rng.bit_generator, np.random.PCG64):
            self._rng.bit_generator.advance(num_blocks)
        else:
            super().skip(num_blocks)


class IndependentFading(abc.ABC):
    """A model whose blocks are independent: block ``i`` is `gains` of the session's i-th uniform.

    The gains of many sessions are then found at once (`channels.uniforms`), which is what makes the array engine fast.
    """

    @abc.abstractmethod
    def gains(self, uniform: FloatArray) -> FloatArray:
        """The inverse distribution function: power gains for uniforms in [0, 1), element by element."""

    @abc.abstractmethod
    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`; as `Fading.cdf`."""

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        """Start the gains of one session, independent from block to block."""
        return IndependentStream(rng, self.gains)


@dataclass(frozen=True)
class NoFading:
    """Additive white Gaussian noise alone: the gain is always 1."""

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        """Start the gains of one session, all 1."""
        return _ConstantStream()

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`."""
        return 1.0 if gain >= 1.0 else 0.0


@dataclass(frozen=True)
class Rayleigh(IndependentFading):
    """Rayleigh block fading: many paths, none dominant. The power gain is exponential with mean 1.

    Source: Goldsmith, *Wireless Communications*, 2005, section 3.2.2.

    Examples
    --------
    >>> gains = Rayleigh().stream(np.random.default_rng(1), coherence_time_s=0.01).take(3)
    >>> gains.shape, bool((gains >= 0).all())
    ((3,), True)
    """

    def gains(self, uniform: FloatArray) -> FloatArray:
        """Power gains, exponential with mean 1."""
        return exponential_gains(uniform)

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`."""
        return float(-np.expm1(-max(gain, 0.0)))


@dataclass(frozen=True)
class Rician(IndependentFading):
    """Rician block fading: one steady path on top of many weak ones.

    The power gain is a noncentral chi-square with 2 degrees of freedom and noncentrality ``2K``,
    divided by ``2 (1 + K)``. Source: Goldsmith, *Wireless Communications*, 2005, section 3.2.2.

    Parameters
    ----------
    k_db : float. Power of the steady path over that of all others, dB, finite.

    Raises
    ------
    ValueError
        `k_db` is not finite.
    """

    k_db: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.k_db):
            raise ValueError(f"Rician.k_db: must be finite, got {self.k_db}")

    def gains(self, uniform: FloatArray) -> FloatArray:
        """Power gains, by the inverse of the noncentral chi-square."""
        from scipy import special  # noqa: PLC0415  (half a second, of no use to most models)

        k = from_db(self.k_db)
        return np.asarray(special.chndtrix(uniform, 2.0, 2 * k) / (2 * (1 + k)))

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`."""
        from scipy import special  # noqa: PLC0415  (as above)

        k = from_db(self.k_db)
        return float(special.chndtr(2 * (1 + k) * max(gain, 0.0), 2.0, 2 * k))


@dataclass(frozen=True)
class Nakagami(IndependentFading):
    """Nakagami-m block fading: the power gain is gamma distributed, shape ``m``, mean 1.

    ``m = 1`` is Rayleigh. Source: Goldsmith, *Wireless Communications*, 2005, section 3.2.2.

    Parameters
    ----------
    m : float. Shape, finite, >= 0.5; the larger, the milder the fading.

    Raises
    ------
    ValueError
        `m` is below 0.5 or not finite.
    """

    m: float

    def __post_init__(self) -> None:
        if not 0.5 <= self.m < math.inf:
            raise ValueError(f"Nakagami.m: must be finite and at least 0.5, got {self.m}")

    def gains(self, uniform: FloatArray) -> FloatArray:
        """Power gains, by the inverse of the gamma distribution."""
        from scipy import special  # noqa: PLC0415  (as above)

        return np.asarray(special.gammaincinv(self.m, uniform) / self.m)

    def cdf(self, gain: float) -> float:
        """Probability that the gain of a block is at most `gain`."""
        from scipy import special  # noqa: PLC0415  (as above)

        return float(special.gammainc(self.m, self.m * max(gain, 0.0)))
