"""What keeps a sweep of a million cells from slowing down: counts of files, of their cells and of their reads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from netsim.point import Point
from netsim.scenario import Scenario, load_grid, load_scenario
from netsim.sweeps import chunk_files, chunks, tables
from netsim.sweeps.chunks import Chunk, SweepPoint, missing_chunks, sweep_points
from netsim.sweeps.run import run_sweep
from tests.trace_factory import make_trace

NUM_POINTS, NUM_SEEDS = 2 * 6, 3
SWEEP = """
name: many
trace: {trace}
policy: {{name: hlm}}
tokens: 4
seeds: 3
sweep:
  policy: [{{name: hlm}}, {{name: u-hlm, threshold: 0.3}}]
  channel.snr_db: [-5, 0, 5, 10, 15, 20]
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    folder = tmp_path_factory.mktemp("many")
    path = folder / "sweep.yaml"
    path.write_text(SWEEP.format(trace=make_trace(folder / "trace", num_tokens=4).folder))
    return load_scenario(path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each chunk is read."""
    counted: Counter[str] = Counter()
    read = chunk_files._read

    def counting(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
        counted[path.name] += 1
        return read(path, columns)

    monkeypatch.setattr(chunk_files, "_read", counting)
    return counted


def test_a_chunk_is_read_once_for_the_results_however_many_parts_its_points_lie_in(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: Counter[str]
) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", NUM_SEEDS)  # a part for every point
    run_sweep(scenario, tmp_path / "out")
    # The outer axis is the policy: the points of a channel, which share a chunk, are far apart in the order.
    assert reads == Counter(path.name for path in (tmp_path / "out" / "chunks").glob("*.parquet"))
    reads.clear()
    run_sweep(scenario, tmp_path / "out")
    assert set(reads.values()) == {2}  # found, and used


@pytest.mark.parametrize("rows_in_memory", [1, 4, NUM_SEEDS * 4, 10 * NUM_POINTS * NUM_SEEDS])
@pytest.mark.parametrize("rounds", [1, 10_000])
def test_rows_and_summary_do_not_depend_on_the_parts_or_on_the_chunks(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_in_memory: int, rounds: int
) -> None:
    run_sweep(scenario, tmp_path / "whole")
    monkeypatch.setattr(tables, "MOST_ROWS", rows_in_memory)
    monkeypatch.setitem(chunks.ROUNDS_PER_CHUNK, "arrays", rounds)
    run_sweep(scenario, tmp_path / "parts")
    for name in ("results.parquet", "prompts.parquet"):
        whole, parts = (pq.read_table(tmp_path / out / name) for out in ("whole", "parts"))
        assert whole.equals(parts)
    summaries = [(tmp_path / out / "summary.csv").read_bytes() for out in ("whole", "parts")]
    assert summaries[0] == summaries[1]


def test_whole_numbers_are_spelled_alike_in_every_part(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = ({"name": "u-hlm", "threshold": 0.3}, {"name": "cu-hlm", "threshold": 0.3, "k": 8})
    base = scenario.model_dump() | {"payload": {"vocabulary_size": 16}}
    swept = load_grid({**base, "sweep": {"policy": policies}})
    run_sweep(swept, tmp_path / "whole")
    monkeypatch.setattr(tables, "MOST_ROWS", 1)
    run_sweep(swept, tmp_path / "parts")
    texts = [(tmp_path / out / "summary.csv").read_text() for out in ("whole", "parts")]
    assert texts[0] == texts[1]
    k = pd.read_csv(tmp_path / "whole" / "summary.csv")["policy.k"]
    assert k.isna().tolist() == [True, False]
    assert k[1] == 8


def synthetic(
    one: SweepPoint, channels: int, *, policies: int = 1, rounds: int = 8, token_seeds: int = 1
) -> list[SweepPoint]:
    """Points that no scenario stands behind: enough to be cut into chunks."""
    return [
        replace(
            one,
            digest=f"{channel}/{policy}",
            fading=str(channel),
            rounds=rounds,
            token_seeds=token_seeds,
        )
        for policy in range(policies)
        for channel in range(channels)
    ]


def cells(cut: list[Chunk]) -> list[tuple[str, int]]:
    return [
        (point.digest, seed)
        for chunk in cut
        for piece in chunk.pieces
        for point in piece.points
        for seed in piece.seeds
    ]


@pytest.fixture(scope="module")
def point(scenario: Scenario) -> SweepPoint:
    return sweep_points(load_grid(scenario), "arrays")[0]


def test_a_sweep_of_tiny_pieces_has_few_chunks_and_each_cell_once(point: SweepPoint) -> None:
    points = synthetic(point, 20_000)
    cut = list(missing_chunks(points, range(2), {}))
    assert sorted(cells(cut)) == sorted((own.digest, seed) for own in points for seed in range(2))
    # A chunk is at least half full with its neighbour.
    least = chunks.CELLS_PER_CHUNK * chunks.LEAST_SHARE
    assert len(cut) <= 2 * 20_000 * 2 / least + 1
    assert max(chunk.num_cells for chunk in cut) <= least
    assert len({chunk.name for chunk in cut}) == len(cut)


def test_files_grow_with_the_cells_alone(point: SweepPoint) -> None:
    few, many = (
        len(list(missing_chunks(synthetic(point, channels), range(10), {}))) for channels in (30_000, 60_000)
    )
    # Past a thousand, chunks become fuller instead of more.
    assert chunks.CHUNKS_TO_SHARE / 2 <= few <= 2 * chunks.CHUNKS_TO_SHARE
    assert many <= 2 * chunks.CHUNKS_TO_SHARE


def test_a_chunk_has_no_more_cells_than_one_may_lose_however_short_they_are(point: SweepPoint) -> None:
    points = synthetic(point, 1, policies=100)
    cut = list(missing_chunks(points, range(1000), {}))
    assert len(cells(cut)) == len(set(cells(cut))) == 100_000
    assert max(chunk.num_cells for chunk in cut) <= chunks.CELLS_PER_CHUNK


def test_pieces_that_are_some_work_stay_chunks_of_their_own(point: SweepPoint) -> None:
    rounds = chunks.ROUNDS_PER_CHUNK["arrays"] // 20
    cut = list(missing_chunks(synthetic(point, 13, rounds=rounds), range(2), {}))
    assert len(cut) == 13


def test_seeds_that_share_decisions_are_computed_together(point: SweepPoint) -> None:
    """1000 seeds of 8 token seeds, 17 a chunk of 13 SNRs and 21 policies: each chunk meets one or two token seeds, in one go."""
    points = synthetic(point, 1, policies=13 * 21, rounds=2048, token_seeds=8)
    cut = list(missing_chunks(points, range(1000), {}))
    assert sorted(cells(cut)) == sorted((own.digest, seed) for own in points for seed in range(1000))
    met = [{seed % 8 for piece in chunk.pieces for seed in piece.seeds} for chunk in cut]
    assert max(map(len, met)) == 2
    assert len(cut) == math.ceil(1000 / 17)
    for number in range(8):
        where = [place for place, token_seeds in enumerate(met) if number in token_seeds]
        assert where == list(range(where[0], where[-1] + 1))
        assert len(where) <= 9


def test_snrs_are_computed_together_by_arrays_alone(scenario: Scenario) -> None:
    """They meet the same fading. By events each has curves of its own, kept for its policies."""
    axes = {"channel.snr_db": [0.0, 10.0], "channel.bandwidth_hz": [1e6, 1e7], "policy": ["slm", "hlm"]}
    grid = load_grid({**scenario.model_dump(), "sweep": axes})
    for engine, pieces in (("arrays", 2), ("events", 4)):
        cut = list(missing_chunks(sweep_points(grid, engine), range(3), {}))
        assert sum(len(chunk.pieces) for chunk in cut) == pieces


def test_what_is_done_is_left_out_of_a_gathered_chunk(point: SweepPoint) -> None:
    points = synthetic(point, 50, policies=2)
    done = {own.digest: {0} if number % 3 else {0, 1} for number, own in enumerate(points)}
    cut = list(missing_chunks(points, range(2), done))
    missing = [(own.digest, 1) for number, own in enumerate(points) if number % 3]
    assert sorted(cells(cut)) == sorted(missing)


def test_points_share_no_downlink_whose_rate_is_the_channels(tmp_path: Path, scenario: Scenario) -> None:
    """The downlink's SNR is its own, its law and bandwidth the channel's: a point is what it is alone."""
    axes = {"channel.bandwidth_hz": [1e4, 1e6], "policy": ["hlm"]}
    content = {**scenario.model_dump(), "seeds": 2, "downlink": {"snr_db": 3.0}, "sweep": axes}
    loaded = Scenario.model_validate(content)
    run_sweep(loaded, tmp_path / "out", engine="arrays")
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    alone = [Point.of(point.scenario).row(seed) for point in load_grid(loaded).points for seed in (0, 1)]
    assert table["downlink_s"].tolist() == [row["downlink_s"] for row in alone]
    assert table["downlink_s"].nunique() == 2
