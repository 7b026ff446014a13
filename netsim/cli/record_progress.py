"""How far a recording is: nodes per second and time left for the whole command, on a terminal or as plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from models.record import Done

SECONDS_BETWEEN_LINES = 5.0
#: A recording of a second still gets a profile.
LEAST_BUDGET_S = 2.0

#: Shows a state: what is done, its share of the whole command in [0, 1], and seconds left (None: not known yet).
Show = Callable[[str, float, float | None], None]


class Pace:
    """Nodes per second, and seconds left of a command that records and then profiles.

    Parameters
    ----------
    now : float
        Seconds of a steady clock at the start.
    profile_share : float
        Time that profiling will take, as a share of the recording's.

    Examples
    --------
    >>> pace = Pace(now=100.0, profile_share=0.1)
    >>> pace.nodes_per_second(500, now=110.0), pace.seconds_left(0.25, now=110.0)
    (50.0, 34.0)
    """

    def __init__(self, now: float, profile_share: float) -> None:
        self.start, self.profile_share = now, profile_share

    def nodes_per_second(self, nodes: int, now: float) -> float:
        """Nodes of the trees that both models evaluated per second."""
        return nodes / max(now - self.start, 1e-9)

    def seconds_left(self, share: float, now: float) -> float | None:
        """Seconds until everything is done, when ``share`` of the recording is; None before it has begun."""
        if share <= 0:
            return None
        recording = (now - self.start) / share
        return recording * (1 + self.profile_share) - (now - self.start)


class RecordingProgress:
    """What a recording tells of itself, and what is shown of that."""

    def __init__(self, profile_share: float, show: Show) -> None:
        self._pace, self._show = Pace(time.monotonic(), profile_share), show
        self._recorded_s = 0.0
        self._profile_from: float | None = None

    def recorded(self, done: Done) -> None:
        """Enter how far the recording is."""
        now = time.monotonic()
        self._recorded_s = now - self._pace.start
        rate = f"{self._pace.nodes_per_second(done.nodes, now):.1f} nodes/s"
        share = done.share / (1 + self._pace.profile_share)
        text = f"{done.groups} of {done.total} groups, {done.nodes} nodes, {rate}"
        self._show(text, share, self._pace.seconds_left(done.share, now))

    @property
    def profile_budget_s(self) -> float:
        """Seconds that profiling may take."""
        return max(LEAST_BUDGET_S, self._pace.profile_share * self._recorded_s)

    def profiled(self, text: str, share: float) -> None:
        """Enter which forward pass was measured, and the share of the measurement that is done."""
        now = time.monotonic()
        if self._profile_from is None:
            self._profile_from = now
        recording = 1 / (1 + self._pace.profile_share)
        left = None if share <= 0 else (now - self._profile_from) * (1 - share) / share
        self._show(f"profiling, {text}", recording + (1 - recording) * share, left)


@contextmanager
def recording_progress(profile_share: float, *, quiet: bool) -> Iterator[RecordingProgress]:
    """Show the progress of a recording on standard error."""
    if quiet:
        yield RecordingProgress(profile_share, lambda *_: None)
    elif sys.stderr.isatty():
        columns = BarColumn(), TextColumn("{task.fields[text]}"), TimeElapsedColumn()
        with Progress(*columns, console=Console(stderr=True)) as bar:
            yield RecordingProgress(profile_share, _bar(bar))
    else:
        yield RecordingProgress(profile_share, _lines())


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
