"""Local processes: results as they finish, and a task that kills its process is the one to blame."""

from __future__ import annotations

import os

from netsim.sweeps.local import in_processes


def double(number: int) -> int:
    if number == FATAL:
        os.kill(os.getpid(), 9)
    return 2 * number


def blamed(number: int, reason: str) -> int:
    assert "died, twice" in reason
    return -number


FATAL = 5


def test_every_task_is_done_and_the_one_that_kills_its_process_is_blamed() -> None:
    assert sorted(in_processes(double, blamed, 2, range(12))) == sorted(
        -number if number == FATAL else 2 * number for number in range(12)
    )
