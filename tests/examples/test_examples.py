"""The programs and the notebook of ``examples/`` say what is recorded beside them, to the letter."""

from __future__ import annotations

import os
import subprocess
import sys
import tokenize
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from netsim.startup import ROOT

EXAMPLES = ROOT / "examples"
NOTEBOOK = EXAMPLES / "own_policy.ipynb"
PROGRAMS = sorted(EXAMPLES.glob("*.py"))


def test_every_program_has_its_output_beside_it() -> None:
    assert len(PROGRAMS) >= 5
    assert [path.stem for path in PROGRAMS] == sorted(path.stem for path in EXAMPLES.glob("*.txt"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_says_what_is_recorded(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        # The clone need not be installed.
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == path.with_suffix(".txt").read_text(encoding="utf-8")
    if path.stem == "own_policy":
        assert (tmp_path / "own_policy.png").read_bytes().startswith(b"\x89PNG")


def read_notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def said(notebook: Any) -> list[list[str]]:
    """What each cell prints and gives as text; of a figure, that it is one."""
    return [
        [
            output.get("text")
            or ("figure" if "image/png" in output["data"] else output["data"]["text/plain"])
            for output in cell.get("outputs", [])
        ]
        for cell in notebook.cells
    ]


def test_the_notebook_gives_its_recorded_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = read_notebook()
    nbformat.validate(recorded)
    run = read_notebook()
    for cell in run.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("DISPLAY", raising=False)
    client = NotebookClient(
        run, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    assert said(run) == said(recorded)
    assert ["figure"] in said(recorded)


def test_the_policy_of_the_notebook_has_ten_lines() -> None:
    notebook = read_notebook()
    [cell] = [one for one in notebook.cells if "class Audited:" in one.source]
    lines = iter(cell.source.partition("class Audited:")[2].splitlines(keepends=True))
    starts = {
        token.start[0]
        for token in tokenize.generate_tokens(lambda: next(lines, ""))
        if token.type == tokenize.NAME
    }
    assert len(starts) <= 10
