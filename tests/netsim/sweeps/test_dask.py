"""A sweep on a Dask cluster: a scheduler and two workers as processes of their own, one of which dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import distributed
import pytest

from netsim.errors import InputError
from netsim.scenario import Scenario
from netsim.sweeps import chunks, cluster
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


# Whether the loss is said depends on how soon the sweep is over.
@pytest.mark.filterwarnings("ignore::netsim.sweeps.cluster.ClusterWarning")
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


def test_a_scheduler_that_dies_is_said_and_what_is_finished_is_kept(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(chunks.ROUNDS_PER_CHUNK, "events", 2 * 2 * 8)
    address, ended = tmp_path / "scheduler.json", list[str]()
    finished = tmp_path / "out" / "chunks"

    def sweep(tcp: str) -> None:
        try:
            run_sweep(scenario, tmp_path / "out", engine="events", backend="dask", scheduler=tcp)
        except RuntimeError as error:
            ended.append(str(error))

    with ExitStack() as stack:
        options = "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(address)
        scheduler = stack.enter_context(process("scheduler", *options))
        wait_for(address.exists)
        worker = "worker", "--scheduler-file", str(address), "--nthreads", "1", "--no-nanny", "--no-dashboard"
        stack.enter_context(process(*worker))
        running = threading.Thread(daemon=True, target=sweep, args=[wait_for_workers(address, 1)])
        running.start()
        wait_for(lambda: finished.is_dir() and len(list(finished.glob("*.parquet"))) >= 3)
        scheduler.kill()
        running.join(PATIENCE_S)
        assert not running.is_alive()
    [said] = ended
    assert said == (
        "the scheduler of the cluster is gone; finished cells are kept, the same command goes on from there"
    )
    kept = len(list(finished.glob("*.parquet")))
    assert 3 <= kept < NUM_CHUNKS
    again = run_sweep(scenario, tmp_path / "out", engine="events")
    assert (again.reused, again.rows) == (2 * kept, 2 * NUM_CHUNKS)


def test_workers_that_die_are_missed_and_others_may_take_their_place(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(chunks.ROUNDS_PER_CHUNK, "events", 2 * 2 * 8)
    monkeypatch.setattr(cluster, "LOOK_S", 0.2)
    address = tmp_path / "scheduler.json"
    finished = tmp_path / "out" / "chunks"
    with ExitStack() as stack:
        options = "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(address)
        stack.enter_context(process("scheduler", *options))
        wait_for(address.exists)
        worker = "worker", "--scheduler-file", str(address), "--nthreads", "1", "--no-nanny", "--no-dashboard"
        first = stack.enter_context(process(*worker))
        tcp = wait_for_workers(address, 1)
        caught = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always", cluster.ClusterWarning)
        running = threading.Thread(
            daemon=True,
            target=run_sweep,
            args=(scenario, tmp_path / "out"),
            kwargs={"engine": "events", "backend": "dask", "scheduler": tcp},
        )
        running.start()
        wait_for(lambda: finished.is_dir() and len(list(finished.glob("*.parquet"))) >= 3)
        first.kill()
        wait_for(lambda: any(issubclass(one.category, cluster.ClusterWarning) for one in caught))
        assert len(list(finished.glob("*.parquet"))) < NUM_CHUNKS
        stack.enter_context(process(*worker))
        running.join(PATIENCE_S)
        assert not running.is_alive()
    said = [str(one.message) for one in caught if issubclass(one.category, cluster.ClusterWarning)]
    assert said == ["cluster: no worker is left; the sweep waits until one joins, and keeps what is finished"]
    assert len(list(finished.glob("*.parquet"))) == NUM_CHUNKS


def test_a_cluster_may_grow_from_nothing(tmp_path: Path, scenario: Scenario) -> None:
    """Adaptive: workers are started when there is work, and none before."""
    options = {"n_workers": 0, "processes": False, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as own:  # type: ignore[no-untyped-call]  # it has no types
        own.adapt(minimum=0, maximum=1, interval="100 ms")
        report = run_sweep(scenario, tmp_path / "out", backend="dask", scheduler=own.scheduler_address)
    assert (report.rows, report.failures) == (2 * NUM_CHUNKS, ())


def test_a_scheduler_that_does_not_answer_is_bad_input(tmp_path: Path, scenario: Scenario) -> None:
    with pytest.raises(InputError, match=r"no answer from 'tcp://127.0.0.1:1'"):
        run_sweep(scenario, tmp_path / "out", backend="dask", scheduler="tcp://127.0.0.1:1")
