"""Options on how a figure looks and where it goes, the same for every command that draws one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from netsim.cli.common import bad_input
from netsim.cli.outputs import check_output_file, check_output_folder

if TYPE_CHECKING:
    from analysis.figures.style import Style

#: Formats of a figure, by suffix.
FIGURES = (".png", ".pdf", ".svg")

StyleChoice = Annotated[
    Literal["screen", "paper", "slides"],
    typer.Option(help="paper: one column of a two-column paper, notes left to the caption."),
]
Width = Annotated[
    float | None,
    typer.Option(metavar="INCHES", help="Of the figure; panels go below each other.", show_default=False),
]
Title = Annotated[str, typer.Option(help="Above the figure.", show_default=False)]
Font = Annotated[
    str,
    typer.Option(
        metavar="FAMILY",
        help="sans, serif, or a family that is installed. Default: the style's.",
        show_default=False,
    ),
]
FileFormat = Annotated[
    Literal["png", "pdf", "svg"] | None,
    typer.Option("--format", help="Default: that of the suffix of --out, else png.", show_default=False),
]


def look(style: str, width: float | None, title: str, font: str) -> Style:
    """The style that the options ask for; a wrong one is said before any work."""
    from analysis.figures.style import styled

    try:
        return styled(style, width, title, font)
    except ValueError as error:
        raise bad_input("", str(error)) from None


def figure_file(out: Path | None, stem: str, file_format: str | None) -> Path | None:
    """The file of a figure whose numbers may go with it, checked before any work.

    Parameters
    ----------
    out : Path, optional
        A folder for numbers and figure, or, by its suffix, the file of the figure alone.
    stem : str
        The figure's name in a folder.

    Returns
    -------
    Path or None
        None where nothing is to be written.
    """
    if out is None:
        return None
    # What looks like the suffix of a file is one, unless there is such a folder: u-hlm-0.3 is a folder's name.
    if not out.is_dir() and re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,4}", out.suffix):
        check_output_file("--out", out, (f".{file_format}",) if file_format else FIGURES)
        return out
    check_output_folder("--out", out)
    return out / f"{stem}.{file_format or 'png'}"
