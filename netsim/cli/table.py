"""The command ``table``: a sweep's means with their intervals, or two sweeps compared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from netsim.cli.common import IntervalChoice, bad_input, print_grid

if TYPE_CHECKING:
    from analysis.figures.results import Interval
    from analysis.tables import Table


def table(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR [DIR]", help="A results folder; two are compared, pair by pair."),
    ],
    table_format: Annotated[
        Literal["text", "markdown", "latex", "csv"], typer.Option("--format", help="csv: for programs.")
    ] = "text",
    column: Annotated[
        list[str], typer.Option(metavar="NAME", help="A result column; repeatable. See netsim list columns.")
    ] = [],  # noqa: B006  (typer copies it)
    where: Annotated[
        list[str], typer.Option(metavar="KEY=VALUE", help="Only these points; repeatable.")
    ] = [],  # noqa: B006  (typer copies it)
    interval: IntervalChoice = None,
) -> None:
    """Print the means of a sweep with their intervals, the best of each column marked.

    Example: netsim table results/quickstart --where channel.snr_db=10 --column throughput_tok_s --format latex
    """
    from analysis.tables import FORMATS

    made = _table(folders, column, where, interval or "")
    if table_format == "text":
        _print(made)
    else:
        sys.stdout.write(FORMATS[table_format](made))


def _table(folders: list[Path], columns: list[str], where: list[str], interval: Interval) -> Table:
    from analysis.figures.plot import chosen
    from analysis.figures.results import read_results
    from analysis.report.compare import speed_ups
    from analysis.tables import ratios_table, results_table

    if len(folders) > 2:
        raise bad_input("DIR", f"one folder, or two to compare, given {len(folders)}")
    if len(folders) == 1:
        try:
            return results_table(chosen(read_results(folders[0]), where, interval), columns)
        except ValueError as error:
            raise bad_input(str(folders[0]), str(error)) from None
    if where or len(columns) > 1:
        option = "--where" if where else "--column"
        raise bad_input(option, "two folders are compared at all points, in one column")
    own, baseline = folders
    name = columns[0] if columns else "throughput_tok_s"
    return ratios_table(speed_ups(own, baseline, name, interval), name, (own.name, baseline.name))


def _print(made: Table) -> None:
    """For a person: as wide as the terminal."""
    rows = [[f"{cell.text} *" if cell.best else cell.text for cell in row] for row in made.rows]
    print_grid(made.heads, rows, made.num_keys)
    print(made.caption.replace("Marked:", "*:"))
