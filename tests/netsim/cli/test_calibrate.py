from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from netsim.cli.calibrate import calibrate
from netsim.cli.optimize import optimize
from netsim.deciding.policies import Hlm
from netsim.errors import InputError
from tests.trace_factory import make_trace
from traces.format.manifest import Prompt, read_manifest, write_manifest
from traces.format.trace import Trace

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    commands = typer.Typer()
    commands.command()(calibrate)
    commands.command()(optimize)
    return commands


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    folder = tmp_path_factory.mktemp("traces") / "calibration"
    return make_trace(folder, prompts=4, num_tokens=12, policies={"hlm": Hlm()})


def test_calibrate_prints_stores_and_draws(app: typer.Typer, trace: Trace, tmp_path: Path) -> None:
    sweep = make_trace(tmp_path / "sweep", policies={"hlm": Hlm()})
    others = tuple(Prompt(id=p.id, tokens=(*p.tokens, 0)) for p in sweep.manifest.prompts)
    write_manifest(sweep.folder, sweep.manifest.model_copy(update={"prompts": others}))
    options = ["--store-in", str(sweep.folder), "--out", str(tmp_path / "out")]
    result = RUNNER.invoke(app, ["calibrate", str(trace.folder), *options], catch_exceptions=False)
    assert "risk-averse threshold" in result.output
    stored = read_manifest(sweep.folder).calibration
    assert stored is not None
    assert stored.source == trace.manifest.name
    assert json.loads((tmp_path / "out" / "calibration.json").read_text())["a"]["value"] == stored.a
    assert (tmp_path / "out" / "calibration.png").stat().st_size > 0


def test_calibrate_gives_json_that_repeats(app: typer.Typer, trace: Trace) -> None:
    first, second = (RUNNER.invoke(app, ["calibrate", str(trace.folder), "--json"]).output for _ in range(2))
    assert first == second
    assert json.loads(first)["prompts"] == 4


def test_calibrating_on_a_sweeps_own_prompts_is_refused(app: typer.Typer, trace: Trace) -> None:
    with pytest.raises(InputError, match="shares a prompt"):
        RUNNER.invoke(
            app, ["calibrate", str(trace.folder), "--store-in", str(trace.folder)], catch_exceptions=False
        )


def test_optimize_prints_a_row_for_each_snr(app: typer.Typer, tmp_path: Path) -> None:
    recorded = make_trace(tmp_path / "trace", prompts=2, num_tokens=6)
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(
        f"name: small\ntrace: {recorded.folder}\npolicy: {{name: hlm}}\ntokens: 6\nseeds: 2\n"
        "sweep: {channel.snr_db: [0, 20]}\n"
    )
    options = ["--subject-to", "rejected_skips <= 0.2", "--json", "--out", str(tmp_path / "out")]
    result = RUNNER.invoke(app, ["optimize", str(scenario), *options], catch_exceptions=False)
    rows = json.loads(result.output)
    assert [row["channel.snr_db"] for row in rows] == [0, 20]
    assert all(row["rejected_skips"] <= 0.2 for row in rows)
    assert (tmp_path / "out" / "optimum.csv").read_text().startswith("channel.snr_db,threshold")
    assert (tmp_path / "out" / "optimum.png").stat().st_size > 0
