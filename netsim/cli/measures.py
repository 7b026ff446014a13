"""The command ``measures``: how well each measure of uncertainty predicts rejection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.common import bad_input, open_trace, print_json, print_table


def measures(
    trace: Annotated[
        Path, typer.Argument(help="Folder of a trace with an hlm path, or the name of one in traces/.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the measures of uncertainty on the drafts of a trace's hlm path.

    Example: netsim measures traces/tiny
    """
    from analysis.calibration.measures import compare_measures
    from traces.format.manifest import TraceError

    try:
        table = compare_measures(open_trace(trace))
    except TraceError as error:
        raise bad_input("", str(error)) from None
    rows = [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, f"{trace}: hlm path")
