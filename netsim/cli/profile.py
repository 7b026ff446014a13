"""The command ``profile``: how long forward passes take."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from netsim.cli.common import bad_input, print_json
from netsim.cli.outputs import check_output_file, writing


def profile(
    out: Annotated[Path, typer.Option(help="File to write, e.g. models/profiles/NAME.json.")],
    pair: Annotated[str | None, typer.Option(help="A pair that ships with the project: tiny.")] = None,
    model: Annotated[str | None, typer.Option(help="Folder, or name of the hub, of one model.")] = None,
    architecture: Annotated[
        str | None,
        typer.Option(help="tinyllama-1.1b, llama-2-7b or a config.json: random weights, the same latency."),
    ] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        typer.Option(help="Default: float32, for an architecture bfloat16.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 or mps.")] = "cpu",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Processor threads; default: as many as torch takes.")
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, help="Passes per cell of the grid, after two to warm up.")
    ] = 7,
    contexts: Annotated[
        list[int] | None, typer.Option(help="Positions already in the cache; repeatable.", show_default=False)
    ] = None,
    positions: Annotated[
        list[int] | None, typer.Option(help="New positions of a pass; repeatable.", show_default=False)
    ] = None,
    batches: Annotated[
        list[int] | None, typer.Option(help="Sequences side by side; repeatable.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Measure the latency of forward passes with a KV cache and write a profile that scenarios name.

    Measure on a machine that does nothing else.

    Example: netsim profile --architecture llama-2-7b --out models/profiles/llama-2-7b.json
    """
    given = [
        (kind, name)
        for kind, name in (("pair", pair), ("model", model), ("architecture", architecture))
        if name
    ]
    if len(given) != 1:
        raise bad_input("--pair", "give one of --pair, --model and --architecture")
    try:
        from models.profile import measure, write_profile
    except ModuleNotFoundError as error:
        raise bad_input("profile", f"needs {error.name}: pip install -e '.[models]'") from None
    axes = {"contexts": contexts, "positions": positions, "batches": batches}

    def report(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr)

    wanted = {name: values for name, values in axes.items() if values}
    try:
        # Before the measurement, which may take an hour: a file that can't be written.
        out.parent.mkdir(parents=True, exist_ok=True)
        check_output_file("--out", out, (".json",))
        measured = measure(*given[0], dtype, device, wanted, repeats, report, threads)
    except (ValueError, OSError) as error:
        raise bad_input("", str(error)) from None
    try:
        with writing("--out", out):
            write_profile(measured, out)
    except OSError:
        # Nothing measured is lost: it can be copied from the terminal.
        print_json(measured)
        raise
    if not quiet:
        print(f"profile: {out}")
