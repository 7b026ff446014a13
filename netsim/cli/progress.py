"""How far a long command is, on a terminal as a bar or else as plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 5.0

#: Shows a state: what is done, its share of the whole command in [0, 1], and seconds left (None: not known).
Show = Callable[[str, float, float | None], None]


class TimeLeft:
    """Seconds left of something whose share is known, at the pace so far, from when this was made.

    Examples
    --------
    >>> left = TimeLeft(now=lambda: 10.0)
    >>> left.now = lambda: 20.0
    >>> left(0.25), left(0.0)
    (30.0, None)
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now, self._start = now, now()

    def __call__(self, share: float) -> float | None:
        """Seconds left when ``share`` is done; None before it has begun."""
        return None if share <= 0 else (self.now() - self._start) * (1 - share) / share


@contextmanager
def progress(*, quiet: bool) -> Iterator[Show]:
    """Show progress on standard error."""
    if quiet:
        yield lambda *_: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = BarColumn(), TextColumn("{task.fields[text]}"), TimeElapsedColumn()
        with Progress(*columns, console=Console(stderr=True)) as bar:
            yield _bar(bar)
    else:
        yield _lines()


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f", {timedelta(seconds=round(seconds))} left"


def _bar(bar: Progress) -> Show:
    task = bar.add_task("recording", total=1.0, text="checking the models")

    def show(text: str, share: float, seconds_left: float | None) -> None:
        bar.update(task, completed=share, text=text + _left(seconds_left))

    return show


def _lines() -> Show:
    written = float("-inf")

    def show(text: str, share: float, seconds_left: float | None) -> None:
        nonlocal written
        now = time.monotonic()
        if share < 1 and now - written < SECONDS_BETWEEN_LINES:
            return
        written = now
        print(text + _left(seconds_left), file=sys.stderr, flush=True)

    return show
