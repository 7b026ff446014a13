"""How far a recording is: tokens per second and time left, on a terminal or as plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

#: Told after every group: (groups done, groups in all, tokens that both models evaluated for this one).
Report = Callable[[int, int, int], None]
SECONDS_BETWEEN_LINES = 5.0


class Pace:
    """Tokens per second and seconds left, counted from the start of this run.

    Examples
    --------
    >>> pace = Pace(now=100.0)
    >>> pace.add(tokens=500)
    >>> pace.tokens_per_second(now=110.0), pace.seconds_left(3, now=110.0)
    (50.0, 30.0)
    """

    def __init__(self, now: float) -> None:
        self.start, self.tokens, self.groups = now, 0, 0

    def add(self, tokens: int) -> None:
        """Enter a finished group."""
        self.tokens += tokens
        self.groups += 1

    def tokens_per_second(self, now: float) -> float:
        """Tokens (nodes of the tree) that both models evaluated per second."""
        return self.tokens / max(now - self.start, 1e-9)

    def seconds_left(self, groups: int, now: float) -> float:
        """Seconds that so many further groups take at the pace so far."""
        return groups * (now - self.start) / self.groups


@contextmanager
def recording_progress(*, quiet: bool) -> Iterator[Report]:
    """Show the progress of a recording on standard error."""
    if quiet:
        yield lambda _done, _total, _tokens: None
    elif sys.stderr.isatty():
        columns = (
            TextColumn("groups"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            yield _bar(bar)
    else:
        yield _lines()


def _bar(bar: Progress) -> Report:
    task, pace = bar.add_task("groups", total=None, pace=""), Pace(time.monotonic())

    def report(done: int, total: int, tokens: int) -> None:
        now = time.monotonic()
        pace.add(tokens)
        bar.update(task, total=total, completed=done, pace=f"{pace.tokens_per_second(now):.0f} tokens/s")

    return report


def _lines() -> Report:
    pace, written = Pace(time.monotonic()), float("-inf")

    def report(done: int, total: int, tokens: int) -> None:
        nonlocal written
        now = time.monotonic()
        pace.add(tokens)
        if done < total and now - written < SECONDS_BETWEEN_LINES:
            return
        written = now
        left = timedelta(seconds=round(pace.seconds_left(total - done, now)))
        rate = f"{pace.tokens_per_second(now):.0f} tokens/s"
        print(f"{done} of {total} groups, {rate}, {left} left", file=sys.stderr, flush=True)

    return report
