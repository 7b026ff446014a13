"""The command ``plot``: figures of a results folder, and of a run's logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.common import IntervalChoice, bad_input
from netsim.cli.looks import FIGURES, FileFormat, Font, StyleChoice, Title, Width, look
from netsim.cli.outputs import check_output_file


def plot(
    source: Annotated[
        list[Path],
        typer.Argument(metavar="DIR", help="A results folder; for latency-cdf and timeline, files of a run."),
    ],
    kind: Annotated[
        str | None, typer.Option(help="See netsim list figures. Default: throughput over what is swept.")
    ] = None,
    x: Annotated[
        str | None, typer.Option("--x", metavar="KEY", help="A swept key, or a result column.")
    ] = None,
    y: Annotated[str | None, typer.Option("--y", metavar="COLUMN", help="A result column.")] = None,
    where: Annotated[
        list[str], typer.Option(metavar="KEY=VALUE", help="Only these points; repeatable.")
    ] = [],  # noqa: B006  (typer copies it)
    interval: IntervalChoice = None,
    style: StyleChoice = "screen",
    width: Width = None,
    title: Title = "",
    font: Font = "",
    devices: Annotated[str, typer.Option(metavar="0,1,…", help="Of a timeline; default: all.")] = "",
    from_s: Annotated[
        float | None, typer.Option("--from", metavar="SECONDS", help="Start of a timeline.")
    ] = None,
    to_s: Annotated[float | None, typer.Option("--to", metavar="SECONDS", help="End of a timeline.")] = None,
    file_format: FileFormat = None,
    out: Annotated[Path | None, typer.Option(help="File to write; default: DIR/KIND.FORMAT.")] = None,
) -> None:
    """Draw a figure.

    Example: netsim plot results/quickstart --x channel.snr_db --y uplink_bits --where policy.name=u-hlm --out bits.pdf
    """
    from analysis.figures.logs import Window
    from analysis.figures.plot import Wanted
    from analysis.figures.plot import plot as draw
    from netsim.sweeps.store import note_figure

    check_output_file("--out", out, (f".{file_format}",) if file_format else FIGURES)
    wanted_look = look(style, width, title, font)
    try:
        window = Window(tuple(int(one) for one in devices.split(",") if one.strip()), from_s, to_s)
    except ValueError:
        raise bad_input("--devices", f"{devices!r}, allowed: numbers of devices, as 0,1,2") from None
    try:
        picture, caption = draw(
            source,
            Wanted(kind, x, y, where, window, interval or ""),
            file_format,
            out,
            wanted_look,
        )
        if source[0].is_dir():
            note_figure(source[0], picture)
    except (ValueError, OSError) as error:
        raise bad_input(str(source[0]), str(error)) from None
    print(f"picture: {picture}")
    if caption:
        print(f"caption: {caption}")
