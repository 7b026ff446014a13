"""Every command and Python snippet of the README and of docs/ runs as pasted, in small: see `small` and `SMALLER`."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from netsim.cli import app, register
from netsim.startup import ROOT
from tests.snippets import RUN, Runner, Snippet, snippets

#: Run elsewhere: a page, and the test that runs all of its snippets.
ELSEWHERE = {"docs/extending.md": "tests/netsim/extend/test_extending.py"}
PAGES = {
    path.relative_to(ROOT).as_posix(): snippets(
        path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    )
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
}
RUNNABLE = {
    page: found
    for page, found in PAGES.items()
    if page not in ELSEWHERE and any(one.language in RUN for one in found)
}
#: Snippets that are marked as not run here; more of them is a decision, not an accident.
MARKED = {
    "docs/clusters.md": 2,
    "docs/commands.md": 2,
    "docs/recording.md": 4,
    "docs/thresholds.md": 1,
}
#: What a command takes minutes for is asked of it in small; an option that is given twice counts as given last.
SMALLER = {
    "record": "--num-prompts 6 --tokens 6 --seeds 1 --profile-share 0.01",
    "profile": "--contexts 0 --positions 1 --batches 1 --repeats 1",
    "optimize": "--set seeds=2 --set tokens=6 --set channel.snr_db=10",
}


def small(scenario: str) -> str:
    """A scenario with two seeds, two SNRs and short answers."""
    scenario = re.sub(r"snr_db: \{start: -10.*\}", "snr_db: [0, 10]", scenario)
    text = re.sub(r"^(seeds|tokens): .*\n", "", scenario, flags=re.MULTILINE)
    return f"{text}seeds: 2\ntokens: 6\n"


@pytest.fixture(scope="module", name="runner")
def start_runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="module", name="clone")
def make_clone(tmp_path_factory: pytest.TempPathFactory, runner: Runner) -> Path:
    """What of the clone a command may name, with the results of the demo; what is only read is linked to."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "traces").mkdir()
    for trace in ("tiny-full", "tiny-cu", "field", "qwen"):
        (folder / "traces" / trace).symlink_to(ROOT / "traces" / trace)
    shutil.copytree(ROOT / "traces" / "tiny-calibration", folder / "traces" / "tiny-calibration")
    (folder / "models").mkdir()
    shutil.copytree(ROOT / "models" / "profiles", folder / "models" / "profiles")
    (folder / "models" / "tiny").symlink_to(ROOT / "models" / "tiny")
    shutil.copytree(ROOT / "scenarios", folder / "scenarios", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "scenarios").glob("*.yaml"):
        path.write_text(small(path.read_text(encoding="utf-8")), encoding="utf-8")
    status, _, errors = runner(folder, ["netsim", "sweep", "scenarios/quickstart.yaml"])
    assert status == 0, errors
    return folder


def run_command(runner: Runner, folder: Path, words: list[str]) -> None:
    """Run a command of the project, or see that ``make`` knows what is asked of it."""
    if words[0] == "make":
        subprocess.run(["make", "--dry-run", *words[1:]], cwd=ROOT, check=True, capture_output=True)  # noqa: S607  (the make of the path)
        return
    if words == [".", ".venv/bin/activate"]:
        return
    assert words[0] == "netsim", f"{words[0]}: mark the snippet, with the reason why it can't be run"
    target = words[-1] if ">" in words else ""
    given = words[:-2] if target else words
    status, output, errors = runner(folder, [*given, *SMALLER.get(given[1], "").split()])
    assert status == 0, f"{' '.join(words)}: {errors}"
    if target:
        (folder / target).write_text(output, encoding="utf-8")


@pytest.mark.parametrize("page", RUNNABLE)
def test_the_snippets_of_a_page_run_as_pasted(page: str, clone: Path, runner: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    shutil.copytree(clone, folder, symlinks=True)
    if "traces/tiny" in " ".join(one.text for one in PAGES[page]):
        # A copy: some commands write beside it.
        shutil.copytree(ROOT / "traces" / "tiny", folder / "traces" / "tiny")
    for one in PAGES[page]:
        if one.file:
            (folder / one.file).write_text(small(one.text), encoding="utf-8")
        elif one.reason or one.language not in RUN:
            continue
        elif one.language == "python":
            status, _, errors = runner(folder, [], one.text)
            assert status == 0, f"{page}:{one.line}: {errors}"
        else:
            for words in one.commands():
                run_command(runner, folder, words)


def parse(words: list[str]) -> None:
    """Refuse a command or an option that the command line does not know."""
    if not app.registered_commands:
        register()
    command = typer.main.get_command(app).commands[words[1]]  # type: ignore[attr-defined]  # it is a group
    command.make_context(f"netsim {words[1]}", words[2:])


def marked() -> list[Snippet]:
    return [one for found in PAGES.values() for one in found if one.reason]


def test_what_is_not_run_is_counted_and_parsed() -> None:
    assert Counter(one.page for one in marked()) == MARKED
    commands = [words for one in marked() for words in one.commands() if words[0] == "netsim"]
    assert len(commands) >= 6
    for words in commands:
        parse(words)


def test_a_misspelt_option_is_not_parsed() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(["netsim", "sweep", "a.yaml", "--job", "2"])


def test_a_snippet_that_fails_is_noticed(runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"sweep nowhere.yaml"):
        run_command(runner, tmp_path, ["netsim", "sweep", "nowhere.yaml"])
    assert runner(tmp_path, [], "raise ValueError('told')")[0] == 1
    with pytest.raises(AssertionError, match="mark the snippet"):
        run_command(runner, tmp_path, ["sbatch", "examples/slurm.sbatch"])
