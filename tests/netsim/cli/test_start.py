"""``netsim new`` gives a scenario that is well, and never writes over one; ``netsim demo`` does the main job."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from netsim.cli import app, register
from netsim.errors import InputError
from netsim.scenario import load_grid
from netsim.startup import ROOT

TEMPLATES = sorted(
    path.relative_to(ROOT / "scenarios").with_suffix("").as_posix()
    for path in (ROOT / "scenarios").rglob("*.yaml")
)


@pytest.fixture(scope="module", autouse=True)
def commands() -> None:
    if not app.registered_commands:
        register()


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_a_scenario_to_start_from(template: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert CliRunner().invoke(app, ["new", template, "--out", str(path)]).exit_code == 0
    assert path.read_text("utf-8").startswith("#"), "a template says what it shows"
    assert load_grid(path).points
    schema = path.read_text("utf-8").partition("\n")[0].partition("$schema=")[2]
    assert Path(schema) == ROOT / "scenarios" / "scenario.schema.json"


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(app, ["new", "--out", str(path)])
    assert isinstance(result.exception, InputError)
    assert "is there already" in str(result.exception)
    assert path.read_text("utf-8") == "mine"


def test_a_misspelt_template_is_named() -> None:
    result = CliRunner().invoke(app, ["new", "quickstrat"])
    assert "did you mean 'quickstart'?" in str(result.exception)


def test_the_demo_sweeps_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 0, result.output
    assert "results: results/quickstart" in result.output
    assert (tmp_path / "results/quickstart/results.parquet").is_file()
    assert list((tmp_path / "results/quickstart").glob("*.png"))
