"""Kill a sweep at shares of its time and resume it: the bytes must be those of one that ran through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.setting import swept

SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)


def kill_table(seeds: int = 44) -> str:
    """What was there after each kill, and whether the resumed results are the same bytes."""
    lines = ["| killed at | chunks on disk | resumed in | same bytes |", "| ---: | ---: | ---: | --- |"]
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "kill.yaml"
        scenario.write_text(swept(snrs=13, thresholds=6, seeds=seeds).resolved_yaml())
        undisturbed = Path(folder) / "undisturbed"
        seconds = _run(scenario, undisturbed)
        expected = (undisturbed / "results.parquet").read_bytes()
        chunks = _chunks(undisturbed)
        for share in SHARES:
            out = Path(folder) / f"{share}"
            with _start(scenario, out) as sweep:
                time.sleep(share * seconds)
                os.killpg(sweep.pid, signal.SIGKILL)
            there = _chunks(out)
            resumed = _run(scenario, out)
            same = (out / "results.parquet").read_bytes() == expected
            lines.append(
                f"| {share:.0%} of {seconds:.0f} s | {there} of {chunks} | {resumed:.0f} s | {same} |"
            )
    return "\n".join(lines)


def _start(scenario: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "netsim", "sweep", str(scenario), "--out", str(out)]
    # The event engine, since the other one would be done before it could be killed.
    return subprocess.Popen(
        [*command, "--engine", "events", "--jobs", "2", "--quiet"], start_new_session=True
    )


def _run(scenario: Path, out: Path) -> float:
    started = time.perf_counter()
    with _start(scenario, out) as sweep:
        assert sweep.wait() == 0
    return time.perf_counter() - started


def _chunks(out: Path) -> int:
    return len(list((out / "chunks").glob("*.parquet")))
