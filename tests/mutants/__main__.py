"""``python -m tests.mutants``: plant errors in a sample of lines, and see whether the tests of their room notice.

The tree is copied, and the error is planted in the copy. A mutant is killed where a test fails or runs out of time. Tests
far from the module (of sweeps, say) are not asked, so that what survives here may be noticed there. Survivors that
change nothing that could be noticed are explained in ``tests/mutants/README.md``.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutants.plant import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
#: Folders whose modules are mutated, each with the tests that have to notice.
ROOMS: dict[str, tuple[str, ...]] = {
    "channels": ("tests/channels",),
    "traces/format": ("tests/traces",),
    "traces/speculative": ("tests/traces", "tests/netsim/deciding"),
    "netsim/costs": ("tests/netsim/costs", "tests/netsim/results/test_rows.py"),
    "netsim/engines": ("tests/netsim/engines",),
    "netsim/results": ("tests/netsim/results", "tests/netsim/engines/test_network.py"),
}
#: Tests that take long and look at one thing that others look at as well.
SLOW = ("tests/netsim/results/test_coverage.py",)
#: Seconds for the tests of one mutant; an endless loop is an error that was noticed.
LIMIT_S = 600


def sample(count: int, seed: int, only: str) -> list[tuple[Path, Mutant]]:
    """Some of all mutants, drawn evenly."""
    every = [
        (path.relative_to(ROOT), mutant)
        for room in ROOMS
        for path in sorted((ROOT / room).glob("*.py"))
        if only in str(path)
        for mutant in mutants(path.read_text(encoding="utf-8"))
    ]
    return random.Random(seed).sample(every, min(count, len(every)))


def survives(copy: Path, path: Path, mutant: Mutant) -> bool:
    """Whether no test of its room notices."""
    room = max((room for room in ROOMS if path.is_relative_to(room)), key=len)
    own = [f"tests/{path.parent}/test_{path.stem}.py"]
    tests = [test for test in own if (copy / test).exists()] + list(ROOMS[room])
    target = copy / path
    whole = target.read_text(encoding="utf-8")
    target.write_text(mutant.text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    command += [f"--ignore={test}" for test in SLOW]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    finally:
        target.write_text(whole, encoding="utf-8")
    return done.returncode == 0


def main() -> None:
    """Command line: ``--count N --seed N --only TEXT``; exit 1 if more than a tenth survives."""
    parser = argparse.ArgumentParser(description="Plant errors and see whether a test notices.")
    parser.add_argument("--count", type=int, default=40, help="how many (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="which (default: 0)")
    parser.add_argument("--only", default="", help="only modules whose path holds this")
    options = parser.parse_args()
    chosen = sample(options.count, options.seed, options.only)
    alive = []
    with tempfile.TemporaryDirectory(prefix="netsim-mutants-") as folder:
        copy = Path(folder) / "copy"
        skipped = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "results")
        shutil.copytree(ROOT, copy, ignore=skipped)
        os.environ["OMP_NUM_THREADS"] = "1"
        for path, mutant in chosen:
            lives = survives(copy, path, mutant)
            alive += [(path, mutant)] if lives else []
            verdict = "SURVIVES" if lives else "killed"
            sys.stdout.write(f"{verdict:8} {path}:{mutant.line}: {mutant.before} -> {mutant.after}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(alive)} of {len(chosen)} survive\n")
    sys.exit(10 * len(alive) > len(chosen))


if __name__ == "__main__":
    main()
