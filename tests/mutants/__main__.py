"""``python -m tests.mutants``: plant errors in a sample of lines, and see whether the tests of their room notice.

The tree is copied, and the error is planted in the copy. A mutant is killed where a test fails or runs out of time. Tests
far from the module (of sweeps, say) are not asked, so that what survives here may be noticed there. Survivors that
change nothing that could be noticed are explained in ``tests/mutants/README.md``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.plant import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
#: Folders whose modules are mutated, each with the tests that have to notice.
ROOMS: dict[str, tuple[str, ...]] = {
    "channels": ("tests/channels",),
    "traces/format": ("tests/traces",),
    "traces/speculative": ("tests/traces", "tests/netsim/deciding"),
    "netsim/costs": (
        "tests/netsim/costs",
        "tests/netsim/results/test_rows.py",
        "tests/netsim/deciding/test_overlap.py",
    ),
    "netsim/engines": ("tests/netsim/engines",),
    "netsim/results": (
        "tests/netsim/results",
        "tests/netsim/deciding/test_overlap.py",
        "tests/netsim/engines/test_network.py",
        "tests/netsim/engines/test_network_laws.py",
    ),
}
#: Tests that take long: asked last, and only of mutants that all others let live.
SLOW = (
    "tests/netsim/results/test_coverage.py", "tests/netsim/engines/test_closed_network.py",
    "tests/netsim/engines/test_queueing.py", "tests/netsim/engines/test_independent.py",
)  # fmt: skip
#: Seconds of the processor for the tests of one mutant, and of the clock, for one that waits: an endless loop was noticed.
LIMIT_S, WAIT_S = 600, 7200
#: What every test imports, loaded once and not for each mutant.
HEAVY = ("numba", "numpy", "pandas", "pyarrow.parquet", "pytest", "scipy.stats", "simpy")


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


def tests_of(path: Path) -> tuple[list[str], list[str]]:
    """Arguments of pytest for a module of a room: its own tests and then its room's, and the slow ones of them."""
    room = max((room for room in ROOMS if path.is_relative_to(room)), key=len)
    own = f"tests/{path.parent}/test_{path.stem}.py"
    first = [own] if (ROOT / own).exists() and own not in SLOW else []
    slow = [test for test in SLOW if any(Path(test).is_relative_to(place) for place in ROOMS[room])]
    return [*first, *ROOMS[room], *(f"--ignore={test}" for test in slow)], slow


def passes(copy: Path, tests: list[str], cache: Path) -> bool:
    """Whether tests pass in the copy, in a process of their own that inherits the loaded libraries.

    ``cache`` holds compiled code.
    """
    child = os.fork()
    if not child:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
        os.chdir(copy)
        importlib.import_module("numba").config.CACHE_DIR = str(cache)
        # pytest rewrites what it finds, this module among it.
        sys.path.insert(0, str(copy))
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        os._exit(int(importlib.import_module("pytest").main(["-x", "-q", "-p", "no:cacheprovider", *tests])))
    try:
        return _exit_code(child) == 0
    except BaseException:
        os.killpg(child, signal.SIGKILL)
        raise


def _exit_code(child: int) -> int:
    """The exit code of a process, of one that takes too long that of its killing."""
    deadline = time.monotonic() + WAIT_S
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.05)


def survives(copy: Path, path: Path, mutant: Mutant) -> bool:
    """Whether no test of its room notices."""
    target = copy / path
    whole = target.read_text(encoding="utf-8")
    target.write_text(mutant.text, encoding="utf-8")
    quick, slow = tests_of(path)
    # Compiled code holds what it calls in other modules, and its cache does not see that those have changed.
    cache = copy.parent / ("compiled-alone" if "njit" in whole else "compiled")
    try:
        return passes(copy, quick, cache) and (not slow or passes(copy, slow, cache))
    finally:
        shutil.rmtree(copy.parent / "compiled-alone", ignore_errors=True)
        target.write_text(whole, encoding="utf-8")


def check_whole(copy: Path, paths: Iterable[Path]) -> None:
    """End where tests fail without a planted error: they would notice everything."""
    for tests in sorted({test for path in paths for test in tests_of(path)[0] if not test.startswith("-")}):
        if not passes(copy, [tests, *(f"--ignore={slow}" for slow in SLOW)], copy.parent / "compiled"):
            sys.exit(f"fails without a planted error: pytest {tests}")


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
        # What the repository holds, and nothing that was made here.
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607  (the git of the path)
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.split("\0")  # fmt: skip
        for name in filter(None, names):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
        os.environ["OMP_NUM_THREADS"] = "1"
        for name in HEAVY:
            importlib.import_module(name)
        check_whole(copy, {path for path, _ in chosen})
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
