"""Files and streams that a command writes to: checked before the work, and in the format of their suffix."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.errors import Fault, InputError, printable

if TYPE_CHECKING:
    import pandas as pd

#: Formats of a table, by suffix.
TABLES = (".parquet", ".csv")
#: Major and minor number of the device that is always full (Linux).
FULL_DEVICE = (1, 7)


def check_output_file(option: str, path: Path | None, suffixes: Collection[str]) -> None:
    """Refuse, before any work, an output that can't be written or whose suffix is of no format there is.

    Raises
    ------
    InputError
        One line that names the option.
    """
    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        text = f"its suffix names the format, given {path.name!r}, allowed: {', '.join(suffixes)}"
        raise InputError([Fault(option, "", text)])
    if path.exists() and not path.is_file():
        raise InputError([Fault(option, "", f"{path}: not a file, allowed: a new file, or one to replace")])
    if not path.parent.is_dir():
        raise InputError([Fault(option, "", f"{path.parent}: no such folder")])
    _check_writable(option, path.parent)


def check_output_folder(option: str, path: Path | None) -> None:
    """Refuse, before any work, a folder that can't be made or written to; it is not made yet."""
    if path is None:
        return
    there = next(folder for folder in (path, *path.absolute().parents) if os.path.lexists(folder))
    if not there.is_dir():
        raise InputError([Fault(option, "", f"{there}: not a folder")])
    _check_writable(option, there)


def _check_writable(option: str, folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
            file.flush()
    except OSError as error:
        raise InputError([Fault(option, "", f"{folder}: can't be written: {error.strerror}")]) from None


@contextmanager
def writing(option: str, path: Path) -> Iterator[None]:
    """Say which output a failure belongs to.

    Raises
    ------
    OSError
        With the file's name, for the one line that the command line prints.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, reason, f"{option} {error.filename or path}") from None


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as its suffix says, whole or not at all; see `TABLES`."""
    from traces.format.manifest import replace_file

    if path.suffix.lower() == ".csv":
        content = table.to_csv(index=False, lineterminator="\n").encode()
    else:
        content = table.to_parquet(index=False)
    replace_file(path, content)


def check_standard_output() -> None:
    """Refuse a standard output that takes nothing, before a simulation is lost to it."""
    try:
        kind = os.fstat(1)
    except OSError:
        return
    if stat.S_ISCHR(kind.st_mode) and (os.major(kind.st_rdev), os.minor(kind.st_rdev)) == FULL_DEVICE:
        raise InputError([Fault("standard output", "", "can't be written: No space left on device")])


def flush_standard_output(status: int) -> int:
    """Write what is still buffered; the exit status, 1 where it is lost."""
    if sys.stdout is None:  # Closed by whoever started the command.
        return status
    try:
        sys.stdout.flush()
    except OSError as error:
        # Else the interpreter tries again when it ends, and says so in its own words.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            print(f"netsim: standard output: {printable(error.strerror or str(error))}", file=sys.stderr)
        return status or 1
    return status
