"""How far a recording is: nodes per second and time left for the whole command, on a terminal or as plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netsim.cli.progress import Show, TimeLeft, progress

if TYPE_CHECKING:
    from models.record import Done

#: Time for measuring latencies, as a share of the recording's.
PROFILE_SHARE = 0.1
#: A recording of a second still gets a profile.
LEAST_BUDGET_S = 2.0


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
        self._profile_left: TimeLeft | None = None

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
        if self._profile_left is None:
            self._profile_left = TimeLeft()
        recording = 1 / (1 + self._pace.profile_share)
        self._show(f"profiling, {text}", recording + (1 - recording) * share, self._profile_left(share))


@contextmanager
def recording_progress(profile_share: float, *, quiet: bool) -> Iterator[RecordingProgress]:
    """Show the progress of a recording on standard error."""
    with progress(quiet=quiet) as show:
        yield RecordingProgress(profile_share, show)
