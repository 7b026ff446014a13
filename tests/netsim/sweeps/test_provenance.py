"""The manifest names the code: version, commit, and whether it was changed since."""

from __future__ import annotations

import subprocess
from pathlib import Path

from netsim.sweeps.provenance import code_facts


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *words],  # noqa: S607  (whichever git there is)
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_a_clone_has_a_commit_and_says_whether_it_was_changed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    facts = code_facts(tmp_path)
    assert (facts["commit"], facts["dirty"]) == (commit, False)
    (tmp_path / "results").write_text("a file that nobody tracks\n")
    assert code_facts(tmp_path)["dirty"] is False
    (tmp_path / "code.py").write_text("2\n")
    assert code_facts(tmp_path)["dirty"] is True


def test_outside_of_a_clone_there_is_none(tmp_path: Path) -> None:
    facts = code_facts(tmp_path)
    assert (facts["commit"], facts["dirty"]) == (None, None)
    assert facts["versions"]["netsim"] == "0.1.0"
