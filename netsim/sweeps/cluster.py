"""Compute on a Dask cluster, whose workers come and go as they like: the sweep says so when they go."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from netsim.errors import Fault, InputError

Task = TypeVar("Task")
Result = TypeVar("Result")

#: Tasks that a cluster is handed at once, at least: workers may still join.
AT_ONCE = 64
#: Between looks at who is there.
LOOK_S = 10.0


class ClusterWarning(UserWarning):
    """A cluster that has fewer workers than it had."""


@contextmanager
def connected(scheduler: str) -> Iterator[Any]:
    """Take a client of the cluster.

    Raises
    ------
    InputError
        If the scheduler can't be reached, or Dask is not installed.
    """
    try:
        from distributed import Client  # noqa: PLC0415  (an optional extra)
    except ImportError:
        text = "needs the extra 'dask': pip install -e '.[dask]'"
        raise InputError([Fault("--backend dask", "", text)]) from None
    try:
        client = Client(scheduler, timeout="5s")  # type: ignore[no-untyped-call]  # (Dask has no types)
    except (OSError, ValueError) as error:
        raise InputError([Fault("--scheduler", "", f"no answer from {scheduler!r}: {error}")]) from None
    # It logs with its traceback what is said in a line here: that the scheduler is gone.
    log = logging.getLogger("distributed.client")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with client:
            yield client
    finally:
        log.setLevel(level)


def on_cluster(
    work: Callable[[Task], Result], failed: Callable[[Task, str], Result], client: Any, tasks: Iterable[Task]
) -> Generator[Result, None, None]:
    """Keep every worker busy without handing over all tasks at once; results come as they finish.

    What a worker had is done again by another one if it dies; a task that several died of has failed.

    Parameters
    ----------
    work : callable. Importable by name.
    failed : callable. The result of a task that failed, from the task and the reason.
    client : from `connected`.

    Raises
    ------
    RuntimeError
        If the scheduler is gone.
    """
    from distributed import (  # noqa: PLC0415  (an optional extra)
        CancelledError,
        KilledWorker,
        TimeoutError,  # noqa: A004  (Dask's, which is Python's in some versions alone)
        wait,
    )
    from distributed.comm.core import CommClosedError  # noqa: PLC0415  (as above)

    waiting = iter(tasks)
    at_once = max(AT_ONCE, 2 * sum(client.ncores().values()))
    watch = _Watch(client)
    sent = {client.submit(work, task, pure=False): task for task in islice(waiting, at_once)}
    while sent:
        try:
            watch.look()
            done = wait(list(sent), timeout=LOOK_S, return_when="FIRST_COMPLETED").done  # type: ignore[no-untyped-call]  # (as above)
        except TimeoutError:
            continue
        except (CancelledError, OSError) as error:
            raise _gone() from error
        for future in done:
            try:
                result = future.result(timeout=LOOK_S)
            except KilledWorker as error:
                result = failed(sent[future], f"{type(error).__name__}: the workers that computed it died")
            except (CancelledError, CommClosedError) as error:
                raise _gone() from error
            except TimeoutError:
                break  # its worker died before it was fetched, and nobody has computed it again yet
            del sent[future]
            for following in islice(waiting, 1):
                sent[client.submit(work, following, pure=False)] = following
            yield result


def _gone() -> RuntimeError:
    return RuntimeError(
        "the scheduler of the cluster is gone; finished cells are kept, the same command goes on from there"
    )


class _Watch:
    """Says when workers are lost, at most once in `LOOK_S`."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._looked_s = time.monotonic()
        self._workers = len(client.ncores())

    def look(self) -> None:
        """Look, if it is time again."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return
        self._looked_s = time.monotonic()
        workers = len(self._client.ncores())
        if workers < self._workers:
            left = f"{workers} of {self._workers} workers are left" if workers else "no worker is left"
            rest = "" if workers else "; the sweep waits until one joins, and keeps what is finished"
            warnings.warn(f"cluster: {left}{rest}", ClusterWarning, stacklevel=2)
        self._workers = workers
