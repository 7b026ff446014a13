"""How far a long command is: a bar on a terminal, plain lines otherwise, nothing if quiet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
    """One line for every further tenth."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0

    def __call__(self, count: int) -> None:
        before, self._done = self._done, self._done + count
        if 10 * before // self._total < 10 * self._done // self._total:
            print(f"{self._label}: {self._done} of {self._total}", file=sys.stderr, flush=True)  # noqa: T201
