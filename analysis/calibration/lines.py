"""Lines through rejection over uncertainty, with intervals by bootstrap over prompts.

U-HLM (arXiv 2412.12687, section IV) fits ``beta ~ a u + b`` to the mean rejection probability in bins of ``u``. Here
bins count by their rounds: each round then has the same say, and the least squares line through the bins is
the one of smallest variance where rounds scatter alike; unweighted, a bin of three rounds would move the line
as much as one of three thousand. Where the line falls below 0 the rejection is 0 and no longer on it, so such
bins are left out, and the line is fitted again until all of its bins are positive.

Rounds of one prompt go together, so intervals come from resampling prompts. They are Student's t with
``prompts - 1`` degrees of freedom times the bootstrap's standard error, enlarged by ``sqrt(P / (P - 1))``, since the
plain percentile interval is too narrow for few prompts (Davison and Hinkley, "Bootstrap Methods and their
Application", 1997, section 2.3 and 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

FloatArray = NDArray[np.float64]

#: Bins of equal width where the uncertainty has no grid of its own.
BINS = 20
#: Two-sided confidence of every interval here.
CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A value and the ends of its 95 % interval; NaN where undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class DraftedRounds:
    """Rounds of the hlm path of several prompts.

    Attributes
    ----------
    uncertainty : [num_rounds], float in [0, 1]
    rejection : [num_rounds], float in [0, 1]
        Probability that the draft is rejected, or 0 and 1 where only the outcome is known.
    prompt : [num_rounds], int. 0 … number of prompts - 1.
    samples : int or None
        Grid ``k / samples`` of the uncertainty; None: no grid, `BINS` equal bins.
    """

    uncertainty: FloatArray
    rejection: FloatArray
    prompt: NDArray[np.int64]
    samples: int | None

    @property
    def bins(self) -> NDArray[np.int64]:
        """Bin of each round: its count of disagreements, or the number of its equal bin."""
        if self.samples is None:
            return np.minimum(np.floor(self.uncertainty * BINS), BINS - 1).astype(np.int64)
        return np.rint(self.uncertainty * self.samples).astype(np.int64)

    @property
    def num_bins(self) -> int:
        """Bins, empty ones included."""
        return BINS if self.samples is None else self.samples + 1

    @property
    def num_prompts(self) -> int:
        """Prompts."""
        return int(self.prompt.max()) + 1


@dataclass(frozen=True)
class _Sums:
    """Sums over rounds, one row per prompt or per resample; bins are the last axis."""

    count: FloatArray
    uncertainty: FloatArray
    rejection: FloatArray
    #: Of all rounds: n, u, beta, u^2, u beta, beta^2, and how many may be rejected.
    raw: FloatArray

    @classmethod
    def of(cls, rounds: DraftedRounds) -> _Sums:
        u, beta = rounds.uncertainty, rounds.rejection
        shape = rounds.num_prompts, rounds.num_bins
        cell = rounds.prompt * rounds.num_bins + rounds.bins

        def binned(values: FloatArray) -> FloatArray:
            return np.bincount(cell, values, shape[0] * shape[1]).astype(np.float64).reshape(shape)

        moments = (np.ones_like(u), u, beta, u * u, u * beta, beta * beta, (beta > 0).astype(float))
        raw = [np.bincount(rounds.prompt, values, shape[0]) for values in moments]
        return cls(binned(moments[0]), binned(u), binned(beta), np.stack(raw, axis=-1))

    def weighted(self, weights: FloatArray) -> _Sums:
        """Sums over prompts, each counted ``weights[resample, prompt]`` times."""
        return _Sums(
            weights @ self.count, weights @ self.uncertainty, weights @ self.rejection, weights @ self.raw
        )


@dataclass(frozen=True)
class Statistics:
    """What is estimated, for every resample (or once, from all rounds).

    Attributes
    ----------
    a, b, binned_r : [num_resamples], float. Line through the fitted bins, correlation of their means.
    raw_a, raw_b, raw_r : [num_resamples], float. The same of all single rounds.
    curvature : [num_resamples], float. Coefficient of ``u^2`` when one is fitted through the bins as well.
    delta : [num_resamples], float. Share of drafts that the LLM does not accept outright.
    mean_rejection : [num_resamples], float
    bin_rejection, deviation : [num_resamples, num_bins], float
        Mean rejection of each bin, and what it has above the line ``max(0, a u + b)``; NaN for an empty bin.
    risk : [num_resamples, num_bins], float
        Share of all rounds that are in this bin or a lower one and would be rejected.
    """

    a: FloatArray
    b: FloatArray
    binned_r: FloatArray
    raw_a: FloatArray
    raw_b: FloatArray
    raw_r: FloatArray
    curvature: FloatArray
    delta: FloatArray
    mean_rejection: FloatArray
    bin_rejection: FloatArray
    deviation: FloatArray
    risk: FloatArray


def fitted_bins(rounds: DraftedRounds) -> NDArray[np.bool_]:
    """Bins that the line is fitted to: those with rounds in them, where the line is positive.

    Returns
    -------
    [num_bins], bool
    """
    sums = _Sums.of(rounds).weighted(np.ones((1, rounds.num_prompts)))
    fitted: NDArray[np.bool_] = sums.count[0] > 0
    while True:
        a, b, _ = _binned_line(sums, fitted)
        mean = np.divide(sums.uncertainty[0], sums.count[0], where=fitted, out=np.zeros(rounds.num_bins))
        positive = fitted & (a[0] * mean + b[0] > 0)
        if (positive == fitted).all() or positive.sum() < 2:
            return fitted
        fitted = positive


def statistics(rounds: DraftedRounds, weights: FloatArray, fitted: NDArray[np.bool_]) -> Statistics:
    """Estimate everything with each prompt counted ``weights`` times.

    Parameters
    ----------
    weights : [num_resamples, num_prompts], float. All ones: the estimate from all rounds.
    fitted : [num_bins], bool. Bins that the line goes through.
    """
    sums = _Sums.of(rounds).weighted(weights)
    n, u, beta, uu, ub, bb, rejectable = np.moveaxis(sums.raw, -1, 0)
    a, b, binned_r = _binned_line(sums, fitted)
    raw_a, raw_b, raw_r = _line(n, u, beta, uu, ub, bb)
    mean_u, bin_rejection = _ratio(sums.uncertainty, sums.count), _ratio(sums.rejection, sums.count)
    return Statistics(
        a=a,
        b=b,
        binned_r=binned_r,
        raw_a=raw_a,
        raw_b=raw_b,
        raw_r=raw_r,
        curvature=_curvature(sums, fitted),
        delta=rejectable / n,
        mean_rejection=beta / n,
        bin_rejection=bin_rejection,
        deviation=bin_rejection - np.maximum(0.0, a[:, None] * mean_u + b[:, None]),
        risk=np.cumsum(sums.rejection, axis=1) / n[:, None],
    )


def resample_weights(num_prompts: int, num_resamples: int, rng: np.random.Generator) -> FloatArray:
    """How often each prompt is in each bootstrap sample: [num_resamples, num_prompts], float."""
    counts = rng.multinomial(num_prompts, np.full(num_prompts, 1 / num_prompts), num_resamples)
    return counts.astype(np.float64)


def half_width(replicates: FloatArray, num_prompts: int) -> float:
    """Half of the 95 % interval from bootstrap replicates; NaN where fewer than two prompts bear on it."""
    defined = replicates[~np.isnan(replicates)]
    if num_prompts < 2 or len(defined) < 2:
        return float("nan")
    quantile = float(stdtrit(num_prompts - 1, (1 + CONFIDENCE) / 2))
    return quantile * float(np.sqrt(num_prompts / (num_prompts - 1)) * defined.std(ddof=1))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    result: FloatArray = np.divide(above, below, where=below != 0, out=np.full(above.shape, np.nan))
    return result


def _line(
    n: FloatArray, u: FloatArray, beta: FloatArray, uu: FloatArray, ub: FloatArray, bb: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slope, intercept and correlation from sums; NaN where the uncertainty does not vary."""
    spread, joint, scatter = uu - u * u / n, ub - u * beta / n, bb - beta * beta / n
    # Below this the spread is rounding.
    slope = _ratio(joint, np.where(spread > 1e-12 * n, spread, 0.0))
    correlation = _ratio(joint, np.sqrt(np.maximum(spread * scatter, 0.0)))
    return slope, (beta - slope * u) / n, correlation


def _binned_line(sums: _Sums, fitted: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Line through the bins' means, each bin weighted by its rounds."""
    count, u, beta = sums.count[:, fitted], sums.uncertainty[:, fitted], sums.rejection[:, fitted]
    products = [np.nansum(_ratio(p, count), axis=1) for p in (u * u, u * beta, beta * beta)]
    return _line(count.sum(axis=1), u.sum(axis=1), beta.sum(axis=1), *products)


def _curvature(sums: _Sums, fitted: NDArray[np.bool_]) -> FloatArray:
    """Coefficient of ``u^2`` of the weighted least squares parabola; NaN for fewer than three bins."""
    count = sums.count[:, fitted]
    if (count > 0).any(axis=0).sum() < 3:
        return np.full(len(count), np.nan)
    u = np.nan_to_num(_ratio(sums.uncertainty[:, fitted], count))
    powers = u[:, :, None] ** np.arange(3)
    gram = np.einsum("rbi,rb,rbj->rij", powers, count, powers)
    target = np.einsum("rbi,rb->ri", powers, sums.rejection[:, fitted])
    result: FloatArray = np.einsum("rij,rj->ri", np.linalg.pinv(gram), target)[:, 2]
    return result
