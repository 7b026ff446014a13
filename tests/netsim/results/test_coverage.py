"""How often the intervals of several devices hold the truth, which a parametric trace knows in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import beta

from analysis.validation.intervals import transmission_rate
from netsim.point import Point
from netsim.results.statistics import token_seed_interval
from netsim.scenario import Scenario

SEEDS, PROMPTS, TOKENS, REPLICATES = 16, 4, 5, 200
ALPHA, BETA, THRESHOLD = 0.6, 0.9, 0.4

CONTENT: dict[str, Any] = {
    "name": "coverage",
    "trace": {
        "kind": "parametric",
        "vocabulary_size": 32000,
        "uncertainty": {"alpha": ALPHA, "beta": BETA},
        "rejection": {"a": 0.8, "b": -0.05},
        "prompts": PROMPTS,
    },
    "uncertainty": {"samples": "inf"},
    "policy": {"name": "u-hlm", "threshold": THRESHOLD},
    "channel": {"fading": "none"},
    "latency": {"slm": 0.02, "llm": 0.05},
    "tokens": TOKENS,
}


def point_of(num_devices: int) -> Point:
    return Point.of(Scenario.model_validate({**CONTENT, "devices": num_devices}))


@pytest.mark.parametrize("num_devices", [1, 5, 20])
def test_the_interval_of_the_transmission_rate_covers(num_devices: int) -> None:
    """95 % of intervals hold P(u > threshold).

    Of 200 independent replicates 190 should, with a standard deviation of 3.1; [0.92, 0.975] is 184 to 195.
    """
    point = point_of(num_devices)
    assert transmission_rate(point, 3) == point.row(3)["transmission_rate"]
    truth = beta.sf(THRESHOLD, ALPHA, BETA)
    covered = 0
    for replicate in range(REPLICATES):
        seeds = range(replicate * SEEDS, (replicate + 1) * SEEDS)
        interval = token_seed_interval([transmission_rate(point, seed) for seed in seeds], list(seeds))
        covered += interval.low <= truth <= interval.high
    assert 0.92 <= covered / REPLICATES <= 0.975, covered


def test_rows_of_several_devices_have_nothing_in_common() -> None:
    """Neighbouring rows are uncorrelated: the lag-1 correlation of 800 rows has standard deviation 0.035."""
    point = point_of(20)
    rates = np.array([transmission_rate(point, seed) for seed in range(800)])
    # Four of those; rows that shared four of five visits had 0.8.
    assert abs(np.corrcoef(rates[1:], rates[:-1])[0, 1]) < 4 / np.sqrt(800)
