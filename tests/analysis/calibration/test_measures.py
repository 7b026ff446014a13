from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.calibration.measures import compare_measures, true_skip_rate
from netsim.deciding.policies import Slm
from tests.trace_factory import make_trace
from traces.format.manifest import TraceError


def test_the_true_skip_rate_is_that_of_a_random_order_of_ties() -> None:
    rng = np.random.default_rng(0)
    uncertainty, rejection = rng.integers(0, 5, 60) / 5, rng.random(60)
    for share in (0.1, 0.35, 0.8):
        skipped = round(share * 60)
        trials = []
        for _ in range(4000):
            order = np.lexsort((rng.random(60), uncertainty))
            trials.append(1 - rejection[order[:skipped]].mean())
        # Four standard errors of the mean over random orders.
        tolerance = 4 * np.std(trials) / np.sqrt(len(trials)) + 1e-12
        assert abs(true_skip_rate(uncertainty, rejection, share) - np.mean(trials)) < tolerance


def test_measures_lie_between_blind_and_best(tmp_path: Path) -> None:
    table = compare_measures(make_trace(tmp_path / "trace", prompts=6, num_tokens=30)).set_index("measure")
    assert len(table) == 8
    for share in ("0.25", "0.5", "0.75"):
        rates = table[f"true_skip_rate at {share}"]
        assert (rates <= rates["best"] + 1e-12).all()
        assert rates["temperature, many samples"] > rates["blind"]
    raw_r = table["raw_r"]
    assert raw_r["temperature, many samples"] > raw_r["temperature, 20 samples"] > 0


def test_a_trace_without_hlm_is_refused(tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "trace", policies={"slm": Slm()})
    with pytest.raises(TraceError, match="has no hlm path"):
        compare_measures(trace)
