"""The command ``profile``: how long forward passes take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from netsim.cli.common import bad_input, print_json
from netsim.cli.outputs import check_output_file, writing


def profile(
    out: Annotated[Path, typer.Option(help="File to write, e.g. models/profiles/NAME.json.")],
    pair: Annotated[str | None, typer.Option(help="A pair that ships with the project: tiny.")] = None,
    model: Annotated[
        str | None, typer.Option(help="One model: a folder, a GGUF file, or a name of the hub.")
    ] = None,
    slm: Annotated[str | None, typer.Option(help="Small model of a pair; needs --llm.")] = None,
    llm: Annotated[str | None, typer.Option(help="Large model of a pair; needs --slm.")] = None,
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
    cell_seconds: Annotated[
        float, typer.Option(min=0, help="A cell that took longer gets no further pass.")
    ] = 60.0,
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
    try:
        from models.grid import Effort
        from models.profile import Subject, measure, write_profile
    except ModuleNotFoundError as error:
        raise bad_input("profile", f"needs {error.name}: pip install -e '.[models]'") from None
    from netsim.cli.progress import TimeLeft, progress

    if (slm is None) != (llm is None):
        raise bad_input("--slm", "give --slm and --llm together")
    given = {
        "pair": (pair,), "models": (slm, llm), "model": (model,), "architecture": (architecture,)
    }  # fmt: skip
    subjects = [
        Subject(kind, tuple(name for name in names if name), dtype, device)
        for kind, names in given.items()
        if all(names)
    ]
    if len(subjects) != 1:
        raise bad_input("--pair", "give one of --pair, --slm with --llm, --model and --architecture")
    axes = {"contexts": contexts, "positions": positions, "batches": batches}
    wanted = {name: values for name, values in axes.items() if values}
    try:
        # Before the measurement, which may take an hour: a file that can't be written.
        out.parent.mkdir(parents=True, exist_ok=True)
        check_output_file("--out", out, (".json",))
        left = TimeLeft()
        with progress(quiet=quiet) as show:
            measured = measure(
                subjects[0],
                wanted,
                Effort(repeats, cell_s=cell_seconds),
                lambda text, share: show(text, share, left(share)),
                threads,
            )
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
