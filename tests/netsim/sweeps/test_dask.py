"""A sweep on a Dask cluster: a scheduler and two workers as processes of their own, one of which dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import distributed
import pytest

from netsim.errors import InputError
from netsim.scenario import Scenario
from netsim.sweeps import chunks
from netsim.sweeps.run import run_sweep
from tests.trace_factory import make_trace

ROOT = Path(__file__).resolve().parents[3]
#: Long enough for a machine that does much else at the same time.
PATIENCE_S = 60.0
NUM_CHUNKS = 40 * 2 * 3 // 2


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """``dask`` with these arguments, ended with the block."""
    command = [sys.executable, "-m", "dask", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **quiet) as running:  # type: ignore[call-overload]
        try:
            yield running
        finally:
            running.kill()


def wait_for(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    trace = make_trace(tmp_path / "trace", prompts=2, num_tokens=8).folder
    content = {
        "name": "cluster",
        "trace": str(trace),
        "policy": {"name": "hlm"},
        "tokens": 8,
        "seeds": 40,
        "sweep": {"policy": [{"name": "hlm"}, {"name": "slm"}], "channel.snr_db": [0.0, 10.0, 20.0]},
    }
    return Scenario.model_validate(content)


def test_a_cluster_gives_the_bytes_of_one_process_also_if_a_worker_is_killed(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two cells a chunk.
    monkeypatch.setitem(chunks.ROUNDS_PER_CHUNK, "events", 2 * 2 * 8)
    run_sweep(scenario, tmp_path / "alone", engine="events")
    address = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        scheduler = "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(address)
        stack.enter_context(process("scheduler", *scheduler))
        wait_for(address.exists)
        worker = "worker", "--scheduler-file", str(address), "--nthreads", "1", "--no-nanny", "--no-dashboard"
        workers = [stack.enter_context(process(*worker)) for _ in range(2)]
        tcp = wait_for_workers(address, 2)
        finished = tmp_path / "cluster" / "chunks"
        sweep = threading.Thread(
            daemon=True,
            target=run_sweep,
            args=(scenario, tmp_path / "cluster"),
            kwargs={"engine": "events", "backend": "dask", "scheduler": tcp},
        )
        sweep.start()
        wait_for(lambda: finished.is_dir() and len(list(finished.glob("*.parquet"))) >= 5)
        workers[0].kill()
        # It is killed in the middle: the other one does the rest.
        assert len(list(finished.glob("*.parquet"))) < NUM_CHUNKS
        sweep.join(PATIENCE_S)
        assert not sweep.is_alive()
        assert workers[1].poll() is None
    assert len(list(finished.glob("*.parquet"))) == NUM_CHUNKS
    results = [(tmp_path / name / "results.parquet").read_bytes() for name in ("alone", "cluster")]
    assert results[0] == results[1]


def wait_for_workers(address: Path, number: int) -> str:
    with distributed.Client(scheduler_file=str(address)) as client:  # type: ignore[no-untyped-call]  # it has no types
        client.wait_for_workers(number, timeout=PATIENCE_S)
        return str(client.scheduler.address)


def test_a_scheduler_that_does_not_answer_is_bad_input(tmp_path: Path, scenario: Scenario) -> None:
    with pytest.raises(InputError, match=r"no answer from 'tcp://127.0.0.1:1'"):
        run_sweep(scenario, tmp_path / "out", backend="dask", scheduler="tcp://127.0.0.1:1")
