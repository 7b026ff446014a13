"""The command ``calibrate``: the line between uncertainty and rejection, its thresholds and its risk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.common import bad_input, open_trace
from netsim.cli.looks import FileFormat, Font, StyleChoice, Title, Width, figure_file, look
from netsim.cli.outputs import check_output_folder, writing


def calibrate(
    trace: Annotated[
        Path, typer.Argument(help="Folder or name of a trace with an hlm path, of prompts no sweep uses.")
    ],
    store_in: Annotated[
        Path | None, typer.Option(help="A trace of the same pair, whose manifest is given the calibration.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for calibration.json and a figure, or a file for the figure alone; default: neither."
        ),
    ] = None,
    style: StyleChoice = "screen",
    width: Width = None,
    title: Title = "",
    font: Font = "",
    file_format: FileFormat = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap over prompts.")] = 0,
) -> None:
    """Fit rejection over uncertainty on a trace's hlm path.

    Prints the line with its intervals, both thresholds, and what skipping up to each uncertainty costs.

    Example: netsim calibrate traces/tiny-calibration --store-in traces/tiny
    """
    import numpy as np

    from analysis.calibration.calibrate import calibrate as fit_trace
    from analysis.calibration.calibrate import store_calibration
    from analysis.calibration.show import draw, report, to_json
    from traces.format.manifest import TraceError, replace_file

    picture = figure_file(out, "calibration", file_format)
    wanted_look = look(style, width, title, font)
    check_output_folder("--store-in", store_in)
    try:
        opened = open_trace(trace)
        fit, calibration = fit_trace(opened, np.random.default_rng(seed))
        if store_in is not None:
            store_calibration(store_in, calibration, opened.manifest)
    except TraceError as error:
        raise bad_input("", str(error)) from None
    print(to_json(fit).rstrip() if as_json else report(fit))
    if out is not None and picture is not None:
        with writing("--out", out):
            if picture != out:
                out.mkdir(parents=True, exist_ok=True)
                replace_file(out / "calibration.json", to_json(fit).encode())
            draw(fit, picture, wanted_look)
