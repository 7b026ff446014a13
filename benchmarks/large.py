"""A sweep of a paper's size: 13 SNRs x 21 thresholds x 1 000 seeds x 32 prompts x 64 tokens."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.setting import SNRS_DB, THRESHOLDS, rounds, swept

MEBIBYTE = 2**20


def large_table(jobs: int = 2, seeds: int = 1000) -> str:
    """Wall time, rate and memory at both bandwidths."""
    lines = [
        "| bandwidth | rounds | jobs | seconds | rounds/s | peak memory, all processes |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for bandwidth_hz in (1e7, 1e6):
        scenario = swept(
            snrs=len(SNRS_DB), thresholds=len(THRESHOLDS), seeds=seeds, bandwidth_hz=bandwidth_hz
        )
        count = rounds(scenario)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "large.yaml"
            path.write_text(scenario.resolved_yaml())
            command = [sys.executable, "-m", "netsim", "sweep", str(path), "--jobs", str(jobs), "--quiet"]
            # Two runs: reading what processes hold takes a tenth of the time that is to be measured.
            started = time.perf_counter()
            subprocess.run([*command, "--out", f"{folder}/timed"], check=True)
            seconds = time.perf_counter() - started
            peak = most_memory([*command, "--out", f"{folder}/watched"])
        row = (
            f"{bandwidth_hz / 1e6:.0f} MHz",
            f"{count:,}",
            str(jobs),
            f"{seconds:.0f}",
            f"{count / seconds:,.0f}",
        )
        lines.append(f"| {' | '.join(row)} | {peak / MEBIBYTE:.0f} MiB |")
    return "\n".join(lines)


def most_memory(command: list[str]) -> int:
    """Bytes that a command and its children held together at most (Linux).

    That is the proportional set size: a page that several processes share is shared out between them.
    """
    peak = 0
    with subprocess.Popen(command) as running:
        while running.poll() is None:
            peak = max(peak, sum(map(_proportional_bytes, _family(running.pid))))
            time.sleep(0.25)
    assert running.returncode == 0
    return peak


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(child))]


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
