"""The commands ``plot``, ``table`` and ``list columns``, as a person types them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from netsim.cli import app, register
from netsim.results.columns import NAMES
from tests.sweep_factory import made_up_sweep

if not app.registered_commands:
    register()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results")
    made_up_sweep().table.to_parquet(path / "results.parquet")
    return path


def netsim(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.stdout)


def test_plot_says_what_it_wrote_and_what_belongs_in_a_caption(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.svg"
    said = netsim(
        "plot", str(folder), "--x", "channel.snr_db", "--y", "uplink_s", "--where", "policy.name=hlm",
        "--where", "policy.name=HLM", "--style", "paper", "--title", "Only this", "--out", str(out),
    )  # fmt: skip
    assert said.splitlines() == [f"picture: {out}", "caption: Bands: 95 % interval over token seeds."]
    drawn = out.read_text("utf-8")
    assert "Only this" in drawn
    assert "u-hlm" not in drawn


def test_table_in_every_format_holds_the_same_mean(folder: Path) -> None:
    words = ["table", str(folder), "--where", "channel.snr_db=10", "--column", "throughput_tok_s", "--format"]
    numbers = pd.read_csv(io.StringIO(netsim(*words, "csv")))
    hlm = numbers[numbers["policy.name"] == "hlm"]["throughput_tok_s_mean"].item()
    for name in ("text", "markdown", "latex"):
        assert f"{hlm:.1f}" in netsim(*words, name)


def test_every_column_and_figure_is_listed() -> None:
    listed = {row["name"] for row in json.loads(netsim("list", "columns", "--json"))}
    assert listed == set(NAMES)
    figures = {row["name"] for row in json.loads(netsim("list", "figures", "--json"))}
    assert {"throughput-vs-snr", "timeline", "latency-cdf"} <= figures
