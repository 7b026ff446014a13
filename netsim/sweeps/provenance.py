"""Which code made some results: versions, and the commit where the code is a clone."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from netsim.startup import ROOT

#: Packages whose versions may show in the last bits of a result.
PACKAGES = ("netsim", "numba", "numpy", "pandas", "pyarrow", "scipy", "simpy")
PATIENCE_S = 10.0


def code_facts(root: Path = ROOT) -> dict[str, Any]:
    """The running code, for a manifest.

    Parameters
    ----------
    root : Path
        Folder of the code.

    Returns
    -------
    dict
        ``versions`` of Python and the packages; ``commit``, and ``dirty``: whether a file that the clone tracks differs
        from it. Both are None outside of a clone.
    """
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    changed = None if commit is None else _git(root, "status", "--porcelain", "--untracked-files=no")
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "commit": commit,
        "dirty": None if changed is None else bool(changed),
    }


def _git(root: Path, *words: str) -> str | None:
    """What git prints; None if there is no git, or it does not trust the folder."""
    try:
        done = subprocess.run(  # noqa: S603  (our own words)
            ["git", "-C", str(root), *words],  # noqa: S607  (whichever git the user has)
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
