"""Compute in processes on this machine, none of which outlives the sweep."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from joblib.externals.loky import ProcessPoolExecutor

Task = TypeVar("Task")
Result = TypeVar("Result")

#: The work is compiled loops and small arrays: threads of a numeric library would only get in the way.
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)
SECONDS_BETWEEN_LOOKS = 1.0


def in_processes(
    work: Callable[[Task], Result], failed: Callable[[Task, str], Result], jobs: int, tasks: Iterable[Task]
) -> Generator[Result, None, None]:
    """Do tasks side by side; results come as they finish.

    What was under way when a process died is done again, one by one. A task that a process dies of once more has
    failed: it is the one to blame.

    Parameters
    ----------
    work : callable. Importable by name.
    failed : callable. The result of a task that failed, from the task and the reason.
    jobs : int. Processes.
    """
    waiting = iter(tasks)
    while lost := (yield from _until_one_dies(work, waiting, jobs)):
        for task in lost:
            for again in (yield from _until_one_dies(work, iter([task]), 1)):
                yield failed(again, "the process that computed it died, twice (killed, or out of memory?)")


def _until_one_dies(
    work: Callable[[Task], Result], waiting: Iterator[Task], jobs: int
) -> Generator[Result, None, list[Task]]:
    """Do tasks until there are none, or until a process dies; returns those that were under way then."""
    lost: list[Task] = []
    with _pool(jobs) as pool:
        sent = {_submit(pool, work, task): task for task in islice(waiting, 2 * jobs)}
        while sent:
            finished, _ = wait(sent, return_when=FIRST_COMPLETED)
            for future in finished:
                task = sent.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    lost.append(task)
                    continue
                yield result
                if not lost:
                    sent |= {_submit(pool, work, following): following for following in islice(waiting, 1)}
    return lost


def _submit(pool: Any, work: Callable[[Task], Result], task: Task) -> Future[Result]:
    try:
        submitted: Future[Result] = pool.submit(work, task)
    except BrokenProcessPool as error:
        submitted = Future()
        submitted.set_exception(error)
    return submitted


@contextmanager
def _pool(jobs: int) -> Iterator[Any]:
    pool = ProcessPoolExecutor(jobs, initializer=_begin, initargs=(os.getpid(),), env=ONE_THREAD)
    try:
        yield pool
    except BaseException:
        pool.shutdown(kill_workers=True)
        raise
    pool.shutdown()


def _begin(parent: int) -> None:
    # Ctrl-C reaches every process of a terminal: the parent alone says what that means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
