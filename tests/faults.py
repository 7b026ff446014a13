"""Faults by plan: a process that ends at its n-th change of the file system, and one that is watched and bounded."""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netsim.startup import ROOT

#: Audit events of a change, beside ``open`` for writing.
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
#: Audit events of code that is not ours being run.
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.startfile")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
KILLED = 9
#: A process that is still at it then is ended: it hangs.
HANGS_S = 300


def changes(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether an audit event is a change of the file system."""
    if event == "open":
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        return bool(flags & _WRITES)
    return event in CHANGES


def finishes(action: Callable[[], object], last: int) -> bool:
    """Do something in a process that ends, without any tidying, before its change number ``last``.

    Returns
    -------
    bool
        Whether it was done before that.
    """
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(HANGS_S)
        left = last

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            if changes(event, arguments) and "__pycache__" not in str(arguments[0]):
                left -= 1
                if left < 0:
                    os._exit(KILLED)

        sys.addaudithook(count)
        status = 1
        try:
            action()
            status = 0
        except BaseException:  # noqa: BLE001  (whatever the command ends with)  (the child must not go on with its parent's tests)
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), f"ended with {code}"
    return code == 0


@dataclass(frozen=True)
class Ended:
    """How a watched process ended.

    Attributes
    ----------
    status : int. Negative for a signal.
    stdout, stderr : str
    trespasses : list of str. Changes outside the folder that was allowed, and processes that were started.
    """

    status: int
    stdout: str
    stderr: str
    trespasses: list[str]


def watched(
    action: Callable[[], object], folder: Path, *, seconds: int = 30, more_bytes: int = 2**30
) -> Ended:
    """Do something in a process that may change ``folder`` alone, for so long and with so much more memory."""
    files = {name: folder / f".watched-{name}" for name in ("stdout", "stderr", "trespasses")}
    child = os.fork()
    if child == 0:
        _bound(seconds, more_bytes)
        _watch(folder, os.open(files["trespasses"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(files[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115  (the process ends with them)
        status = 1
        try:
            action()
            status = 0
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:  # noqa: BLE001  (whatever the command ends with)
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    texts = {name: path.read_text(errors="replace") if path.exists() else "" for name, path in files.items()}
    return Ended(
        os.waitstatus_to_exitcode(status), texts["stdout"], texts["stderr"], texts["trespasses"].splitlines()
    )


def _bound(seconds: int, more_bytes: int) -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + more_bytes, resource.RLIM_INFINITY))
    # Work in processor time, since a test machine may be busy; a wait in the clock's.
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, resource.RLIM_INFINITY)
    )
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(4 * seconds)


def _asks_for_our_commit(arguments: tuple[Any, ...]) -> bool:
    """Whether a process is what a sweep starts itself, for its manifest."""
    return list(arguments[1][:3] if len(arguments) > 1 else ()) == ["git", "-C", str(ROOT)]


def _watch(folder: Path, record: int) -> None:
    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTS and not _asks_for_our_commit(arguments):
            os.write(record, f"{event} {arguments[0]!r}\n".encode())
        elif changes(event, arguments):
            target = str(arguments[0])
            # Caches of the fonts and of compiled code are made on a machine's first run.
            own = ("/dev/null", str(folder), str(Path.home() / ".cache"))
            if not target.startswith(own) and "__pycache__" not in target and not target.isdigit():
                os.write(record, f"{event} {target!r}\n".encode())

    sys.addaudithook(note)
