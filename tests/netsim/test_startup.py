from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def import_with_first_on_path(*folders: Path) -> subprocess.CompletedProcess[str]:
    """Import netsim in a process that looks into `folders` before anything else."""
    path = [*map(str, folders), str(ROOT)]
    code = f"import sys; sys.path[:0] = {path}; import netsim"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT.anchor)


def test_our_own_packages_pass() -> None:
    done = import_with_first_on_path()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["analysis", "channels", "models", "traces"])
@pytest.mark.parametrize("shape", ["package", "module"])
def test_a_foreign_package_is_named_with_its_file(tmp_path: Path, name: str, shape: str) -> None:
    foreign = tmp_path / name if shape == "package" else tmp_path / f"{name}.py"
    if shape == "package":
        foreign.mkdir()
    (foreign / "__init__.py" if shape == "package" else foreign).write_text("raise SystemExit('imported')")
    done = import_with_first_on_path(tmp_path)
    message = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert message.startswith(f"RuntimeError: the package {name!r} of netsim is in {ROOT / name}, ")
    assert f"but Python finds {foreign.resolve()}: uninstall" in message
