"""The fit of one pair's rounds: the line, its bins, both thresholds and the risk of skipping."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.calibration.lines import (
    DraftedRounds,
    Estimate,
    Statistics,
    fitted_bins,
    half_width,
    resample_weights,
    statistics,
)

FloatArray = NDArray[np.float64]

RESAMPLES = 2000


@dataclass(frozen=True)
class Bin:
    """Rounds of about the same uncertainty, and what skipping them and all surer ones would cost.

    Attributes
    ----------
    uncertainty : float. Mean of the bin.
    rounds : int
    share : float. Of all rounds: the density of ``u``.
    rejection : Estimate. Mean rejection probability.
    line : float. ``max(0, a u + b)``.
    deviation : Estimate. ``rejection - line``, with the interval of the difference.
    fitted : bool. Whether the line was fitted to it; bins where the line is not positive are left out.
    threshold : float. Upper end of the bin: on a grid its only value.
    skipped : float. Share of all rounds at or below the threshold, ``F``.
    bound : float
        ``R = integral_0^threshold max(0, a u + b) f(u) du``, a share of all rounds (arXiv 2412.12687, theorem 1).
    risk : Estimate. Share of all rounds that are at or below the threshold and would be rejected.
    """

    uncertainty: float
    rounds: int
    share: float
    rejection: Estimate
    line: float
    deviation: Estimate
    fitted: bool
    threshold: float
    skipped: float
    bound: float
    risk: Estimate

    @property
    def leaves_line(self) -> bool:
        """Whether the bin's mean lies off the line beyond chance (95 %, each bin by itself)."""
        return self.deviation.low > 0 or self.deviation.high < 0


@dataclass(frozen=True)
class Fit:
    """Everything that a pair's rounds say about uncertainty and rejection.

    ``risk_averse`` and ``risk_prone`` are not clipped; they are NaN where the line does not rise.
    """

    a: Estimate
    b: Estimate
    binned_r: float
    raw_a: Estimate
    raw_b: Estimate
    raw_r: float
    curvature: Estimate
    delta: Estimate
    mean_rejection: Estimate
    risk_averse: Estimate
    risk_prone: Estimate
    prompts: int
    rounds: int
    bins: tuple[Bin, ...]

    @property
    def linear(self) -> bool:
        """Whether no parabola fits the bins better than the line beyond chance (95 %)."""
        return not (self.curvature.low > 0 or self.curvature.high < 0)


def fit_rounds(rounds: DraftedRounds, rng: np.random.Generator) -> Fit:
    """Fit the line and what follows from it.

    Parameters
    ----------
    rng : Generator. Resamples the prompts.

    Raises
    ------
    ValueError
        For fewer than two prompts, or an uncertainty or a rejection that never varies.
    """
    prompts = rounds.num_prompts
    if prompts < 2:
        raise ValueError("one prompt: an interval over prompts needs at least two")
    if np.ptp(rounds.uncertainty) == 0:
        raise ValueError(
            f"the uncertainty is {rounds.uncertainty[0]:g} in every round: no line can be fitted"
        )
    if np.ptp(rounds.rejection) == 0:
        raise ValueError(f"the rejection is {rounds.rejection[0]:g} in every round: no line can be fitted")
    fitted = fitted_bins(rounds)
    point = statistics(rounds, np.ones((1, prompts)), fitted)
    spread = statistics(rounds, resample_weights(prompts, RESAMPLES, rng), fitted)

    def estimate(name: str) -> Estimate:
        return _estimate(getattr(point, name)[0], getattr(spread, name), prompts)

    return Fit(
        a=estimate("a"),
        b=estimate("b"),
        binned_r=float(point.binned_r[0]),
        raw_a=estimate("raw_a"),
        raw_b=estimate("raw_b"),
        raw_r=float(point.raw_r[0]),
        curvature=estimate("curvature"),
        delta=estimate("delta"),
        mean_rejection=estimate("mean_rejection"),
        risk_averse=_threshold(point, spread, prompts, prone=False),
        risk_prone=_threshold(point, spread, prompts, prone=True),
        prompts=prompts,
        rounds=len(rounds.uncertainty),
        bins=tuple(_bins(rounds, point, spread, fitted)),
    )


def _estimate(value: float, replicates: FloatArray, prompts: int) -> Estimate:
    half = half_width(replicates, prompts)
    return Estimate(float(value), float(value - half), float(value + half))


def _threshold(point: Statistics, spread: Statistics, prompts: int, *, prone: bool) -> Estimate:
    """Both thresholds of arXiv 2412.12687 solve ``a u + b = aim``: 0, or Delta."""

    def solve(of: Statistics) -> FloatArray:
        aim = of.delta if prone else 0.0
        result: FloatArray = np.divide(aim - of.b, of.a, where=of.a > 0, out=np.full(of.a.shape, np.nan))
        return result

    return _estimate(solve(point)[0], solve(spread), prompts)


def _bins(
    rounds: DraftedRounds, point: Statistics, spread: Statistics, fitted: NDArray[np.bool_]
) -> Iterator[Bin]:
    """Bins that hold rounds; the interval of a bin's mean counts the prompts that have rounds in it."""
    total, size = len(rounds.uncertainty), rounds.num_bins
    line = np.maximum(0.0, point.a[0] * rounds.uncertainty + point.b[0])
    skipped = np.cumsum(np.bincount(rounds.bins, minlength=size)) / total
    bound = np.cumsum(np.bincount(rounds.bins, line, size)) / total
    for number in np.unique(rounds.bins):
        inside = rounds.bins == number
        mean, prompts = rounds.uncertainty[inside].mean(), len(np.unique(rounds.prompt[inside]))
        yield Bin(
            uncertainty=float(mean),
            rounds=int(inside.sum()),
            share=float(inside.mean()),
            rejection=_estimate(point.bin_rejection[0, number], spread.bin_rejection[:, number], prompts),
            line=max(0.0, float(point.a[0] * mean + point.b[0])),
            deviation=_estimate(point.deviation[0, number], spread.deviation[:, number], prompts),
            fitted=bool(fitted[number]),
            threshold=float(number / rounds.samples if rounds.samples else (number + 1) / size),
            skipped=float(skipped[number]),
            bound=float(bound[number]),
            risk=_estimate(point.risk[0, number], spread.risk[:, number], rounds.num_prompts),
        )
