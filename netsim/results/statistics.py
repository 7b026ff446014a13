"""Means and 95 % intervals of rows that share token draws.

Rows of one point differ by fading seed and by token seed, and many fading seeds may share few token seeds:
twenty rows over four token seeds are not twenty independent rows. The interval to report is therefore
Student's t over token-seed means; the narrower interval that looks at the fading alone has names of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: The two-sided confidence of every interval here.
CONFIDENCE = 0.95
#: Intervals beside ``C_mean`` in a summary, by what their names have before ``low`` and ``high``, and what each is
#: over; the one that a claim about policies needs comes first.
INTERVALS = {
    "prompts_": "95 % interval over prompts",
    "": "95 % interval over token seeds",
    "fading_": "95 % interval over fading",
}


class Interval(NamedTuple):
    """A mean and the ends of its 95 % interval; NaN where the rows do not determine it."""

    mean: float
    low: float
    high: float


def token_seed_interval(values: npt.ArrayLike, token_seeds: npt.ArrayLike) -> Interval:
    """Mean of the token-seed means, with Student's t interval over them.

    Token seeds count alike, however many rows each has. This interval holds both sources of spread, since
    the means differ by token draws and by fading. Where every row has a token seed of its own it is the
    ordinary t interval over rows.

    Parameters
    ----------
    values : [num_rows], float. NaN where the quantity is undefined in a row; such rows are left out.
    token_seeds : [num_rows], int. The token seed of each row.

    Returns
    -------
    Interval
        The ends are NaN for fewer than two token seeds, all three for no row.

    Notes
    -----
    Degrees of freedom: distinct token seeds - 1. Student, "The probable error of a mean", Biometrika 6
    (1908), with token seeds as the units: the analysis of cluster means in Donner and Klar, "Design and
    Analysis of Cluster Randomization Trials in Health Research" (2000).

    Examples
    --------
    Four rows, but two token seeds: the means 2 and 4 give 3 with one degree of freedom.

    >>> mean, low, high = token_seed_interval([1.0, 3.0, 3.0, 5.0], [0, 0, 1, 1])
    >>> round(mean, 3), round(low, 3), round(high, 3)
    (3.0, -9.706, 15.706)
    """
    groups = _by_token_seed(values, token_seeds)
    return _t_interval_over_means(np.array([group.mean() for group in groups]))


def fading_interval(values: npt.ArrayLike, token_seeds: npt.ArrayLike) -> Interval:
    """The same mean, with the interval that new fading draws alone would leave: token seeds held fixed.

    Parameters
    ----------
    values : [num_rows], float. NaN where the quantity is undefined in a row; such rows are left out.
    token_seeds : [num_rows], int. The token seed of each row.

    Returns
    -------
    Interval
        The ends are NaN where no token seed has two rows, all three for no row.

    Notes
    -----
    The variance within token seeds is pooled, as in a one-way analysis of variance: degrees of freedom are
    rows - distinct token seeds (Montgomery, "Design and Analysis of Experiments", the single-factor experiment).
    """
    groups = _by_token_seed(values, token_seeds)
    if not groups:
        return Interval(np.nan, np.nan, np.nan)
    mean = float(np.mean([group.mean() for group in groups]))
    degrees = sum(len(group) - 1 for group in groups)
    if degrees == 0:
        return Interval(mean, np.nan, np.nan)
    pooled_variance = sum(float(np.sum((group - group.mean()) ** 2)) for group in groups) / degrees
    variance_of_mean = pooled_variance * sum(1 / len(group) for group in groups) / len(groups) ** 2
    half = _t_quantile(degrees) * float(np.sqrt(variance_of_mean))
    return Interval(mean, mean - half, mean + half)


def paired_interval(values: npt.ArrayLike, baseline: npt.ArrayLike, token_seeds: npt.ArrayLike) -> Interval:
    """Interval of the mean difference between two policies that met the same draws.

    Parameters
    ----------
    values, baseline : [num_rows], float. The two policies' rows, in the same order of seeds.
    token_seeds : [num_rows], int. The token seed of each pair of rows.

    Returns
    -------
    Interval
        Of ``values - baseline``, over token-seed means as in `token_seed_interval`.
    """
    difference = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    return token_seed_interval(difference, token_seeds)


def paired_ratio_interval(
    values: npt.ArrayLike, baseline: npt.ArrayLike, token_seeds: npt.ArrayLike
) -> Interval:
    """Interval of a speed-up: by what factor one policy is above another that met the same draws.

    Parameters
    ----------
    values, baseline : [num_rows], float, positive. The two policies' rows, in the same order of seeds.
    token_seeds : [num_rows], int. The token seed of each pair of rows.

    Returns
    -------
    Interval
        Of the geometric mean over token seeds of ``mean(values) / mean(baseline)``: Student's t on the
        logarithms, so that the speed-up of A over B is one over that of B over A, ends included.
    """
    above, below = np.asarray(values, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    undefined = np.isnan(above) | np.isnan(below)
    pairs = zip(
        _by_token_seed(np.where(undefined, np.nan, above), token_seeds),
        _by_token_seed(np.where(undefined, np.nan, below), token_seeds),
        strict=True,
    )
    logarithms = np.array([np.log(a.mean() / b.mean()) for a, b in pairs])
    return Interval(*(float(np.exp(end)) for end in _t_interval_over_means(logarithms)))


def _by_token_seed(values: npt.ArrayLike, token_seeds: npt.ArrayLike) -> list[npt.NDArray[np.float64]]:
    """The defined values of each token seed, in the order of the token seeds."""
    numbers, keys = np.asarray(values, dtype=np.float64), np.asarray(token_seeds)
    if numbers.shape != keys.shape or numbers.ndim != 1:
        raise ValueError(
            f"values and token_seeds: one of each per row, got shapes {numbers.shape} and {keys.shape}"
        )
    defined = ~np.isnan(numbers)
    numbers, keys = numbers[defined], keys[defined]
    return [numbers[keys == key] for key in np.unique(keys)]


def _t_interval_over_means(means: npt.NDArray[np.float64]) -> Interval:
    """Student's t interval of independent means; [num_means]."""
    if len(means) == 0:
        return Interval(np.nan, np.nan, np.nan)
    mean = float(means.mean())
    if len(means) == 1:
        return Interval(mean, np.nan, np.nan)
    half = _t_quantile(len(means) - 1) * float(means.std(ddof=1)) / float(np.sqrt(len(means)))
    return Interval(mean, mean - half, mean + half)


def _t_quantile(degrees_of_freedom: int) -> float:
    """Two-sided quantile of Student's t at `CONFIDENCE`."""
    from scipy.special import stdtrit  # noqa: PLC0415  (half a second, of no use before there are rows)

    return float(stdtrit(degrees_of_freedom, (1 + CONFIDENCE) / 2))
