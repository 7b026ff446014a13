"""Record groups in several processes, each with its own copy of the pair."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from models.ledger import model_spec
from models.pair import Pair, load_pair
from models.record import Job, Runner, record_group
from traces.format.manifest import Shard, TraceError


@dataclass(frozen=True)
class PairSource:
    """How to load a pair: arguments of ``load_pair``, and processor threads per process."""

    slm: str | Path
    llm: str | Path
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1

    def load(self) -> Pair:
        """Load the pair and set the number of threads: bytes of a recording depend on it."""
        torch.set_num_threads(self.threads)
        return load_pair(self.slm, self.llm, self.dtype, self.device)


def run_in_processes(source: PairSource, num_processes: int) -> Runner:
    """A runner with that many processes; groups are independent, so the bytes are those of one process."""
    return partial(_run, source, num_processes)


def _run(source: PairSource, num_processes: int, jobs: Sequence[Job]) -> Iterator[Shard]:
    # Spawned, not forked: a fork of a process that has used torch's threads can hang.
    pool = ProcessPoolExecutor(
        min(num_processes, max(1, len(jobs))), multiprocessing.get_context("spawn"), _begin, (source,)
    )
    try:
        for future in as_completed([pool.submit(_record, job) for job in jobs]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


_pair: Pair
_weights: tuple[str, str]


def _begin(source: PairSource) -> None:
    global _pair, _weights  # noqa: PLW0603 - what a pool's initializer makes has nowhere else to live
    # Ctrl-C reaches every process of a terminal: the parent alone says what that means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    _pair = source.load()
    _weights = model_spec(_pair.slm).digest, model_spec(_pair.llm).digest


def _record(job: Job) -> Shard:
    if job.weights != _weights:
        raise TraceError(f"{job.folder}: the models' files have changed since the recording began")
    return record_group(_pair, job)


def _end_with_parent() -> None:
    """End this process when its parent is killed, rather than wait for work forever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
