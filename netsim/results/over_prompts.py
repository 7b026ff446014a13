"""Intervals over prompts: how much would other prompts of the same kind change a figure?

The intervals of `netsim.results.statistics` hold the prompts fixed and ask what other draws would change. Prompts
differ far more than draws do, so that a claim about a policy needs the intervals of this module: prompts are
resampled, with all of their seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsim.results.statistics import CONFIDENCE, Interval
from traces.streams import BOOTSTRAP_STREAM

FloatArray = NDArray[np.float64]
#: Resamples of the prompts, the same for every figure, so that paired ones meet the same prompts.
RESAMPLES = 2000
#: Fewer prompts than these determine no interval: their resamples are too few to know the ends.
LEAST_PROMPTS = 8
#: Products of numbers that are worked out in one go: what comes of them stays in a processor's cache, and they are too few
#: for a numeric library to start threads for them, which on a busy machine wait for each other.
PRODUCTS_AT_ONCE = 2**18
#: So many times that, one after the other, in a call: each call has a price of its own.
PRODUCTS_IN_A_CALL = 8


def ratio_over_prompts(numerators: ArrayLike, denominators: ArrayLike) -> Interval:
    """Interval of a ratio of sums over prompts, a throughput or a rate, when other prompts are drawn.

    Parameters
    ----------
    numerators, denominators : [num_rows, num_prompts], float
        Each prompt's share of both sums, in every row (seed). The figure is the mean over rows of the ratio of
        the sums over prompts.

    Returns
    -------
    Interval
        The ends are NaN for fewer than ``LEAST_PROMPTS``, all three where no row has a denominator.

    Notes
    -----
    Expanded percentile interval: the quantiles of the bootstrap distribution at
    ``Phi(-sqrt(n / (n - 1)) t_(n-1))``, which makes up for its being too narrow by ``sqrt((n - 1) / n)`` and for
    the normal where Student's t belongs. Source: Hesterberg, *What Teachers Should Know about the Bootstrap*,
    arXiv 1411.5279, section 5.3. Rows share their prompts, so a prompt is resampled with all of its rows.
    """
    own = _Tables.of(numerators, denominators)
    return _expanded(own.num_prompts, own.figure)


def paired_ratio_over_prompts(
    numerators: ArrayLike,
    denominators: ArrayLike,
    baseline_numerators: ArrayLike,
    baseline_denominators: ArrayLike,
) -> Interval:
    """Interval of a speed-up when other prompts are drawn: both policies meet the same ones.

    Parameters
    ----------
    numerators, denominators, baseline_numerators, baseline_denominators : [num_rows, num_prompts], float
        As in `ratio_over_prompts`, of the policy and of the one that it is compared with.

    Returns
    -------
    Interval
        Of the figure's quotient. The speed-up of A over B is one over that of B over A, ends included.
    """
    own, base = _Tables.of(numerators, denominators), _Tables.of(baseline_numerators, baseline_denominators)

    def logarithm(weights: FloatArray) -> FloatArray:
        return np.asarray(np.log(own.figure(weights) / base.figure(weights)))

    interval = _expanded(own.num_prompts, logarithm)
    return Interval(*(float(np.exp(end)) for end in interval))


def paired_difference_over_prompts(
    numerators: ArrayLike,
    denominators: ArrayLike,
    baseline_numerators: ArrayLike,
    baseline_denominators: ArrayLike,
) -> Interval:
    """The same of the figure's difference from the baseline's; parameters as of `paired_ratio_over_prompts`."""
    own, base = _Tables.of(numerators, denominators), _Tables.of(baseline_numerators, baseline_denominators)
    return _expanded(own.num_prompts, lambda weights: own.figure(weights) - base.figure(weights))


@dataclass(frozen=True)
class _Tables:
    """Sums of every prompt, rows with the same denominators together: seeds that share their decisions share most sums.

    Attributes
    ----------
    above : [num_groups, num_prompts] or, where they are all alike, [1, num_prompts], float. Numerators, of all rows of a group.
    below : [num_groups, num_prompts], float. Denominators.
    times : [num_groups], float. Rows of each group.
    """

    above: FloatArray
    below: FloatArray
    times: FloatArray

    @classmethod
    def of(cls, numerators: ArrayLike, denominators: ArrayLike) -> _Tables:
        above, below = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
        if above.shape != below.shape or above.ndim != 2:
            raise ValueError(
                f"numerators and denominators: [num_rows, num_prompts] each, got {above.shape} and {below.shape}"
            )
        # A row with an unknown numerator is unknown whatever is drawn.
        known = ~np.isnan(above).any(axis=1)
        above, below = above[known], below[known]
        first, times, group = _alike(below)
        # Fractions with one denominator are added by their numerators.
        if len(first) == 1:
            above, below = above.sum(axis=0, keepdims=True), below[first]
        elif len(first) < len(below):
            total = np.zeros((len(first), above.shape[1]))
            np.add.at(total, group, above)
            above, below = total, below[first]
        if len(above) and (above == above[0]).all():
            above = above[:1]
        return cls(above, below, times.astype(np.float64))

    @property
    def num_prompts(self) -> int:
        return int(self.above.shape[1])

    def figure(self, weights: FloatArray) -> FloatArray:
        """The figure of every resample: [num_resamples]; rows without a denominator are left out."""
        most = max(1, PRODUCTS_AT_ONCE // max(1, self.below.size))
        size = next(size for size in range(min(most, len(weights)), 0, -1) if len(weights) % size == 0)
        # In the order in which a product meets them: else each of many products puts them into that order.
        above, below = np.ascontiguousarray(self.above.T), np.ascontiguousarray(self.below.T)
        products = weights.reshape(len(weights) // size, size, self.num_prompts)
        parts = [
            self._figure(products[first : first + PRODUCTS_IN_A_CALL], above, below)
            for first in range(0, len(products), PRODUCTS_IN_A_CALL)
        ]
        return np.concatenate(parts).reshape(-1)

    def _figure(self, weights: FloatArray, above: FloatArray, below: FloatArray) -> FloatArray:
        sums, of = weights @ above, weights @ below
        with np.errstate(divide="ignore", invalid="ignore"):
            defined = of > 0
            if not defined.all():
                return np.asarray(np.where(defined, sums / of, 0.0).sum(axis=-1) / (defined @ self.times))
            return np.asarray((sums / of).sum(axis=-1) / self.times.sum())


def _alike(rows: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows that are equal to the bit: the first of each group, its size, and the group of each row."""
    if len(rows) and (rows == rows[0]).all():
        return np.zeros(1, np.intp), np.array([len(rows)]), np.zeros(len(rows), np.intp)
    # Rows as bytes: numbers of several columns are compared one after the other.
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, group, times = np.unique(whole, return_index=True, return_inverse=True, return_counts=True)
    return first, times, group


def _expanded(num_prompts: int, figure: Callable[[FloatArray], FloatArray]) -> Interval:
    """The figure of all prompts, and the ends among its resamples."""
    from scipy.special import ndtr, stdtrit  # noqa: PLC0415  (half a second, of no use before there are rows)

    whole = float(figure(np.ones((1, num_prompts)))[0])
    if num_prompts < LEAST_PROMPTS or np.isnan(whole):
        return Interval(whole, np.nan, np.nan)
    resamples = figure(_weights(num_prompts))
    resamples = resamples[~np.isnan(resamples)]
    quantile = stdtrit(num_prompts - 1, (1 + CONFIDENCE) / 2) * np.sqrt(num_prompts / (num_prompts - 1))
    tail = float(ndtr(-quantile))
    low, high = np.quantile(resamples, [tail, 1 - tail])
    return Interval(whole, float(low), float(high))


@lru_cache(maxsize=8)
def _weights(num_prompts: int) -> FloatArray:
    """How often each prompt is drawn in every resample: [RESAMPLES, num_prompts]."""
    rng = np.random.default_rng([BOOTSTRAP_STREAM, num_prompts])
    return rng.multinomial(num_prompts, np.full(num_prompts, 1 / num_prompts), RESAMPLES).astype(np.float64)
