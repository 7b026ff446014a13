"""Means and 95 % intervals of rows that share token draws.

Rows of one point differ by fading seed and by token seed, and many fading seeds may share few token seeds:
twenty rows over four token seeds are not twenty independent rows. The interval to report is therefore
Student's t over token-seed means; the narrower interval that looks at the fading alone has names of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
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


class IntervalTable(NamedTuple):
    """Means and the ends of their 95 % intervals: [num_points, num_columns] each."""

    mean: FloatArray
    low: FloatArray
    high: FloatArray


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
    return _only(interval_tables(*_one_point(values, token_seeds))[0])


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
    return _only(interval_tables(*_one_point(values, token_seeds))[1])


def interval_tables(
    values: FloatArray, points: npt.NDArray[np.int64], token_seeds: npt.NDArray[np.int64]
) -> tuple[IntervalTable, IntervalTable]:
    """`token_seed_interval` and `fading_interval` of many points and columns at once: a sweep has a million of them.

    Parameters
    ----------
    values : [num_rows, num_columns], float. NaN where a quantity is undefined in a row.
    points : [num_rows], int. The point of each row, from 0; none is left out.
    token_seeds : [num_rows], int

    Returns
    -------
    two IntervalTable of [num_points, num_columns]
    """
    order = np.lexsort((token_seeds, points))
    values, points, token_seeds = values[order], points[order], token_seeds[order]
    begins = _changes(points, token_seeds)
    of_group = points[begins]
    first_group = _changes(of_group)
    in_group = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(points)))
    defined = ~np.isnan(values)
    counts = np.add.reduceat(defined.astype(np.int64), begins)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.add.reduceat(np.where(defined, values, 0.0), begins) / counts
        present = counts > 0
        groups = np.add.reduceat(present.astype(np.int64), first_group)
        mean = np.add.reduceat(np.where(present, means, 0.0), first_group) / groups
        between = np.where(present, means - mean[of_group], 0.0) ** 2
        spread = np.sqrt(np.add.reduceat(between, first_group) / (groups - 1))
        half = _t_quantiles(groups - 1) * spread / np.sqrt(groups)
        within = np.where(defined, values - means[in_group], 0.0) ** 2
        degrees = np.add.reduceat(np.where(present, counts - 1, 0), first_group)
        pooled_variance = np.add.reduceat(np.add.reduceat(within, begins), first_group) / degrees
        shares = np.add.reduceat(np.where(present, 1 / counts, 0.0), first_group) / groups**2
        fading_half = _t_quantiles(degrees) * np.sqrt(pooled_variance * shares)
    over_fading = IntervalTable(mean, mean - fading_half, mean + fading_half)
    return IntervalTable(mean, mean - half, mean + half), over_fading


def _changes(*keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where sorted keys, [num_rows] each, begin to be others: the first row of each group."""
    changed = np.zeros(len(keys[0]), bool)
    changed[:1] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changed)


def _one_point(
    values: npt.ArrayLike, token_seeds: npt.ArrayLike
) -> tuple[FloatArray, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """One column of one point as `interval_tables` takes it; a row that is undefined stands in for no row."""
    numbers, keys = _checked(values, token_seeds)
    if not len(numbers):
        numbers, keys = np.array([np.nan]), np.array([0])
    return numbers[:, None], np.zeros(len(numbers), np.int64), keys


def _only(interval: IntervalTable) -> Interval:
    """The interval of one point and column."""
    return Interval(*(float(ends[0, 0]) for ends in interval))


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


def _by_token_seed(values: npt.ArrayLike, token_seeds: npt.ArrayLike) -> list[FloatArray]:
    """The defined values of each token seed, in the order of the token seeds."""
    numbers, keys = _checked(values, token_seeds)
    defined = ~np.isnan(numbers)
    numbers, keys = numbers[defined], keys[defined]
    return [numbers[keys == key] for key in np.unique(keys)]


def _checked(values: npt.ArrayLike, token_seeds: npt.ArrayLike) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Both as arrays: [num_rows]."""
    numbers, keys = np.asarray(values, dtype=np.float64), np.asarray(token_seeds)
    if numbers.shape != keys.shape or numbers.ndim != 1:
        raise ValueError(
            f"values and token_seeds: one of each per row, got shapes {numbers.shape} and {keys.shape}"
        )
    return numbers, keys


def _t_interval_over_means(means: FloatArray) -> Interval:
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


def _t_quantiles(degrees_of_freedom: npt.NDArray[np.int64]) -> FloatArray:
    """The same of many; NaN without a degree of freedom. Few are different, and each takes a search for a root."""
    different, which = np.unique(degrees_of_freedom, return_inverse=True)
    quantiles = [_t_quantile(degrees) if degrees > 0 else np.nan for degrees in different.tolist()]
    return np.array(quantiles)[which].reshape(degrees_of_freedom.shape)
