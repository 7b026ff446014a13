"""The command ``netsim`` run within the process of the tests, as it ends and with what it says.

Faster than a process of its own, which is only needed for what is of a process: signals, full disks, fresh imports.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from netsim.__main__ import main
from netsim.cli import ENDED, app
from netsim.startup import ROOT


@dataclass(frozen=True)
class Finished:
    """How a command ended, under the names that a process of its own has.

    Attributes
    ----------
    returncode : int
    stdout, stderr : str
    """

    returncode: int
    stdout: str
    stderr: str


def netsim(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> Finished:
    """Run ``netsim`` with its arguments in a folder; what it changes of the process is put back.

    An exception that the command line lets through, of which a user would see a traceback, is raised.
    """
    output, errors = _stream(), _stream()
    with _as_it_was(cwd), patch.dict(os.environ, environment):
        sys.argv = ["netsim", *map(str, arguments)]
        sys.stdout, sys.stderr = output, errors
        try:
            main()
        except SystemExit as ended:
            status = ended.code
        else:
            status = None
    assert status is None or isinstance(status, int), f"a status that a shell can't have: {status!r}"
    return Finished(status or 0, _said(output), _said(errors))


@contextmanager
def _as_it_was(folder: Path) -> Iterator[None]:
    """Be in a folder, with warnings of ours shown as a user sees them; put back all that a command sets."""
    before = Path.cwd()
    handlers = {number: signal.getsignal(number) for number in ENDED}
    with (
        warnings.catch_warnings(),
        # Registered by every run: they would become ever more.
        patch.object(app, "registered_commands", []),
        patch.dict(os.environ),
        patch.multiple(sys, argv=sys.argv, path=[*sys.path], stdout=sys.stdout, stderr=sys.stderr),
    ):
        warnings.simplefilter("default", UserWarning)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _said(stream: io.TextIOWrapper) -> str:
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode("utf-8")
