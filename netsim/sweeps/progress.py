"""How far a long command is: a bar on a terminal, plain lines otherwise, nothing if quiet."""

from __future__ import annotations

import math
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
def progress(label: str, total: int, *, quiet: bool, about_s: float = 0.0) -> Iterator[Advance]:
    """Show the progress of ``total`` items on standard error.

    Parameters
    ----------
    label : str
        What is counted, e.g. ``cells``.
    about_s : float
        What all of it takes one processor, about; said first where that is long.
    """
    if about_s > SHORT_S and total and not quiet:
        _say(f"{label}: {total}, {about(about_s)} of one processor")
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
        _say(f"{self._label}: {self._done} of {self._total}{left}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  (for whoever waits)


def about(seconds: float) -> str:
    """A time to one or two digits, in the unit in which it is read best.

    Examples
    --------
    >>> [about(seconds) for seconds in (0.2, 1.7, 89.0, 5000.0, 4e5, 1e9)]
    ['about 1 s', 'about 2 s', 'about 89 s', 'about 83 min', 'about 110 h', 'about 12000 days']
    """
    units = (("s", 1, 100), ("min", 60, 100), ("h", 3600, 120), ("days", 86400, math.inf))
    unit, size, _ = next(of for of in units if seconds < of[1] * of[2])
    # To two digits: what is estimated is not known better.
    return f"about {float(f'{max(1, round(seconds / size)):.2g}'):.0f} {unit}"
