"""However a command ends, its status and its one line are those of the contract; what was finished is gone on from."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from netsim.cli import files
from netsim.sweeps import chunks
from netsim.sweeps.chunk_files import ChunkFiles
from tests.command_line import netsim
from tests.trace_factory import make_trace


@pytest.fixture(scope="module", name="scenario")
def write_scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endings")
    trace = make_trace(folder / "trace", num_tokens=4).folder
    path = folder / "a.yaml"
    path.write_text(
        f"name: a\ntrace: {trace}\npolicy: hlm\ntokens: 4\nseeds: 4\nsweep: {{channel.snr_db: [0, 10]}}\n"
    )
    return path


def test_the_version_is_that_of_the_installation() -> None:
    done = netsim("--version")
    assert (done.returncode, done.stdout) == (0, f"{importlib.metadata.version('netsim')}\n")


def test_without_a_command_there_is_help() -> None:
    done = netsim()
    assert done.returncode == 2
    assert "Simulate hybrid language models over a wireless uplink." in done.stderr


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("happens", "status", "said"),
    [
        (interrupt, 130, "netsim: interrupted; finished cells are kept in {out}, the same command goes on from there\n"),
        (
            lambda: os.kill(os.getpid(), signal.SIGTERM),
            143,
            "netsim: ended by SIGTERM; finished cells and groups are kept, the same command goes on from there\n",
        ),
    ],
)  # fmt: skip
def test_a_sweep_that_is_ended_goes_on_from_what_it_finished(
    scenario: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[], None],
    status: int,
    said: str,
) -> None:
    monkeypatch.setitem(chunks.ROUNDS_PER_CHUNK, "events", 1)
    words = "sweep", scenario, "--engine", "events", "--quiet", "--out"
    out, whole = tmp_path / "out", tmp_path / "whole"
    assert netsim(*words, whole).returncode == 0
    plain, added = ChunkFiles.add, []

    def add(own: ChunkFiles, name: str, rows: pa.Table) -> None:
        plain(own, name, rows)
        added.append(name)
        if len(added) == 3:
            happens()

    with monkeypatch.context() as patched:
        patched.setattr(ChunkFiles, "add", add)
        done = netsim(*words, out)
        assert (done.returncode, done.stderr) == (status, said.format(out=out))
        assert len(added) == 3
        assert not (out / "results.parquet").exists()
        assert netsim(*words, out).returncode == 0
    assert len(added) == 8, "the same command computed the rest alone"
    assert (out / "results.parquet").read_bytes() == (whole / "results.parquet").read_bytes()


def test_an_interrupt_where_nothing_is_kept_says_so(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_check_points", lambda _grid: interrupt())
    done = netsim("validate", scenario)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "netsim: interrupted; nothing was written, the same command begins anew\n"


def test_a_signal_that_is_ignored_stays_so(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``nohup`` wants it."""
    found = []

    def look(_grid: object) -> tuple[list[object], float]:
        found.append(signal.getsignal(signal.SIGHUP))
        return [], 0.0

    monkeypatch.setattr(files, "_check_points", look)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert netsim("validate", scenario).returncode == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert found == [signal.SIG_IGN]


def test_a_foreign_package_is_our_fault_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "channels.py").write_text("")
    monkeypatch.delitem(sys.modules, "channels")
    monkeypatch.syspath_prepend(tmp_path)
    done = netsim("schema")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("netsim: the package 'channels' of netsim is in ")
    assert done.stderr.count("\n") == 1


def test_too_little_memory_is_one_line(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_grid: object) -> None:
        raise MemoryError("for 3 GiB of rounds")

    monkeypatch.setattr(files, "_check_points", fill)
    done = netsim("validate", scenario)
    assert (done.returncode, done.stderr) == (1, "netsim: not enough memory for 3 GiB of rounds\n")


def test_what_can_be_listed_is_listed_and_a_slip_is_guessed() -> None:
    kinds = netsim("list").stdout.split()
    assert {"policies", "fadings", "columns", "figures"} <= set(kinds)
    text = netsim("list", "figures").stdout
    assert "latency-cdf" in text
    assert "needs a sweep over" in text
    done = netsim("list", "figure")
    assert done.returncode == 2
    assert done.stderr.endswith("did you mean 'figures'?\n")
