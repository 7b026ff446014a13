"""How the cost of a sweep grows with its size, and how it falls with jobs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.setting import rounds, swept
from netsim.scenario import Scenario
from netsim.sweeps.run import run_sweep

BASE = {"snrs": 6, "thresholds": 10, "seeds": 128, "tokens": 64}
#: Sizes along each axis; the others stay at `BASE`.
AXES = {"seeds": (64, 128, 256), "snrs": (3, 6, 12), "thresholds": (5, 10, 20), "tokens": (16, 32, 64)}


def measured(scenario: Scenario, clock: Callable[[], float], jobs: int = 1) -> float:
    """Seconds of a whole sweep, files included."""
    with tempfile.TemporaryDirectory() as folder:
        started = clock()
        report = run_sweep(scenario, Path(folder), jobs=jobs)
        seconds = clock() - started
    assert not report.failures
    return seconds


def slope_table() -> str:
    """Slopes of log(CPU seconds) over log(size); 1 is proportional."""
    lines = ["| axis | sizes | CPU seconds | slope |", "| --- | --- | --- | ---: |"]
    for axis, sizes in AXES.items():
        spent = [
            _growing(swept(**{**BASE, axis: size}), swept(**{**BASE, axis: size, "seeds": 8}))
            for size in sizes
        ]
        slope = np.polyfit(np.log(sizes), np.log(spent), 1)[0]
        numbers = ", ".join(map(str, sizes)), ", ".join(f"{seconds:.2f}" for seconds in spent)
        lines.append(f"| {axis} | {numbers[0]} | {numbers[1]} | {slope:.2f} |")
    return "\n".join(lines)


def _growing(scenario: Scenario, small: Scenario) -> float:
    """CPU seconds of a sweep whose paths are decided: a small one with the same policies goes before."""
    measured(small, time.process_time)
    return measured(scenario, time.process_time)


def job_table(seeds: int = 1000) -> str:
    """Wall time of one long sweep by jobs, and what the machine's processors can do at best."""
    scenario = swept(snrs=6, thresholds=21, seeds=seeds)
    lines = [
        f"A sweep of {rounds(scenario):,} rounds; beside it, plain loops that share nothing:",
        "",
        "| jobs | seconds | times one job | plain loops: times one |",
        "| ---: | ---: | ---: | ---: |",
    ]
    seconds: dict[int, float] = {}
    alone: dict[int, float] = {}
    for jobs in (1, 2):
        alone[jobs] = _plain_loops(jobs)
        seconds[jobs] = measured(scenario, time.perf_counter, jobs)
        gain, ceiling = seconds[1] / seconds[jobs], jobs * alone[1] / alone[jobs]
        lines.append(f"| {jobs} | {seconds[jobs]:.1f} | {gain:.2f} | {ceiling:.2f} |")
    return "\n".join(lines)


def _plain_loops(number: int) -> float:
    """Seconds until so many processes have each added up the same numbers."""
    command = [sys.executable, "-c", "total = 0\nfor number in range(30_000_000): total += number"]
    started = time.perf_counter()
    running = [subprocess.Popen(command) for _ in range(number)]
    for process in running:
        process.wait()
    return time.perf_counter() - started
