"""A sweep that ends at any of its writes goes on to the bytes of one that did not."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest

from netsim.scenario import Scenario, load_scenario
from netsim.sweeps import chunks, tables
from netsim.sweeps.run import run_sweep
from tests.faults import finishes
from tests.trace_factory import make_trace

PRODUCTS = ("results.parquet", "summary.csv", "scenario.yaml")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    folder = tmp_path_factory.mktemp("every-write")
    trace = make_trace(folder / "trace", num_tokens=4).folder
    path = folder / "sweep.yaml"
    path.write_text(
        f"name: s\ntrace: {trace}\npolicy: {{name: hlm}}\ntokens: 4\nseeds: 2\nsweep: {{channel.snr_db: [0, 10]}}\n"
    )
    return load_scenario(path)


def test_the_same_bytes_whatever_write_was_the_last(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(chunks.ROUNDS_PER_CHUNK, "events", 1)
    run_sweep(scenario, tmp_path / "undisturbed", engine="events")
    undisturbed = {name: (tmp_path / "undisturbed" / name).read_bytes() for name in PRODUCTS}
    last = 0
    while True:
        out = tmp_path / str(last)
        sweep = partial(run_sweep, scenario, out, engine="events")
        if finishes(sweep, last):
            break
        assert finishes(sweep, sys.maxsize)
        assert {name: (out / name).read_bytes() for name in PRODUCTS} == undisturbed, last
        assert not list(out.rglob("*.partial")), last
        last += 1
    # Four chunks and five products, two changes each, at the least.
    assert last > 2 * (4 + 5)


def test_a_grown_sweep_killed_at_any_write_leaves_what_was_there_or_what_is_new(
    scenario: Scenario, tmp_path: Path
) -> None:
    grown = scenario.model_copy(update={"seeds": 3})
    run_sweep(grown, tmp_path / "new")
    new = (tmp_path / "new" / "results.parquet").read_bytes()
    last, done = 0, False
    while not done:
        out = tmp_path / str(last)
        run_sweep(scenario, out)
        old = (out / "results.parquet").read_bytes()
        sweep = partial(run_sweep, grown, out)
        done = finishes(sweep, last)
        assert (out / "results.parquet").read_bytes() in (old, new), last
        assert finishes(sweep, sys.maxsize)
        assert (out / "results.parquet").read_bytes() == new, last
        last += 1
    assert last > 2 * 5


def test_the_same_bytes_with_rows_set_aside_and_pieces_gathered(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    # Two of the four pieces, of one SNR each, in a chunk.
    more = {"channel.snr_db": (0.0, 5.0, 10.0, 15.0)}
    gathered = scenario.model_copy(update={"sweep": more})
    monkeypatch.setattr(chunks, "CELLS_PER_CHUNK", 4)
    monkeypatch.setattr(chunks, "LEAST_SHARE", 1.0)
    run_sweep(gathered, tmp_path / "undisturbed")
    assert len(list((tmp_path / "undisturbed" / "chunks").glob("*.parquet"))) == 2
    undisturbed = {name: (tmp_path / "undisturbed" / name).read_bytes() for name in PRODUCTS}
    names = {path.relative_to(tmp_path / "undisturbed") for path in (tmp_path / "undisturbed").rglob("*")}
    last, done = 0, False
    while not done:
        out = tmp_path / str(last)
        sweep = partial(run_sweep, gathered, out)
        done = finishes(sweep, last)
        assert finishes(sweep, sys.maxsize)
        assert {name: (out / name).read_bytes() for name in PRODUCTS} == undisturbed, last
        assert {path.relative_to(out) for path in out.rglob("*")} == names, last
        last += 1
    # Two chunks and five products, two changes each, and a run that was set aside.
    assert last > 2 * (2 + 5) + 1
