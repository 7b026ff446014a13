"""Run a command as a watched process, and judge how it ended."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

# Loaded here once, since every command is a copy of this process.
import analysis.figures.plot  # noqa: F401
import netsim.cli.files
import netsim.cli.simulate
import netsim.point
import netsim.sweeps.replay
import netsim.sweeps.run  # noqa: F401  (as the first)
from tests.faults import Ended, watched

#: Of a line: some list every key that is allowed.
MOST_CHARACTERS = 2000


def command(folder: Path, *arguments: str | Path, seconds: int = 30) -> Ended:
    """Run ``netsim`` with its arguments; it may write to ``folder`` and nowhere else."""

    def run() -> None:
        from netsim.cli import main  # noqa: PLC0415  (typer's own state is the child's)

        os.chdir(folder)
        warnings.resetwarnings()
        sys.argv = ["netsim", *map(str, arguments)]
        main()

    return watched(run, folder, seconds=seconds)


def judge(ended: Ended) -> None:
    """What holds of every command, whatever it was given."""
    said = ended.stderr
    assert ended.status in (0, 1, 2), (ended.status, said[-2000:])
    assert "Traceback" not in said, said[-2000:]
    if ended.status == 1:
        assert "netsim: failed: " in said, said
    if ended.status == 2:
        assert said.strip(), "refused without a word"
    assert max(map(len, said.split("\n"))) < MOST_CHARACTERS, said[:MOST_CHARACTERS]
    assert not any(not char.isprintable() and char != "\n" for char in said), repr(said)
    assert not ended.trespasses, ended.trespasses
