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
from dataclasses import dataclass
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


@pytest.fixture
def two_cells_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(chunks.ROUNDS_PER_CHUNK, "events", 2 * 2 * 8)


@dataclass
class Cluster:
    """A scheduler and workers as processes of their own, which end with the stack."""

    stack: ExitStack
    folder: Path

    def __post_init__(self) -> None:
        self._address = self.folder / "scheduler.json"
        options = "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", self._address
        self.scheduler = self.stack.enter_context(process("scheduler", *map(str, options)))
        wait_for(self._address.exists)

    def worker(self) -> subprocess.Popen[bytes]:
        """Start one more."""
        options = "--scheduler-file", self._address, "--nthreads", "1", "--no-nanny", "--no-dashboard"
        return self.stack.enter_context(process("worker", *map(str, options)))

    def sweep(self, scenario: Scenario, out: Path, workers: int, failed: list[str]) -> threading.Thread:
        """Start a sweep once so many workers are there, and wait until it is under way; what ends it is noted."""
        with distributed.Client(scheduler_file=str(self._address)) as client:  # type: ignore[no-untyped-call]  # it has no types
            client.wait_for_workers(workers, timeout=PATIENCE_S)
            tcp = str(client.scheduler.address)

        def run() -> None:
            try:
                run_sweep(scenario, out, engine="events", backend="dask", scheduler=tcp)
            except RuntimeError as error:
                failed.append(str(error))

        running = threading.Thread(daemon=True, target=run)
        running.start()
        wait_for(lambda: finished(out) >= 5)
        return running


def finished(out: Path) -> int:
    """Chunks that are there."""
    return len(list((out / "chunks").glob("*.parquet")))


# Whether the loss is said depends on how soon the sweep is over.
@pytest.mark.filterwarnings("ignore::netsim.sweeps.cluster.ClusterWarning")
@pytest.mark.usefixtures("two_cells_a_chunk")
def test_a_cluster_gives_the_bytes_of_one_process_also_if_a_worker_is_killed(
    tmp_path: Path, scenario: Scenario
) -> None:
    run_sweep(scenario, tmp_path / "alone", engine="events")
    out, failed = tmp_path / "cluster", list[str]()
    with ExitStack() as stack:
        cluster_of = Cluster(stack, tmp_path)
        workers = [cluster_of.worker() for _ in range(2)]
        sweep = cluster_of.sweep(scenario, out, 2, failed)
        workers[0].kill()
        # It is killed in the middle: the other one does the rest.
        assert finished(out) < NUM_CHUNKS
        sweep.join(PATIENCE_S)
        assert not sweep.is_alive()
        assert workers[1].poll() is None
    assert (failed, finished(out)) == ([], NUM_CHUNKS)
    results = [(tmp_path / name / "results.parquet").read_bytes() for name in ("alone", "cluster")]
    assert results[0] == results[1]


@pytest.mark.usefixtures("two_cells_a_chunk")
def test_a_scheduler_that_dies_is_said_and_what_is_finished_is_kept(
    tmp_path: Path, scenario: Scenario
) -> None:
    out, failed = tmp_path / "out", list[str]()
    with ExitStack() as stack:
        cluster_of = Cluster(stack, tmp_path)
        cluster_of.worker()
        sweep = cluster_of.sweep(scenario, out, 1, failed)
        cluster_of.scheduler.kill()
        sweep.join(PATIENCE_S)
        assert not sweep.is_alive()
    gone = (
        "the scheduler of the cluster is gone; finished cells are kept, the same command goes on from there"
    )
    assert failed == [gone]
    kept = finished(out)
    assert 5 <= kept < NUM_CHUNKS
    again = run_sweep(scenario, out, engine="events")
    assert (again.reused, again.rows) == (2 * kept, 2 * NUM_CHUNKS)


@pytest.mark.usefixtures("two_cells_a_chunk")
def test_workers_that_die_are_missed_and_others_may_take_their_place(
    tmp_path: Path, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LOOK_S", 0.2)
    out, failed = tmp_path / "out", list[str]()
    with ExitStack() as stack:
        cluster_of = Cluster(stack, tmp_path)
        first = cluster_of.worker()
        caught = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always", cluster.ClusterWarning)
        sweep = cluster_of.sweep(scenario, out, 1, failed)
        first.kill()
        wait_for(lambda: any(issubclass(one.category, cluster.ClusterWarning) for one in caught))
        assert finished(out) < NUM_CHUNKS
        cluster_of.worker()
        sweep.join(PATIENCE_S)
        assert not sweep.is_alive()
    said = [str(one.message) for one in caught if issubclass(one.category, cluster.ClusterWarning)]
    assert said == ["cluster: no worker is left; the sweep waits until one joins, and keeps what is finished"]
    assert (failed, finished(out)) == ([], NUM_CHUNKS)


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
