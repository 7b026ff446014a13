"""The start: whose packages are found, what the current folder may bring in, where compiled code is kept."""

from __future__ import annotations

import atexit
import importlib.machinery
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsim import startup
from netsim.startup import (
    INTERRUPTED,
    PACKAGES,
    ROOT,
    check_packages,
    find_caches,
    interruptible_start,
    leave_current_folder,
)


def import_with_first_on_path(*folders: Path) -> subprocess.CompletedProcess[str]:
    """Import netsim in a process that looks into `folders` before anything else."""
    path = [*map(str, folders), str(ROOT)]
    code = f"import sys; sys.path[:0] = {path}; import netsim"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT.anchor)


def test_our_own_packages_pass() -> None:
    done = import_with_first_on_path()
    assert (done.returncode, done.stderr) == (0, "")


def test_a_foreign_package_ends_the_import(tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "__init__.py").write_text("raise SystemExit('imported')")
    done = import_with_first_on_path(tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("RuntimeError: the package 'traces' of netsim is in ")


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("shape", ["package", "module"])
def test_a_foreign_package_is_named_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, shape: str
) -> None:
    foreign = tmp_path / name if shape == "package" else tmp_path / f"{name}.py"
    if shape == "package":
        foreign.mkdir()
    (foreign / "__init__.py" if shape == "package" else foreign).write_text("raise SystemExit('imported')")
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError) as refused:
        check_packages()
    message = str(refused.value)
    assert message.startswith(f"the package {name!r} of netsim is in {ROOT / name}, ")
    assert f"but Python finds {foreign.resolve()}: uninstall" in message


def test_a_package_that_is_found_nowhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, PACKAGES[0], raising=False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [importlib.machinery.PathFinder])
    with pytest.raises(RuntimeError, match=f"{PACKAGES[0]!r} of netsim is in .*, but Python finds none"):
        check_packages()


@pytest.mark.parametrize("name", ["netsim", "netsim.exe", "-m"])
def test_a_command_that_is_interrupted_while_it_starts_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [f"/usr/bin/{name}", "sweep"])
    with pytest.raises(SystemExit) as ended, interruptible_start():
        raise KeyboardInterrupt
    assert ended.value.code == INTERRUPTED
    assert capsys.readouterr().err == "netsim: interrupted before it began\n"


def test_a_program_of_somebody_elses_is_handed_its_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["study.py"])
    with pytest.raises(KeyboardInterrupt), interruptible_start():
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("words", "first", "stays"),
    [
        (["-m", "netsim", "run"], "here", False),
        (["-W", "error", "-m", "netsim", "run"], "", False),
        (["-m", "pytest", "netsim"], "here", True),
        (["study.py", "-m", "other"], "here", True),
        (["-m", "netsim", "run"], "elsewhere", True),
    ],
)
def test_only_a_module_that_is_netsim_leaves_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], first: str, stays: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = [{"here": str(tmp_path), "elsewhere": str(ROOT.parent)}.get(first, first), "/usr/lib"]
    monkeypatch.setattr(sys, "path", [*path])
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, *words])
    leave_current_folder()
    assert sys.path == (path if stays else path[1:])


def test_the_clone_itself_stays_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT), "/usr/lib"])
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-m", "netsim"])
    leave_current_folder()
    assert sys.path == [str(ROOT), "/usr/lib"]


@pytest.fixture(name="nowhere")
def allow_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation that can't be written to and a user whose folders can't be made; the folder of temporary ones."""
    (tmp_path / "file").write_text("")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file" / "below"))
    for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        # Set first, so that it is put back whatever comes of it.
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(startup, "ROOT", tmp_path / "file")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield temporary
    atexit.unregister(startup._remove)


def test_a_command_without_any_cache_says_so_and_keeps_one_for_itself(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["netsim"])
    find_caches()
    (folder,) = nowhere.iterdir()
    assert os.environ["NUMBA_CACHE_DIR"] == os.environ["MPLCONFIGDIR"] == str(folder)
    assert capsys.readouterr().err.startswith("netsim: no folder to keep compiled code in")
    # A process that was forked from it ends first, and leaves it.
    startup._remove(str(folder), os.getpid() + 1)
    assert folder.is_dir()
    startup._remove(str(folder), os.getpid())
    assert not folder.exists()


def test_a_program_without_any_cache_is_warned(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["study.py"])
    with pytest.warns(UserWarning, match="no folder to keep compiled code in"):
        find_caches()
    assert list(nowhere.iterdir())


def test_folders_that_are_named_are_taken(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "/mine")
    find_caches()
    assert os.environ["NUMBA_CACHE_DIR"] == os.environ["MPLCONFIGDIR"] == "/mine"
    assert not list(nowhere.iterdir())


def test_only_what_is_lacking_is_found_and_of_matplotlib_nothing_is_said(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    find_caches()
    assert os.environ["NUMBA_CACHE_DIR"] == ""
    assert Path(os.environ["MPLCONFIGDIR"]).parent == nowhere
    assert capsys.readouterr().err == ""
