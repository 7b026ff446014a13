"""How far a long command is: a bar on a terminal, plain lines otherwise, nothing if quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

#: Nobody waits for what takes no longer.
SHORT_S = 2.0
#: Tells that so many more items are done.
Advance = Callable[[int], None]


@contextmanager
def progress(label: str, total: int, *, quiet: bool) -> Iterator[Advance]:
    """Show the progress of ``total`` items on standard error.

    Parameters
    ----------
    label : str
        What is counted, e.g. ``cells``.
    """
    if quiet or total == 0:
        yield lambda _count: None
    elif sys.stderr.isatty():
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=total)
            yield lambda count: bar.advance(task, count)
    else:
        yield _Lines(label, total)


class _Lines:
    """One line for every further tenth, with the time left at the pace so far; none of what is over in a moment."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0
        self._start = time.monotonic()

    def __call__(self, count: int) -> None:
        before, self._done = self._done, self._done + count
        taken_s = time.monotonic() - self._start
        if taken_s < SHORT_S or 10 * before // self._total == 10 * self._done // self._total:
            return
        left_s = taken_s * (self._total - self._done) / self._done
        left = f", {timedelta(seconds=round(left_s))} left" if left_s else ""
        print(f"{self._label}: {self._done} of {self._total}{left}", file=sys.stderr, flush=True)  # noqa: T201
