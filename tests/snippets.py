"""Snippets of a Markdown page, and a process that runs them.

The process imports what is slow once and forks for every snippet, so that each has a fresh interpreter in an instant.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FENCE = re.compile(
    r"^(?:<!-- snippet: (?P<note>.*?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUN = ("sh", "bash", "console", "python")


@dataclass(frozen=True)
class Snippet:
    """A fenced block: where it starts, what it says, and the remark above it."""

    page: str
    line: int
    language: str
    text: str
    note: str

    @property
    def reason(self) -> str:
        """Why it can't be run; empty where it can."""
        return self.note.removeprefix("not run, ") if self.note.startswith("not run, ") else ""

    @property
    def file(self) -> str:
        """Name under which the page has it saved, if it does."""
        return self.note.removeprefix("file ") if self.note.startswith("file ") else ""

    def commands(self) -> list[list[str]]:
        """The words of each command of a shell snippet; prompts of a console are not part of them."""
        lines = self.text.replace("\\\n", " ").splitlines()
        words = (shlex.split(line.removeprefix("$ "), comments=True) for line in lines)
        return [one for one in words if one]


def snippets(page: str, text: str) -> list[Snippet]:
    """Fenced blocks of a page.

    >>> [found.reason for found in snippets("page", "<!-- snippet: not run, why -->\\n```sh\\nls\\n```\\n")]
    ['why']
    """
    return [
        Snippet(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["text"],
            found["note"] or "",
        )
        for found in FENCE.finditer(text)
    ]


class Runner:
    """The other end of `serve`."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.snippets"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).resolve().parent.parent,
        )

    def __call__(self, folder: Path, words: list[str], code: str = "") -> tuple[int, str, str]:
        """Run a command, or Python code; its status, output and errors."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"folder": str(folder), "words": words, "code": code}) + "\n")
        self.process.stdin.flush()
        status, output, errors = json.loads(self.process.stdout.readline())
        return status, output, errors

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)
        assert self.process.stdout
        self.process.stdout.close()


def _warm_up() -> None:
    """Load once, for all forks, what nearly every command takes its time for: modules, compiled code, fonts.

    No thread may be left: a fork has none of them.
    """
    import bokeh.plotting  # noqa: F401, PLC0415
    import seaborn  # noqa: F401, ICN001, PLC0415
    import transformers  # noqa: F401, PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    import analysis  # noqa: PLC0415
    import models.record  # noqa: F401, PLC0415
    import netsim  # noqa: PLC0415

    for package in (netsim, analysis):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    scenario = {
        "name": "warm",
        "trace": "tiny-full",
        "tokens": 4,
        "policy": {"name": "u-hlm", "threshold": 0.3},
    }
    for blocks in ({}, {"devices": 2}):
        netsim.simulate(scenario | blocks)
    figure = Figure(layout="constrained")
    figure.subplots().set_title("warm")
    figure.draw_without_rendering()


def serve() -> None:
    """Run what is asked for, a line each, until there is no more."""
    _warm_up()
    for line in sys.stdin:
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            child = os.fork()
            if child == 0:
                _run(json.loads(line), output.fileno(), errors.fileno())
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said = []
            for stream in (output, errors):
                stream.seek(0)
                said.append(stream.read().decode("utf-8", "replace"))
        print(json.dumps([status, *said]), flush=True)  # noqa: T201


def _run(asked: dict[str, Any], output: int, errors: int) -> None:
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.chdir(asked["folder"])
    status = 0
    try:
        if asked["code"]:
            sys.argv = ["snippet.py"]
            exec(compile(asked["code"], "snippet.py", "exec"), {"__name__": "__main__"})  # noqa: S102  (this project's)
        else:
            from netsim.cli import main  # noqa: PLC0415

            sys.argv = asked["words"]
            main()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001  (told to the other end)
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve()
