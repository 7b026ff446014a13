"""Intervals over prompts: how much would other prompts of the same kind change a figure?

The intervals of `netsim.results.statistics` hold the prompts fixed and ask what other draws would change. Prompts
differ far more than draws do, so that a claim about a policy needs the intervals of this module: prompts are
resampled, with all of their seeds.
"""

from __future__ import annotations

from collections.abc import Callable
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
    above, below = _tables(numerators, denominators)
    everyone = np.ones((1, above.shape[1]))
    return _expanded(_figure(everyone, above, below), above.shape[1], lambda w: _figure(w, above, below))


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
    above, below = _tables(numerators, denominators)
    base_above, base_below = _tables(baseline_numerators, baseline_denominators)

    def logarithm(weights: FloatArray) -> FloatArray:
        quotient = _figure(weights, above, below) / _figure(weights, base_above, base_below)
        return np.asarray(np.log(quotient))

    everyone = np.ones((1, above.shape[1]))
    interval = _expanded(logarithm(everyone), above.shape[1], logarithm)
    return Interval(*(float(np.exp(end)) for end in interval))


def paired_difference_over_prompts(
    numerators: ArrayLike,
    denominators: ArrayLike,
    baseline_numerators: ArrayLike,
    baseline_denominators: ArrayLike,
) -> Interval:
    """The same of the figure's difference from the baseline's; parameters as of `paired_ratio_over_prompts`."""
    above, below = _tables(numerators, denominators)
    base_above, base_below = _tables(baseline_numerators, baseline_denominators)

    def difference(weights: FloatArray) -> FloatArray:
        return _figure(weights, above, below) - _figure(weights, base_above, base_below)

    everyone = np.ones((1, above.shape[1]))
    return _expanded(difference(everyone), above.shape[1], difference)


def _tables(numerators: ArrayLike, denominators: ArrayLike) -> tuple[FloatArray, FloatArray]:
    above, below = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if above.shape != below.shape or above.ndim != 2:
        raise ValueError(
            f"numerators and denominators: [num_rows, num_prompts] each, got {above.shape} and {below.shape}"
        )
    return above, below


def _figure(weights: FloatArray, above: FloatArray, below: FloatArray) -> FloatArray:
    """The figure of every resample: [num_resamples]; rows without a denominator are left out."""
    sums, of = weights @ above.T, weights @ below.T
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(of > 0, sums / of, np.nan)
    defined = (~np.isnan(ratios)).sum(axis=1)
    return np.where(defined > 0, np.nansum(ratios, axis=1) / np.maximum(defined, 1), np.nan)


def _expanded(
    figure: FloatArray, num_prompts: int, of_weights: Callable[[FloatArray], FloatArray]
) -> Interval:
    """The figure of all prompts, and the ends among its resamples."""
    from scipy.special import ndtr, stdtrit  # noqa: PLC0415  (half a second, of no use before there are rows)

    whole = float(figure[0])
    if num_prompts < LEAST_PROMPTS or np.isnan(whole):
        return Interval(whole, np.nan, np.nan)
    resamples = of_weights(_weights(num_prompts))
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
