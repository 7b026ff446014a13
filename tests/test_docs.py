"""The documentation: its reference pages are what the code says, and it is built without a warning, every link checked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netsim.cli.reference import commands_page
from netsim.scenario.reference import scenario_page
from netsim.startup import ROOT


def build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """As ``make docs`` does."""
    words = [
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "-c",
        str(source / "docs"),
        str(source),
        str(out),
    ]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        # Typer words its help by the width of the terminal.
        env={**os.environ, "COLUMNS": "100"},
    )


@pytest.mark.parametrize(("name", "page"), [("scenario", scenario_page), ("commands", commands_page)])
def test_a_reference_page_is_what_the_code_says(name: str, page: Callable[[], str]) -> None:
    committed = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert committed == page(), "make docs writes it anew"


def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    keys = (tmp_path / "docs/scenario.html").read_text(encoding="utf-8")
    assert "coherence_time_s" in keys
    functions = (tmp_path / "docs/python.html").read_text(encoding="utf-8")
    assert 'id="netsim.sweep"' in functions
    assert 'id="netsim.extend.SlotScheduler.pick"' in functions


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[nowhere](nowhere.md)", "nowhere.md"),
        ("[no such section](#nowhere)", "nowhere"),
        ("[no such file](../traces/nowhere/trace.json)", "nowhere"),
        ("![no such picture](nowhere.png)", "nowhere.png"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, text: str, said: str) -> None:
    docs = tmp_path / "source" / "docs"
    docs.mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "conf.py", docs)
    (docs / "index.md").write_text(f"# A page\n\n{text}\n", encoding="utf-8")
    done = build(tmp_path / "source", tmp_path / "out")
    assert done.returncode != 0
    assert said in done.stderr
