"""Outputs: in the format of their suffix, checked before the work, and one line where they can't be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from netsim.cli.common import print_table
from netsim.costs.latency import load_latency
from netsim.costs.latency_file import LatencyError
from netsim.startup import ROOT
from tests.command_line import Finished, netsim
from tests.trace_factory import make_trace
from traces.format.manifest import TraceError, read_manifest

FULL = Path("/dev/full")
#: Fails every write after the first so many bytes of a file, as a full disk does (SIGXFSZ is ignored by Python).
SMALL_FILES = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, resource.RLIM_INFINITY))\n"
)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    trace = make_trace(folder / "trace", num_tokens=6, prompts=4).folder
    path = folder / "small.yaml"
    path.write_text(
        f"name: small\ntrace: {trace}\npolicy: {{name: hlm}}\ntokens: 6\nseeds: 2\nsweep: {{channel.snr_db: [0, 10]}}\n"
    )
    return path


def in_a_process(
    *arguments: str | Path, largest_file: int | None = None, stdout: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command where files may have so many bytes, or its output goes to a device."""
    prologue = "" if largest_file is None else SMALL_FILES.format(bytes=largest_file)
    code = f"{prologue}import sys; sys.argv[0] = 'netsim'\nfrom netsim.__main__ import main; main()"
    with (stdout or Path(os.devnull)).open("w") as file:
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )


def one_line(done: Finished | subprocess.CompletedProcess[str], status: int, text: str) -> None:
    assert done.returncode == status, done.stderr
    assert text in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_token_log_is_what_its_suffix_says(scenario: Path, tmp_path: Path) -> None:
    for name in ("t.csv", "t.parquet"):
        assert netsim("run", scenario, "--seed", "0", "--tokens", tmp_path / name).returncode == 0
    assert (tmp_path / "t.parquet").read_bytes()[:4] == b"PAR1"
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "t.csv"),
        pd.read_parquet(tmp_path / "t.parquet"),
        check_dtype=False,
        rtol=1e-12,  # what the digits of a CSV keep
    )


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        ("run", ["--tokens", "t.xlsx"], "--tokens: its suffix names the format, given 't.xlsx', allowed: .parquet, .csv"),
        ("run", ["--timeline", "t.csv"], "--timeline: its suffix names the format"),
        ("run", ["--tokens", "no/such/folder/t.csv"], "--tokens: no/such/folder: no such folder"),
        ("run", ["--tokens", "folder.csv"], "folder.csv: not a file"),
        ("sweep", ["--out", "file/below"], "file: not a folder"),
        ("optimize", ["--out", "file"], "file: not a folder"),
    ],
)  # fmt: skip
def test_an_output_that_cannot_be_is_refused_before_the_work(
    scenario: Path, tmp_path: Path, command: str, options: list[str], said: str
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.csv").mkdir()
    one_line(netsim(command, scenario, *options, cwd=tmp_path), 2, said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.csv"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not FULL.exists(), reason="a device that is always full is Linux's")
@pytest.mark.parametrize("command", ["run", "schema", "validate"])
def test_a_full_standard_output_is_said_before_the_work(scenario: Path, command: str) -> None:
    arguments = [] if command == "schema" else [scenario]
    done = in_a_process(command, *arguments, stdout=FULL)
    one_line(done, 2, "standard output: can't be written: No space left")


def test_a_full_disk_ends_a_sweep_in_one_line_and_it_goes_on_later(scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    # Enough for the scenario, too little for a chunk.
    one_line(in_a_process("sweep", scenario, "--out", out, "-q", largest_file=3000), 1, "File too large")
    assert not list((out / "chunks").glob("*.parquet"))
    assert netsim("sweep", scenario, "--out", out, "-q").returncode == 0
    assert netsim("sweep", scenario, "--out", tmp_path / "new", "-q").returncode == 0
    assert (out / "results.parquet").read_bytes() == (tmp_path / "new" / "results.parquet").read_bytes()


def test_a_full_disk_ends_a_log_in_one_line_and_keeps_the_earlier_one(scenario: Path, tmp_path: Path) -> None:
    log = tmp_path / "t.csv"
    log.write_text("earlier")
    one_line(in_a_process("run", scenario, "--seed", "0", "--tokens", log, largest_file=1000), 1, "--tokens ")
    assert log.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [log]


def test_an_output_that_fails_after_the_work_leaves_the_work_on_the_terminal(tmp_path: Path) -> None:
    # Nothing can take the place of a folder that is not empty.
    (tmp_path / "calibration.json" / "below").mkdir(parents=True)
    done = netsim("calibrate", ROOT / "traces" / "tiny-calibration", "--out", tmp_path)
    one_line(done, 1, "netsim: --out ")
    # What was computed is on the terminal.
    assert "risk-averse" in done.stdout


@pytest.mark.parametrize("role", ["scenario", "trace.json", "shard", "latency.json"])
def test_a_pipe_as_an_input_is_refused_not_waited_for(tmp_path: Path, role: str) -> None:
    trace = make_trace(tmp_path / "trace", num_tokens=6)
    scenario = tmp_path / "s.yaml"
    scenario.write_text(f"name: s\ntrace: {trace.folder}\npolicy: {{name: hlm}}\ntokens: 6\nseeds: 1\n")
    shard = trace.folder / trace.manifest.shards[0].file
    files = {"scenario": scenario, "shard": shard}
    path = files.get(role, trace.folder / role)
    path.unlink()
    os.mkfifo(path)
    done = netsim("run", scenario)
    assert done.returncode == 2
    assert path.name in done.stderr
    assert "Traceback" not in done.stderr


def test_text_of_a_file_is_printed_escaped(scenario: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(scenario.read_text() + '"\\e]0;title\\a\\e[2J\\nfake.yaml:1: injected": 1\n')
    done = netsim("validate", bad)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr
    assert "\\x1b]0;title\\x07" in done.stderr


def test_brackets_in_a_name_are_no_markup_and_escapes_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"policy": "[red]x[/red]", "note": "\x1b[2J"}], "[bold]title[/bold]")
    printed = capsys.readouterr().out
    assert "[bold]title[/bold]" in printed
    assert "[red]x[/red]" in printed
    assert "\\x1b[2J" in printed


@pytest.mark.parametrize("command", ["run", "sweep", "replay", "score", "calibrate", "measures", "validate"])
def test_a_damaged_shard_is_one_line_from_every_command(tmp_path: Path, command: str) -> None:
    trace = make_trace(tmp_path / "trace", num_tokens=6, prompts=3)
    scenario = tmp_path / "s.yaml"
    scenario.write_text(f"name: s\ntrace: {trace.folder}\npolicy: {{name: hlm}}\ntokens: 6\nseeds: 2\n")
    shard = trace.folder / trace.manifest.shards[0].file
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 4
    shard.write_bytes(content)
    of_trace = {"replay": ["--policy", "hlm"], "score": ["--policy", "hlm"], "calibrate": [], "measures": []}
    options = of_trace.get(command, ["--out", tmp_path / "out"] if command == "sweep" else [])
    done = netsim(command, trace.folder if command in of_trace else scenario, *options)
    one_line(done, 2, f"{shard.name}: damaged")


@pytest.mark.parametrize("name", ["trace.json", "latency.json"])
def test_every_flipped_bit_of_a_manifest_or_profile_is_found_or_changes_nothing(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "trace"
    folder.mkdir()
    whole = (ROOT / "traces" / "tiny-full" / name).read_bytes()
    path = folder / name

    def read() -> object:
        if name == "trace.json":
            return read_manifest(folder)
        return load_latency("recorded", "slm", folder).seconds(context=7, positions=2, batch=1)

    path.write_bytes(whole)
    right = read()
    step = 8 * len(whole) // 400
    for bit in range(3, 8 * len(whole), step):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(flipped)
        try:
            read_back = read()
        except (TraceError, LatencyError):
            continue
        assert read_back == right, (bit, json.dumps(whole[bit // 8 - 20 : bit // 8 + 20].decode()))
