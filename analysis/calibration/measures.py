"""How well each measure of uncertainty predicts rejection, on a trace's hlm path."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.calibration.lines import DraftedRounds, statistics
from netsim.deciding.policies import Hlm
from netsim.deciding.recorded import Decider
from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.measures import MEASURES
from traces.speculative.walk import Measure

#: Shares of rounds to skip at which measures are compared.
SKIP_SHARES = (0.25, 0.5, 0.75)


def compare_measures(trace: Trace) -> pd.DataFrame:
    """Compare all measures on the drafts of the hlm path, which is the same for all of them.

    Returns
    -------
    DataFrame
        One row per measure, and before them two that frame them: ``blind`` skips at random, ``best`` by the rejection
        probability itself. ``raw_r`` and ``binned_r``: correlation of uncertainty and rejection probability over single
        rounds, and over the means of bins, weighted by their rounds. ``true_skip_rate at S``: expected share of
        accepted drafts among the share ``S`` of rounds that the measure is surest of; rounds that tie count alike.

    Raises
    ------
    TraceError
        If the trace has no hlm path, or a shard is damaged.
    """
    if "hlm" not in trace.manifest.policies:
        raise TraceError(f"{trace.folder}: has no hlm path, which measures are compared on")
    recorded = trace.manifest.measure
    measures = {"temperature, 20 samples": Measure(20, recorded.theta_max)}
    measures["temperature, many samples"] = Measure(None, recorded.theta_max)
    measures |= {name: Measure(None, recorded.theta_max, name) for name in MEASURES[1:]}
    drafted = {name: _drafted(trace, measure) for name, measure in measures.items()}
    rejection = next(iter(drafted.values())).rejection
    rows = [
        {
            "measure": "blind",
            "raw_r": 0.0,
            "binned_r": np.nan,
            **_skipped(np.zeros_like(rejection), rejection),
        },
        {"measure": "best", "raw_r": 1.0, "binned_r": 1.0, **_skipped(rejection, rejection)},
    ]
    rows += [{"measure": name, **_row(rounds)} for name, rounds in drafted.items()]
    return pd.DataFrame(rows)


def true_skip_rate(uncertainty: NDArray[np.float64], rejection: NDArray[np.float64], share: float) -> float:
    """Mean acceptance among the given share of rounds with the least uncertainty; ties count alike.

    Parameters
    ----------
    uncertainty, rejection : [num_rounds], float
    share : float in (0, 1]

    Examples
    --------
    >>> u, beta = np.array([0.0, 0.1, 0.1, 0.9]), np.array([0.0, 0.2, 0.4, 1.0])
    >>> round(true_skip_rate(u, beta, 0.5), 3)  # the first round, and half of the two that tie
    0.85
    """
    levels, level = np.unique(uncertainty, return_inverse=True)
    count = np.bincount(level, minlength=len(levels))
    accepted = np.bincount(level, 1 - rejection, minlength=len(levels))
    wanted = share * len(uncertainty)
    taken = np.clip(wanted - (np.cumsum(count) - count), 0, count) / count
    return float((taken * accepted).sum() / wanted)


def _skipped(uncertainty: NDArray[np.float64], rejection: NDArray[np.float64]) -> dict[str, float]:
    return {
        f"true_skip_rate at {share:g}": true_skip_rate(uncertainty, rejection, share) for share in SKIP_SHARES
    }


def _row(rounds: DraftedRounds) -> dict[str, float]:
    filled = np.bincount(rounds.bins, minlength=rounds.num_bins) > 0
    fit = statistics(rounds, np.ones((1, rounds.num_prompts)), filled)
    return {
        "raw_r": float(fit.raw_r[0]),
        "binned_r": float(fit.binned_r[0]),
        **_skipped(rounds.uncertainty, rounds.rejection),
    }


def _drafted(trace: Trace, measure: Measure) -> DraftedRounds:
    manifest = trace.manifest
    decider = Decider(trace, measure, manifest.num_tokens, manifest.eos)
    paths = [decider.rounds(Hlm(), seed) for seed in range(len(manifest.token_seeds))]
    return DraftedRounds(
        uncertainty=np.concatenate([rounds.uncertainty[rounds.valid] for rounds in paths]),
        rejection=np.concatenate([rounds.rejection[rounds.valid] for rounds in paths]),
        prompt=np.concatenate([np.nonzero(rounds.valid)[0] for rounds in paths]),
        samples=measure.samples,
    )
