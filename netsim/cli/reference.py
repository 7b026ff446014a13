"""The reference page of the commands, ``docs/commands.md``: ``python -m netsim.cli.reference > docs/commands.md``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

import typer

HEAD = """\
# Commands

Written by `python -m netsim.cli.reference`; do not edit. The same as `netsim COMMAND --help`. Exit status: 0 done; 2 the input was bad
(one line a fault, nothing overwritten); 1 a fault of ours, or cells that failed; 130 interrupted (what is finished is kept).
"""

#: Commands whose example a test can't run, and why.
NOT_RUN = {
    "profile": "needs memory for seven billion weights",
    "demo": "sweeps the quickstart in full; tests/test_installed.py runs it",
}


def commands_page() -> str:
    """The reference page of all commands, as Markdown; read off the objects of the command line itself."""
    from netsim.cli import app, register

    if not app.registered_commands:
        register()
    lines = [HEAD]
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]  # it is a group
        lines += _section(name, command)
    return "\n".join(lines)


def _section(name: str, command: Any) -> Iterator[str]:
    text, _, example = inspect.cleandoc(command.help).partition("Example: ")
    mark = f"<!-- snippet: not run, {NOT_RUN[name]} -->\n" if name in NOT_RUN else ""
    yield f"## netsim {name}\n\n{text.strip()}\n\n{mark}```sh\n{_one_line(example)}\n```\n"
    with command.make_context(f"netsim {name}", [], resilient_parsing=True) as context:
        records = [
            parameter.get_help_record(context)
            for parameter in command.get_params(context)
            if "--help" not in parameter.opts
        ]
    rows = [f"| `{_cell(record[0])}` | {_cell(record[1])} |" for record in records if record]
    if rows:
        yield from ("| argument or option | what it is |\n| --- | --- |", *rows, "")


def _one_line(text: str) -> str:
    """Text without the white space that a terminal's columns need."""
    return re.sub(r"\s+", " ", text).strip()


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(commands_page())
