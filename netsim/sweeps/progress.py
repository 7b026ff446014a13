"""How far a long command is: a bar on a terminal, plain lines otherwise, nothing if quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

#: Nobody waits for what takes no longer.
SHORT_S = 2.0
#: After so long without a line, one is due.
LONG_S = 30.0
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
        from rich.console import Console  # noqa: PLC0415  (of no use without a terminal)
        from rich.progress import (  # noqa: PLC0415  (as above)
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=total)
            yield lambda count: bar.advance(task, count)
    else:
        yield _Lines(label, total)


class _Lines:
    """Plain lines with the time left at the pace so far: the first after `SHORT_S`, then every tenth, or `LONG_S`."""

    def __init__(self, label: str, total: int, now: Callable[[], float] = time.monotonic) -> None:
        self._label, self._total, self._done, self._now = label, total, 0, now
        self._start, self._tenths, self._said = now(), 0, float("-inf")

    def __call__(self, count: int) -> None:
        self._done += count
        now, tenths = self._now(), 10 * self._done // self._total
        taken_s = now - self._start
        if taken_s < SHORT_S or (tenths == self._tenths and now - self._said < LONG_S):
            return
        self._tenths, self._said = tenths, now
        left_s = taken_s * (self._total - self._done) / self._done
        left = f", {timedelta(seconds=round(left_s))} left" if self._done < self._total else ""
        print(f"{self._label}: {self._done} of {self._total}{left}", file=sys.stderr, flush=True)  # noqa: T201  (for whoever waits)
