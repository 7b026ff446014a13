"""Title, width, font and format of a figure: the same options for every command that draws one."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from netsim.cli.calibrate import calibrate
from netsim.cli.looks import figure_file
from netsim.cli.optimize import optimize
from netsim.cli.plot import plot
from netsim.cli.simulate import sweep
from netsim.deciding.policies import Hlm
from netsim.errors import InputError
from tests.trace_factory import make_trace

COMMANDS = {"plot": "results", "calibrate": "trace", "optimize": "small.yaml"}


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    commands = typer.Typer()
    for command in (plot, calibrate, optimize, sweep):
        commands.command()(command)
    return commands


@pytest.fixture(scope="module", name="folder")
def make_folder(app: typer.Typer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace, a scenario and its results."""
    folder = tmp_path_factory.mktemp("looks")
    make_trace(folder / "trace", prompts=3, num_tokens=6, policies={"hlm": Hlm()})
    (folder / "small.yaml").write_text(
        f"name: small\ntrace: {folder / 'trace'}\npolicy: {{name: hlm}}\ntokens: 6\nseeds: 2\n"
        "sweep: {channel.snr_db: [0, 20]}\n"
    )
    words = ["sweep", str(folder / "small.yaml"), "--out", str(folder / "results"), "--quiet"]
    CliRunner().invoke(app, words, catch_exceptions=False)
    return folder


def ask(app: typer.Typer, folder: Path, command: str, *options: str) -> Result:
    words = [command, str(folder / COMMANDS[command]), *options]
    return CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_figure_alone_has_its_format_title_width_and_font(
    app: typer.Typer, folder: Path, tmp_path: Path, command: str
) -> None:
    out = tmp_path / "figure.svg"
    looks = ("--title", "A title of one's own", "--width", "4.5", "--font", "Serif")
    assert ask(app, folder, command, "--out", str(out), *looks).exit_code == 0
    content = out.read_text(encoding="utf-8")
    assert "A title of one's own" in content
    assert 'width="324pt"' in content  # 4.5 inches
    assert "STIXGeneral" in content
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("command", ["calibrate", "optimize"])
def test_a_folder_has_the_numbers_and_the_figure_in_the_format_asked_for(
    app: typer.Typer, folder: Path, tmp_path: Path, command: str
) -> None:
    ask(app, folder, command, "--out", str(tmp_path / "u-hlm-0.3"), "--format", "pdf")
    names = {path.suffix: path for path in (tmp_path / "u-hlm-0.3").iterdir()}
    assert set(names) == {".pdf", {"calibrate": ".json", "optimize": ".csv"}[command]}
    assert names[".pdf"].read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "fig.gif"), "--out: its suffix names the format, given 'fig.gif', allowed: .png, .pdf, .svg"),
        (("--out", "fig.png", "--format", "pdf"), "--out: its suffix names the format, given 'fig.png', allowed: .pdf"),
        (("--font", "Liberation Sanz"), "--font Liberation Sanz: no such font is installed"),
        (("--width", "0.2"), "--width 0.2: allowed are 1.5 to 60 inches"),
    ],
)  # fmt: skip
def test_a_look_that_cant_be_had_is_one_line_and_nothing_is_written(
    app: typer.Typer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    command: str, options: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        ask(app, folder, command, *options)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "run.final").mkdir()
    assert figure_file(tmp_path / "run.final", "optimum", None) == tmp_path / "run.final" / "optimum.png"
    assert figure_file(tmp_path / "run.final" / "a.PDF", "optimum", None) == tmp_path / "run.final" / "a.PDF"
    assert figure_file(None, "optimum", "pdf") is None
