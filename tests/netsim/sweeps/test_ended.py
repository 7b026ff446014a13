"""However a sweep ends, it says so in a line, names what is kept, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trace_factory import make_trace

ROOT = Path(__file__).resolve().parents[3]
#: One cell a chunk, so that there is always something under way; a cell of one seed ends its process, where told.
SWEEP = """
import os, signal, sys
from netsim.sweeps import chunks
from netsim.cli import main
chunks.ROUNDS_PER_CHUNK["events"] = 1
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ended")
    trace = make_trace(folder / "trace", prompts=4, num_tokens=12).folder
    path = folder / "sweep.yaml"
    path.write_text(f"""
name: ended
trace: {trace}
policy: {{name: hlm}}
payload: {{vocabulary_size: 32000}}
tokens: 12
seeds: 1000
sweep: {{channel.snr_db: [-5, 5]}}
""")
    return path


def start(scenario: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    arguments = ["sweep", str(scenario), "--out", str(out), "--engine", "events", "-q", *more]
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def finished(out: Path) -> int:
    return len(list((out / "chunks").glob("*.parquet")))


def children_of_session(leader: int) -> set[int]:
    """Processes of a session, less its leader."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            session = int((path / "stat").read_text().rpartition(")")[2].split()[3])
        except (OSError, IndexError, ValueError):
            continue
        if session == leader and int(path.name) != leader:
            found.add(int(path.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")


@needs_proc
@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        (signal.SIGINT, 130, "netsim: interrupted; finished cells are kept in "),
        (signal.SIGTERM, 143, "netsim: ended by SIGTERM; finished cells and groups are kept"),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
def test_no_process_outlives_a_sweep(
    tmp_path: Path, scenario: Path, how: signal.Signals, status: int, said: str
) -> None:
    out = tmp_path / "out"
    with start(scenario, out, "--jobs", "2") as sweep:
        wait_for(lambda: finished(out) > 2)
        assert len(children_of_session(sweep.pid)) >= 2
        # As an interrupt does, and a scheduler doesn't: to the whole group, or to the process alone.
        (os.killpg if how == signal.SIGINT else os.kill)(sweep.pid, how)
        assert sweep.wait(PATIENCE_S) == status
        wait_for(lambda: not children_of_session(sweep.pid))
        assert sweep.stderr is not None
        lines = sweep.stderr.read().splitlines()
    # The tracker of a killed process's semaphores may add a line of its own.
    assert [line[: len(said)] for line in lines if line.startswith("netsim:")] == ([said] if said else [])
    assert not any("Traceback" in line for line in lines)
    assert finished(out) > 2
    assert not (out / "results.parquet").exists()


@needs_proc
def test_the_work_of_a_killed_process_is_done_by_another(tmp_path: Path, scenario: Path) -> None:
    out = tmp_path / "out"
    with start(scenario, out, "--jobs", "2", "--set", "seeds=60") as sweep:
        wait_for(lambda: finished(out) > 2)
        workers = [pid for pid in children_of_session(sweep.pid) if b"popen_loky" in command_of(pid)]
        os.kill(workers[0], signal.SIGKILL)
        assert sweep.wait(PATIENCE_S) == 0
    assert finished(out) == 2 * 60


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_an_interrupt_during_the_imports_is_one_line(tmp_path: Path) -> None:
    # A package whose import interrupts itself stands for any moment of the imports.
    (tmp_path / "simpy.py").write_text("import signal; signal.raise_signal(signal.SIGINT)\n")
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.argv = ['netsim', 'schema']\nfrom netsim.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        130,
        "netsim: interrupted; nothing was written, the same command begins anew\n",
    )
