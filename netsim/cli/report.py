"""The command ``report``: one HTML file of one results folder, or of two compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.common import bad_input
from netsim.cli.outputs import check_output_file


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR [DIR]", help="A results folder, and one to compare it with."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Default: report.html in the (first) folder.")
    ] = None,
) -> None:
    """Write one self-contained HTML file: an explorer, a replay to watch, figures and tables.

    It opens in any browser, without a network. Of two folders it shows the paired speed-up of the first over
    the second, as netsim table does, cell by cell, and what differs in their scenarios.

    Example: netsim report results/quickstart --out quickstart.html
    """
    from analysis.report.page import PARTS, write_report
    from netsim.sweeps.progress import progress

    if len(folders) > 2:
        raise bad_input("report", f"takes one folder, or two to compare, given {len(folders)}")
    path = out or folders[0] / "report.html"
    check_output_file("--out", path, (".html", ".htm"))
    try:
        with progress("parts of the report", PARTS, quiet=False) as advance:
            write_report(folders[0], path, folders[1] if len(folders) == 2 else None, advance)
    except OSError as error:
        raise bad_input(str(path), f"can't be written: {error.strerror}") from None
    print(f"report: {path}")
