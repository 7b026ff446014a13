"""A sweep that is killed or interrupted goes on where it was, to the bytes of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trace_factory import make_trace

ROOT = Path(__file__).resolve().parents[3]
NUM_SEEDS, NUM_SNRS = 20, 4
#: One cell a chunk, so that there is always something under way; an interrupt counts also where the tests run as
#: a background job, whose children are born ignoring it.
SWEEP = """
import signal
import sys
from pathlib import Path
from netsim.sweeps import chunks
from netsim.cli import main
chunks.ROUNDS_PER_CHUNK["events"] = 1
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume")
    trace = make_trace(folder / "trace", prompts=4, num_tokens=12).folder
    path = folder / "sweep.yaml"
    path.write_text(f"""
name: resume
trace: {trace}
policy: {{name: hlm}}
payload: {{vocabulary_size: 32000}}
tokens: 12
seeds: {NUM_SEEDS}
sweep: {{channel.snr_db: [-5, 5, 15, 25]}}
""")
    return path


@pytest.fixture(scope="module")
def undisturbed(scenario: Path) -> bytes:
    out = scenario.parent / "undisturbed"
    with start(scenario, out) as sweep:
        assert sweep.wait(PATIENCE_S) == 0
    return (out / "results.parquet").read_bytes()


def start(scenario: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start ``netsim sweep`` in a group of its own, as a shell does."""
    arguments = ["sweep", str(scenario), "--out", str(out), "--engine", "events", "--jobs", "2", "-q"]
    command = [sys.executable, "-c", SWEEP, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE)


def finished(out: Path) -> int:
    return len(list((out / "chunks").glob("*.parquet")))


@pytest.mark.parametrize(
    ("how", "share"), [(signal.SIGKILL, 0.2), (signal.SIGKILL, 0.7), (signal.SIGINT, 0.4)]
)
def test_resumed_it_gives_the_bytes_of_one_that_was_not_disturbed(
    tmp_path: Path, scenario: Path, undisturbed: bytes, how: signal.Signals, share: float
) -> None:
    out, cells = tmp_path / "out", NUM_SEEDS * NUM_SNRS
    with start(scenario, out) as sweep:
        end = time.monotonic() + PATIENCE_S
        while finished(out) < share * cells:
            assert time.monotonic() < end
            time.sleep(0.001)
        os.killpg(sweep.pid, how)
        status = sweep.wait(PATIENCE_S)
    assert status == {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}[how]
    assert share * cells <= finished(out) < cells
    assert not (out / "results.parquet").exists()
    with start(scenario, out) as sweep:
        assert sweep.wait(PATIENCE_S) == 0
    assert (out / "results.parquet").read_bytes() == undisturbed
