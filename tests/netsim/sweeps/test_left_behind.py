"""What a sweep finds in its folder, what it refuses to compute, and how it ends where cells fail."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import netsim
from netsim.deciding.policies import Hlm, UHlm
from netsim.errors import InputError
from netsim.extend import PolicyContext, PolicyKind
from netsim.scenario import load_grid
from netsim.scenario.plugins import ALLOW
from netsim.sweeps.chunks import missing_chunks, sweep_points
from netsim.sweeps.parallel import compute
from netsim.sweeps.run import run_sweep
from tests.command_line import netsim as command
from tests.trace_factory import make_trace


@pytest.fixture(scope="module", name="trace")
def make_hlm_trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of hlm's own path, which every other policy may leave."""
    return make_trace(tmp_path_factory.mktemp("left") / "trace", num_tokens=6, policies={"hlm": Hlm()}).folder


def content(trace: Path, **blocks: Any) -> dict[str, Any]:
    latency = {"slm": 0.01, "llm": 0.02}
    base = {"name": "left", "trace": str(trace), "policy": "hlm", "latency": latency, "tokens": 6, "seeds": 2}
    return {**base, "sweep": {"channel.snr_db": [0, 20]}, **blocks}


def test_results_that_nothing_tells_the_scenario_of_are_only_replaced_when_asked(
    trace: Path, tmp_path: Path
) -> None:
    run_sweep(content(trace), tmp_path / "out")
    (tmp_path / "out" / "scenario.yaml").unlink()
    (tmp_path / "out" / "chunks" / "scenario.yaml").unlink()
    before = (tmp_path / "out" / "results.parquet").read_bytes()
    with pytest.raises(InputError, match=r"holds results, but no scenario\.yaml that says of what"):
        run_sweep(content(trace, seeds=3), tmp_path / "out")
    assert (tmp_path / "out" / "results.parquet").read_bytes() == before
    assert run_sweep(content(trace), tmp_path / "out", fresh=True).computed == 4
    assert (tmp_path / "out" / "results.parquet").read_bytes() == before


def test_what_a_killed_sweep_was_writing_is_removed_and_nothing_else(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_sweep(content(trace), out)
    chunk = next((out / "chunks").glob("*.parquet"))
    ours = [
        out / "results.parquet.partial",
        out / "manifest.json.partial.123.partial",
        chunk.with_name(f"{chunk.name}.123.partial"),
    ]
    mine = out / "thesis.tex.partial"
    for path in (*ours, mine):
        path.write_text("half")
    run_sweep(content(trace), out)
    assert [path.name for path in ours if path.exists()] == []
    assert mine.read_text() == "half"


def test_results_of_a_scenario_that_can_not_be_read_say_who_wrote_them(trace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_sweep(content(trace), out)
    for path in (out / "scenario.yaml", out / "chunks" / "scenario.yaml"):
        path.write_text(f"{path.read_text()}key_of_the_future: 1\n")
    with pytest.raises(
        InputError, match=r"holds results that netsim 0\.1\.0 wrote, whose scenario this version can't"
    ):
        run_sweep(content(trace, seeds=3), out)
    (out / "manifest.json").unlink()
    with pytest.raises(InputError, match="holds results that netsim of unknown version wrote"):
        run_sweep(content(trace, seeds=3), out)


def failing(trace: Path, *policies: str) -> dict[str, Any]:
    """Cells of slm leave the recorded tree, and the scenario refuses that."""
    return content(trace, off_tree="refuse", sweep={"policy": [*policies]})


def test_a_table_of_rows_is_all_or_nothing(trace: Path) -> None:
    with pytest.raises(
        RuntimeError, match=r"^2 cells failed, the first at policy\.name slm, seed 0: OffTree: "
    ):
        netsim.sweep(failing(trace, "slm", "hlm"))


def test_a_command_whose_cells_fail_names_them_and_keeps_the_others(trace: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "a.yaml", tmp_path / "out"
    path.write_text(json.dumps(failing(trace, "slm", "hlm")))
    done = command("sweep", path, "--out", out)
    assert done.returncode == 1
    assert done.stdout == f"results: {out}\n", "of half a sweep there is no picture"
    lines = [line for line in done.stderr.splitlines() if line.startswith("netsim: failed: ")]
    assert [line.split("seed ")[1][0] for line in lines] == ["0", "1"]
    assert all("policy.name slm" in line for line in lines)
    assert pd.read_parquet(out / "results.parquet")["policy.name"].tolist() == ["hlm"] * 2


def test_a_sweep_that_fails_altogether_leaves_tables_without_rows(trace: Path, tmp_path: Path) -> None:
    report = run_sweep(failing(trace, "slm"), tmp_path / "out")
    assert (len(report.failures), report.rows) == (2, 0)
    assert pd.read_parquet(tmp_path / "out" / "results.parquet").empty
    done = command("plot", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.endswith("results.parquet: no rows\n")


def test_a_scheduler_goes_with_a_cluster_and_only_with_it(trace: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(json.dumps(content(trace)))
    for options in (["--backend", "dask"], ["--scheduler", "tcp://127.0.0.1:1"]):
        done = command("sweep", path, "--out", tmp_path / "out", *options)
        assert (done.returncode, done.stderr) == (
            2,
            "--scheduler: goes with --backend dask, and only with it\n",
        )
    assert not (tmp_path / "out").exists()


def test_a_worker_that_has_another_trace_under_the_name_refuses_to_compute(trace: Path) -> None:
    points = sweep_points(load_grid(content(trace)), "auto")
    elsewhere = [replace(point, sources=("0" * 64, *point.sources[1:])) for point in points]
    (chunk,) = missing_chunks(points, [0], {})
    assert compute(chunk).rows.num_rows == 2
    (other,) = missing_chunks(elsewhere, [0], {})
    with pytest.raises(InputError, match="not the same trace where the sweep was started"):
        compute(other)


class Half(PolicyKind):
    """Skips below one half."""

    def build(self, context: PolicyContext) -> UHlm:
        """Make the policy."""
        return UHlm(0.5)


def test_a_class_of_the_program_itself_is_swept_by_it_alone_and_anew(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOW, "1")
    monkeypatch.setattr(sys.modules["__main__"], "Half", Half, raising=False)
    scenario = content(trace, policy="__main__:Half")
    with pytest.raises(InputError, match="__main__:Half: a class of this very program is not found by other"):
        run_sweep(scenario, tmp_path / "out", jobs=2, fresh=True)
    with pytest.raises(
        InputError, match="has no file that tells finished cells of another version, allowed: fresh"
    ):
        run_sweep(scenario, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    report = run_sweep(scenario, tmp_path / "out", fresh=True)
    assert (report.computed, report.failures) == (4, ())
