"""What a long command says of its progress where there is no terminal."""

from __future__ import annotations

import pytest

from netsim.sweeps.progress import _Lines


def test_lines_come_late_then_by_tenths_or_time_and_say_what_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = [0.0]
    advance = _Lines("cells", 200, lambda: clock[0])

    def step(seconds: float, count: int) -> str:
        clock[0] += seconds
        advance(count)
        return capsys.readouterr().err

    assert step(1.0, 19) == ""  # over in a moment, for all that is known
    assert step(1.0, 1) == "cells: 20 of 200, 0:00:18 left\n"
    assert step(1.0, 10) == ""
    assert step(1.0, 10) == "cells: 40 of 200, 0:00:16 left\n"
    assert step(31.0, 10) == "cells: 50 of 200, 0:01:45 left\n"
    assert step(1.0, 150) == "cells: 200 of 200\n"
