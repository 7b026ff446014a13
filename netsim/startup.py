"""The check at start-up that this project's packages are the ones that Python finds.

The folders of the clone are import names, and some of them (``channels``, ``traces``) are also taken on the
package index. Where such a package is installed beside netsim, Python may find it first, and the failure
that follows would name some missing attribute and not the cause.
"""

from __future__ import annotations

import sys
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
        print("netsim: interrupted before it began", file=sys.stderr)  # noqa: T201
        raise SystemExit(INTERRUPTED) from None


def leave_current_folder() -> None:
    """Keep ``python -m netsim`` from importing what happens to lie in the current folder, beside a scenario, say.

    ``-m`` puts that folder first among those that modules are looked up in. The clone itself stays: it holds us.
    """
    asked = sys.orig_argv[1:]
    as_module = any(option == "-m" and name == "netsim" for option, name in pairwise(asked))
    if as_module and sys.path and Path(sys.path[0] or ".").resolve() == Path.cwd() != ROOT:
        del sys.path[0]


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
