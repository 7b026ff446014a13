"""``python -m benchmarks``: tables in Markdown, on standard output."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from pathlib import Path

from benchmarks.engines import engine_table
from benchmarks.floors import floor_table
from benchmarks.kill import kill_table
from benchmarks.large import large_table
from benchmarks.network import network_table
from benchmarks.peers import peer_table
from benchmarks.replay import replay_table
from benchmarks.scaling import job_table, slope_table

TABLES: dict[str, Callable[[], str]] = {
    "engines": engine_table,
    "floors": floor_table,
    "slopes": slope_table,
    "jobs": job_table,
    "large": large_table,
    "kill": kill_table,
    "network": network_table,
    "replay": replay_table,
    "peers": peer_table,
}


def processor() -> str:
    """Model of the processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(
        description="Speed of the simulator. Close other programs first: jobs, large, kill and replay are wall time.",
        epilog="example: python -m benchmarks engines large",
    )
    parser.add_argument(
        "tables", nargs="*", choices=[*TABLES, []], help=f"default: all of {', '.join(TABLES)}"
    )
    wanted = parser.parse_args().tables or list(TABLES)
    print(f"{processor()}, {platform.system()}, Python {platform.python_version()}")
    for name in wanted:
        print(f"\n## {name}\n\n{TABLES[name]()}", flush=True)


main()
