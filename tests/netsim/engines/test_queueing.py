"""Open-loop arrivals against the formulas of queueing theory.

Source: Kleinrock, *Queueing Systems* 1 and 2, 1975: Pollaczek-Khinchine, and processor sharing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from netsim.engines.arrivals import poisson_arrivals
from netsim.engines.events import BaseStation, simulate_base_station
from netsim.engines.shares import EqualSplitUplink
from tests.network_jobs import plain_job

ARRIVALS, WARM_UP, REPLICATIONS = 1500, 300, 24
LOAD = 0.6  # arrivals per second at a mean service of 1 s

Services = Callable[[np.random.Generator], NDArray[np.float64]]


def deterministic(_: np.random.Generator) -> NDArray[np.float64]:
    return np.ones(ARRIVALS)


def exponential(rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.exponential(1.0, ARRIVALS)


def two_speeds(rng: np.random.Generator) -> NDArray[np.float64]:
    """Mean 1, second moment 0.8 * 2 * 0.5^2 + 0.2 * 2 * 3^2 = 4."""
    return np.where(rng.random(ARRIVALS) < 0.8, 0.5, 3.0) * rng.exponential(1.0, ARRIVALS)


def sojourns(
    services: Services, replication: int, base_station: BaseStation, station: str
) -> tuple[NDArray[np.float64], ...]:
    """Waiting and total seconds of every request but the first ones; each comes from a device of its own."""
    arrivals_s = poisson_arrivals(replication, 0, LOAD, ARRIVALS)
    needs = services(np.random.default_rng([11, replication]))
    jobs = [
        plain_job((1, 1), arrivals_s=[time_s], **{station: need})
        for time_s, need in zip(arrivals_s, needs, strict=True)
    ]
    timings = [log.timings for log in simulate_base_station(jobs, base_station)]
    waits = np.array([table.queue_s[0, 0] for table in timings])[WARM_UP:]
    own = np.array([table.uplink_s[0, 0] for table in timings])[WARM_UP:]
    return waits, waits + own


def agrees(means: list[float], theory: float) -> None:
    """Student's t over replications, two-sided at 1e-4: a false alarm in 10 000 seeds per check."""
    half = student.isf(0.5e-4, len(means) - 1) * np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(np.mean(means) - theory) < half, f"{np.mean(means):.4f} +- {half:.4f}, theory {theory:.4f}"
    # The interval itself must be narrow enough to tell the models apart.
    assert half < 0.3 * theory


@pytest.mark.parametrize("station", ["bits", "llm_s"])
@pytest.mark.parametrize(
    ("services", "second_moment"),
    [(deterministic, 1.0), (exponential, 2.0), (two_speeds, 4.0)],
    ids=["M/D/1", "M/M/1", "M/G/1"],
)
def test_waiting_is_pollaczek_khinchine(services: Services, second_moment: float, station: str) -> None:
    means = [float(sojourns(services, r, BaseStation(), station)[0].mean()) for r in range(REPLICATIONS)]
    agrees(means, LOAD * second_moment / (2 * (1 - LOAD)))


@pytest.mark.parametrize("services", [deterministic, two_speeds], ids=["M/D/1-PS", "M/G/1-PS"])
def test_an_equal_split_takes_the_mean_whatever_the_law_of_sizes(services: Services) -> None:
    base_station = BaseStation(uplink=EqualSplitUplink)
    means = [float(sojourns(services, r, base_station, "bits")[1].mean()) for r in range(REPLICATIONS)]
    agrees(means, 1 / (1 - LOAD))
