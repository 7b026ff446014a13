from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

import netsim
from netsim.deciding.policies import Hlm
from netsim.errors import InputError
from netsim.point import Point
from netsim.results.columns import NAMES
from netsim.scenario import Scenario, load_grid, load_scenario
from netsim.sweeps import chunk_files
from netsim.sweeps.chunk_files import ChunkWarning
from netsim.sweeps.products import PRODUCTS, SCENARIO
from netsim.sweeps.run import run_sweep
from netsim.sweeps.store import LOCK, note_figure
from tests.trace_factory import make_trace

SWEEP = """
name: small
trace: {trace}
policy: {{name: hlm}}
payload: {{vocabulary_size: 32000}}
channel: {{bandwidth_hz: 1e7}}
tokens: 6
seeds: {seeds}
sweep:
  policy: [{{name: slm}}, {{name: hlm}}, {{name: u-hlm, threshold: 0.3}}]
  channel.snr_db: {snr_db}
"""
#: Of each, so that the test takes a second; `make fuzz` tries thousands.
NUM_FLIPS = 200


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("trace"), num_tokens=6).folder


def scenario(
    folder: Path, trace: Path, *, seeds: int = 3, snr_db: str = "[0, 20]", extra: str = ""
) -> Scenario:
    path = folder / "scenario.yaml"
    path.write_text(SWEEP.format(trace=trace, seeds=seeds, snr_db=snr_db) + extra)
    return load_scenario(path)


def test_rows_are_those_of_each_point_alone_in_the_order_of_the_sweep(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    table = netsim.sweep(loaded)
    assert list(table.columns) == ["policy.name", "policy.threshold", "channel.snr_db", *NAMES]
    expected = [
        {**point.coordinates, **Point.of(point.scenario).row(seed)}
        for point in load_grid(loaded).points
        for seed in loaded.seed_values()
    ]
    alone = pd.DataFrame(expected)[list(table.columns)].astype(table.dtypes)
    pd.testing.assert_frame_equal(table, alone, check_exact=True)


def test_undefined_stays_empty(tmp_path: Path, trace: Path) -> None:
    run_sweep(scenario(tmp_path, trace), tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert all(row["rejection_rate"] is None for row in table if row["policy.name"] == "slm")
    assert all(row["true_skip_rate"] is None for row in table if row["policy.name"] == "hlm")
    assert all(row["policy.threshold"] is None for row in table if row["policy.name"] == "hlm")


def test_same_bytes_with_more_jobs(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    for jobs in (1, 2):
        run_sweep(loaded, tmp_path / str(jobs), jobs=jobs)
    assert results(tmp_path / "1") == results(tmp_path / "2")


def test_a_longer_sweep_computes_only_what_is_missing_and_gives_the_bytes_of_a_new_one(
    tmp_path: Path, trace: Path
) -> None:
    out = tmp_path / "out"
    first = run_sweep(scenario(tmp_path, trace), out)
    assert (first.computed, first.reused) == (3 * 2 * 3, 0)
    longer = scenario(tmp_path, trace, seeds=4, snr_db="[0, 10, 20]")
    second = run_sweep(longer, out)
    assert (second.computed, second.reused) == (3 * 3 * 4 - 3 * 2 * 3, 3 * 2 * 3)
    run_sweep(longer, tmp_path / "new")
    assert results(out) == results(tmp_path / "new")


def test_another_scenario_is_refused_key_by_key_and_takes_the_place_only_when_told(
    tmp_path: Path, trace: Path
) -> None:
    out = tmp_path / "out"
    run_sweep(scenario(tmp_path, trace), out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    changed = scenario(tmp_path, trace, seeds=2, snr_db="[20, 30]", extra="downlink: {rate_bps: 1e6}\n")
    with pytest.raises(InputError) as refused:
        run_sweep(changed, out)
    assert [fault.path for fault in refused.value.faults] == [
        "downlink.rate_bps",
        "sweep.channel.snr_db",
        "seeds",
    ]
    assert "have 0.0, which this sweep lacks" in refused.value.faults[1].text
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert run_sweep(changed, out, fresh=True).reused == 0
    run_sweep(changed, tmp_path / "new")
    assert results(out) == results(tmp_path / "new")
    assert run_sweep(changed, out).computed == 0


def test_the_results_there_stay_until_the_new_ones_are_complete(
    tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run_sweep(scenario(tmp_path, trace), out)
    before = {name: (out / name).read_bytes() for name in PRODUCTS}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    changed = scenario(tmp_path, trace, extra="downlink: {rate_bps: 1e6}\n")
    with monkeypatch.context() as patch:
        patch.setattr(chunk_files.ChunkFiles, "add", full)
        with pytest.raises(OSError, match="No space"):
            run_sweep(changed, out, fresh=True)
    assert {name: (out / name).read_bytes() for name in PRODUCTS} == before
    # The folder is the new scenario's now: no need to say --fresh again, which would begin anew.
    run_sweep(changed, out)
    assert (out / "results.parquet").read_bytes() != before["results.parquet"]


def test_figures_go_with_the_results_that_they_show(tmp_path: Path, trace: Path) -> None:
    out = tmp_path / "out"
    run_sweep(scenario(tmp_path, trace), out)
    for name in ("drawn.png", "retouched.png", "own.png"):
        (out / name).write_bytes(b"figure")
    note_figure(out, out / "drawn.png")
    note_figure(out, out / "retouched.png")
    (out / "retouched.png").write_bytes(b"figure, and arrows")
    run_sweep(scenario(tmp_path, trace), out)
    assert (out / "drawn.png").exists()
    run_sweep(scenario(tmp_path, trace, seeds=4), out)
    assert sorted(path.name for path in out.glob("*.png")) == ["own.png", "retouched.png"]


def test_a_changed_latency_profile_reuses_nothing(tmp_path: Path) -> None:
    folder = make_trace(tmp_path / "own", prompts=1, num_tokens=6).folder
    loaded = scenario(tmp_path, folder)
    run_sweep(loaded, tmp_path / "out")
    profile = json.loads((folder / "latency.json").read_text())
    profile["llm"]["median_s"][0][0][0] *= 2
    (folder / "latency.json").write_text(json.dumps(profile))
    assert run_sweep(loaded, tmp_path / "out").reused == 0


def test_fresh_computes_everything(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    run_sweep(loaded, tmp_path / "out")
    assert run_sweep(loaded, tmp_path / "out", fresh=True).reused == 0


def test_a_damaged_chunk_is_said_and_computed_again(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    run_sweep(loaded, tmp_path / "out")
    before = results(tmp_path / "out")
    chunk = chunks(tmp_path / "out")[0]
    chunk.write_bytes(chunk.read_bytes()[:100])
    with pytest.warns(ChunkWarning, match=f"{chunk.name}: damaged, its cells are computed again"):
        report = run_sweep(loaded, tmp_path / "out")
    assert report.computed > 0
    assert results(tmp_path / "out") == before


def test_every_flipped_bit_of_a_chunk_is_found(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    run_sweep(loaded, tmp_path / "out")
    chunk = chunks(tmp_path / "out")[0]
    whole, owner = chunk.read_bytes(), tmp_path / "out" / "chunks"
    whole_done = chunk_files.ChunkFiles(owner, keep=(SCENARIO,)).done
    rng = np.random.default_rng(0)
    for bit in rng.choice(8 * len(whole), NUM_FLIPS, replace=False):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        chunk.write_bytes(flipped)
        with pytest.warns(ChunkWarning, match="damaged"):
            found = chunk_files.ChunkFiles(owner, keep=(SCENARIO,))
        assert not chunk.exists()
        assert found.done != whole_done


def test_a_chunk_that_changes_while_a_sweep_runs_ends_it(tmp_path: Path, trace: Path) -> None:
    run_sweep(scenario(tmp_path, trace), tmp_path / "out")
    stored = chunk_files.ChunkFiles(tmp_path / "out" / "chunks", keep=(SCENARIO,))
    chunk = chunks(tmp_path / "out")[0]
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    with pytest.raises(chunk_files.DamagedChunkError, match=chunk.name):
        list(stored.tables())


def test_what_is_not_ours_among_the_chunks_is_left_alone_and_said(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    run_sweep(loaded, tmp_path / "out")
    inside = tmp_path / "out" / "chunks"
    (inside / "notes.txt").write_text("mine")
    (inside / ("0" * 32 + ".parquet")).write_text("mine")
    (inside / ("0" * 32 + "." + "0" * 64 + ".parquet")).mkdir()
    with pytest.warns(ChunkWarning, match="left alone") as said:
        run_sweep(loaded, tmp_path / "out", fresh=True)
    assert len(said) == 3
    assert (inside / "notes.txt").read_text() == (inside / ("0" * 32 + ".parquet")).read_text() == "mine"


def test_a_cell_that_fails_is_named_and_the_others_finish(tmp_path: Path) -> None:
    folder = make_trace(tmp_path / "own", num_tokens=6, policies={"hlm": Hlm()}).folder
    # Without the SLM's own path in the trace, slm leaves it, and the scenario refuses that.
    loaded = scenario(tmp_path, folder, seeds=2, extra="off_tree: refuse\n")
    report = run_sweep(loaded, tmp_path / "out")
    assert {str(failure.coordinates["policy.name"]) for failure in report.failures} <= {"slm", "u-hlm"}
    assert "policy.name slm, channel.snr_db 0.0, seed 0: OffTree: " in str(report.failures[0])
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert (table["policy.name"] == "hlm").sum() == 2 * 2
    assert len(table) == report.rows == 3 * 2 * 2 - len(report.failures)
    assert run_sweep(loaded, tmp_path / "out").computed == 0
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["failures"]


def test_a_folder_with_something_else_in_it_is_refused_and_untouched(tmp_path: Path, trace: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.tex").write_text("precious")
    with pytest.raises(InputError, match="holds other files"):
        run_sweep(scenario(tmp_path, trace), out, fresh=True)
    assert [path.name for path in out.iterdir()] == ["chapter.tex"]


def test_bad_input_leaves_an_earlier_sweep_untouched(tmp_path: Path, trace: Path) -> None:
    out = tmp_path / "out"
    run_sweep(scenario(tmp_path, trace), out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    bad = scenario(tmp_path, tmp_path / "no-such-trace")
    with pytest.raises(InputError, match="no such folder"):
        run_sweep(bad, out, fresh=True)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_folder_in_use_is_refused(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    run_sweep(loaded, tmp_path / "out")
    before = results(tmp_path / "out")
    with (
        FileLock(tmp_path / "out" / LOCK),
        pytest.raises(InputError, match="another sweep is writing to it"),
    ):
        run_sweep(loaded, tmp_path / "out", fresh=True)
    assert results(tmp_path / "out") == before


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path, trace: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="not a folder"):
        run_sweep(scenario(tmp_path, trace), tmp_path / "out")


def test_the_resolved_scenario_stands_beside_the_results(tmp_path: Path, trace: Path) -> None:
    loaded = scenario(tmp_path, trace)
    run_sweep(loaded, tmp_path / "out", command="netsim sweep small.yaml")
    assert load_scenario(tmp_path / "out" / "scenario.yaml") == loaded
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["command"] == "netsim sweep small.yaml"
    assert manifest["failures"] == []


def chunks(folder: Path) -> list[Path]:
    return sorted((folder / "chunks").glob("*.parquet"))


def results(folder: Path) -> bytes:
    return (folder / "results.parquet").read_bytes()


def test_sums_of_prompts_are_kept_and_give_back_the_rows(tmp_path: Path, trace: Path) -> None:
    folder = run_sweep(scenario(tmp_path, trace), tmp_path / "out").folder
    rows, sums = (pd.read_parquet(folder / name) for name in ("results.parquet", "prompts.parquet"))
    axes = ["policy.name", "policy.threshold", "channel.snr_db", "seed"]
    total = sums.groupby(axes, sort=False, dropna=False).sum().reset_index()
    np.testing.assert_allclose(total["tokens"] / total["seconds"], rows["throughput_tok_s"], rtol=1e-12)
    drafts = rows["transmission_rate"].notna()
    rates = (total["transmitted"] / total["drafted"])[drafts]
    np.testing.assert_allclose(rates, rows["transmission_rate"][drafts], rtol=1e-12)
    np.testing.assert_allclose(total["energy_j"] / total["tokens"], rows["device_energy_j"], rtol=1e-9)
    summary = pd.read_csv(folder / "summary.csv")
    assert summary["throughput_tok_s_prompts_low"].isna().all()  # two prompts say nothing about others
