from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from netsim.engines.arrivals import load_arrivals, poisson_arrivals


def test_gaps_of_a_poisson_stream_are_exponential() -> None:
    gaps_s = np.diff(poisson_arrivals(1, 2, 0.5, 5000), prepend=0.0)
    # A false alarm in 10 000 seeds.
    assert stats.kstest(gaps_s, stats.expon(scale=2.0).cdf).pvalue > 1e-4


def test_streams_are_keyed_by_seed_and_device() -> None:
    base = poisson_arrivals(0, 0, 1.0, 5)
    np.testing.assert_array_equal(base, poisson_arrivals(0, 0, 1.0, 9)[:5])
    assert not np.array_equal(base, poisson_arrivals(1, 0, 1.0, 5))
    assert not np.array_equal(base, poisson_arrivals(0, 1, 1.0, 5))


def test_recorded_arrivals_are_sorted_by_device(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.csv"
    path.write_text("device,time_s\n1,5\n0,2.5\n\n1,0.5\n")
    assert [times.tolist() for times in load_arrivals(path, 3)] == [[2.5], [0.5, 5.0], []]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "arrivals.csv:1: the header must be device,time_s"),
        ("device\n0\n", "arrivals.csv:1: the header must be"),
        ("device,time_s\n0,1\n3,1\n", "arrivals.csv:3: device 3, but there are 0 to 1"),
        ("device,time_s\n0,-1\n", "arrivals.csv:2: a time must be finite and at least 0, got -1"),
        ("device,time_s\n0,nan\n", "arrivals.csv:2: a time must be finite"),
        ("device,time_s\n0\n", "arrivals.csv:2: needs 2 values as the header has, got '0'"),
        ("device,time_s\nx,1\n", "arrivals.csv:2: needs a device and a time"),
    ],
)
def test_a_fault_names_its_line(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "arrivals.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(fault)):
        load_arrivals(path, 2)
