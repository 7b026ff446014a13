from __future__ import annotations

import re
import sys

import pytest

from netsim.cli.common import print_grid

HEADS = ["policy", "99th percentile of latency (ms/token)", "throughput (tokens/s)", "rate"]
ROWS = [
    ["u-hlm, threshold 0.3", "0.364 [0.292, 0.445]", "36.00 ± 0.22", "1"],
    ["slm", "0.838 *", "1.21e+03 *", ""],
]


@pytest.mark.parametrize("columns", [50, 60, 80, 200])
def test_a_terminal_shows_every_cell_whole_within_its_width(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_grid(HEADS, ROWS)
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)  # bold heads
    assert max(map(len, text.splitlines())) <= columns
    assert all(cell in text for row in ROWS for cell in row)
    assert text.count("u-hlm, threshold 0.3") == (1 if columns >= 80 else 2)


def test_a_pipe_gets_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_grid(HEADS, ROWS)
    text = capsys.readouterr().out
    assert text.count("u-hlm, threshold 0.3") == 1
    assert all(head in text for head in HEADS)
