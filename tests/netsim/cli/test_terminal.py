"""What a terminal gets: colour, unless ``NO_COLOR`` is set, and what its shell needs to complete commands."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-9;]*m")
BAR = "from netsim.cli.progress import progress\nwith progress(quiet=False) as show: show('half', 0.5, 3.0)\n"


def on_a_terminal(code: str, **environment: str) -> bytes:
    """What a process writes to a terminal of its own on standard error."""
    ours, its = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    settings = plain | {"TERM": "xterm-256color", "COLUMNS": "80"} | environment
    subprocess.run([sys.executable, "-c", code], env=settings, stderr=its, check=True, timeout=120)
    os.close(its)
    written = b""
    try:
        while part := os.read(ours, 65536):
            written += part
    except OSError:  # Linux' end of a terminal
        pass
    finally:
        os.close(ours)
    return written


@pytest.mark.parametrize("no_colour", [False, True])
def test_a_progress_bar_has_colour_unless_it_is_not_wanted(no_colour: bool) -> None:
    written = on_a_terminal(BAR, **({"NO_COLOR": "1"} if no_colour else {}))
    assert b"half, 0:00:03 left" in written
    assert bool(COLOUR.search(written)) != no_colour


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    code = "import sys; sys.argv = ['netsim']; from netsim.__main__ import main; main()"
    asked = {**os.environ, "_NETSIM_COMPLETE": f"source_{shell}"}
    script = subprocess.run(
        [sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=True
    )
    assert f"complete_{shell}" in script.stdout
    words = {"COMP_WORDS": "netsim cal", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "netsim cal"}
    asked = {
        **asked,
        **words,
        "_NETSIM_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    found = subprocess.run(
        [sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=True
    )
    assert "calibrate" in found.stdout
    assert "sweep" not in found.stdout
