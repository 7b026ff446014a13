"""The check at start-up that this project's packages are the ones that Python finds.

The folders of the clone are import names, and some of them (``channels``, ``traces``) are also taken on the
package index. Where such a package is installed beside netsim, Python may find it first, and the failure
that follows would name some missing attribute and not the cause.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

PACKAGES = ("analysis", "channels", "models", "traces")
ROOT = Path(__file__).resolve().parent.parent


#: How a process is called that is the command ``netsim``; ``-m`` while ``python -m netsim`` is imported.
COMMANDS = ("netsim", "netsim.exe", "-m")
INTERRUPTED = 130


@contextmanager
def interruptible_start() -> Iterator[None]:
    """Let Ctrl-C during the imports end the command in one line; in a program that imports netsim it is passed on."""
    try:
        yield
    except KeyboardInterrupt:
        if Path(sys.argv[0]).name not in COMMANDS:
            raise
        print("netsim: interrupted before it began", file=sys.stderr)  # noqa: T201  (before the command line is there)
        raise SystemExit(INTERRUPTED) from None


def leave_current_folder() -> None:
    """Keep ``python -m netsim`` from importing what happens to lie in the current folder, beside a scenario, say.

    ``-m`` puts that folder first among those that modules are looked up in. The clone itself stays: it holds us.
    """
    asked = sys.orig_argv[1:]
    as_module = any(option == "-m" and name == "netsim" for option, name in pairwise(asked))
    if as_module and sys.path and Path(sys.path[0] or ".").resolve() == Path.cwd() != ROOT:
        del sys.path[0]


def find_caches() -> None:
    """Where neither this installation nor the user's home can be written to, keep compiled code for this process alone.

    numba keeps what it compiles beside the source, else in the user's cache folder, and refuses to work where it
    can do neither; matplotlib complains. Processes that this one starts find the folder in their environment.
    """
    home = _home()
    installed = all(os.access(ROOT / name, os.W_OK) for name in (*PACKAGES, "netsim"))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    wanted = {"NUMBA_CACHE_DIR": installed or _can_be_made(cache), "MPLCONFIGDIR": _can_be_made(config)}
    lacking = [name for name, found in wanted.items() if not found and not os.environ.get(name)]
    if not lacking:
        return
    folder = tempfile.mkdtemp(prefix="netsim-")
    atexit.register(_remove, folder, os.getpid())
    os.environ.update(dict.fromkeys(lacking, folder))
    if "NUMBA_CACHE_DIR" in lacking:
        text = "no folder to keep compiled code in, so that every start compiles it anew; NUMBA_CACHE_DIR may name one"
        if Path(sys.argv[0]).name in COMMANDS:
            print(f"netsim: {text}", file=sys.stderr)  # noqa: T201  (before the command line is there)
        else:
            warnings.warn(text, stacklevel=3)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without a home, and without a name
        return Path("/nonexistent")


def _can_be_made(folder: Path) -> bool:
    """Whether a folder is there, or can be made, and can be written to."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _remove(folder: str, owner: int) -> None:
    """Remove a folder at the end of the process that made it, not of one that was forked from it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def check_packages() -> None:
    """Refuse to start where a foreign package stands in for one of ours. Imports none of them.

    Raises
    ------
    RuntimeError
        One line that names the package, the file that was found, the folder it should be in, and the way out.
    """
    for name in PACKAGES:
        found = _location(name)
        if found != ROOT / name:
            raise RuntimeError(
                f"the package {name!r} of netsim is in {ROOT / name}, but Python finds {found or 'none'}: "
                f"uninstall that other {name!r}, or use a virtual environment of netsim's own"
            )


def _location(name: str) -> Path | None:
    """The folder (or single file) from which ``import name`` would load; None where there is none."""
    spec = find_spec(name)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    return Path(spec.origin).resolve() if spec.origin else None
