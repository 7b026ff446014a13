"""The command ``netsim``: parses, hands over, and turns errors into one line each.

The only module above all packages; whatever is heavy is imported by the command that needs it.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import warnings
from typing import Annotated, TextIO

import typer

from netsim.cli.outputs import check_standard_output, flush_standard_output
from netsim.errors import InputError, InterruptedCommand, printable
from netsim.startup import INTERRUPTED, check_packages

DONE, OURS, BAD_INPUT = 0, 1, 2
#: Signals that end a command as Ctrl-C does, so that no process of its own outlives it.
ENDED = tuple(signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if name in signal.Signals.__members__)
NOTHING_KEPT = "interrupted; nothing was written, the same command begins anew"

app = typer.Typer(
    name="netsim",
    help="Simulate hybrid language models over a wireless uplink.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("netsim"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def register() -> None:
    """Add the commands, in the order of a person's work."""
    from netsim.cli import (
        calibrate,
        files,
        listing,
        measures,
        optimize,
        plot,
        profile,
        record,
        report,
        score,
        simulate,
        start,
        table,
        traces,
    )

    for command in (
        simulate.run,
        simulate.sweep,
        plot.plot,
        table.table,
        report.report,
        record.record,
        profile.profile,
        traces.replay,
        score.score,
        measures.measures,
        calibrate.calibrate,
        optimize.optimize,
        files.validate,
        files.schema,
        start.new,
        start.demo,
    ):
        app.command()(command)
    app.command("list")(listing.list_kinds)


def main() -> None:
    """Run the command line; the exit status is the contract's."""
    warnings.showwarning = _show_warning
    # Commands draw into files; a notebook hands its own way of drawing down to what it starts, which may lack that.
    os.environ["MPLBACKEND"] = "agg"
    for stream in (sys.stdout, sys.stderr):
        # A path may hold what the terminal's character set lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for wanted in ENDED:
        if signal.getsignal(wanted) is signal.SIG_DFL:
            signal.signal(wanted, _end)
    sys.exit(flush_standard_output(_run()))


def _end(number: int, _frame: object) -> None:
    """Leave as an interrupt does: by way of everything that tidies up."""
    raise SystemExit(128 + number)


def _show_warning(
    message: Warning | str,
    category: type[Warning],  # noqa: ARG001  (what Python hands over)
    filename: str,  # noqa: ARG001  (as above)
    lineno: int,  # noqa: ARG001  (as above)
    file: TextIO | None = None,  # noqa: ARG001  (as above)
    line: str | None = None,  # noqa: ARG001  (as above)
) -> None:
    """One plain line: where in our code a warning was raised tells a user nothing."""
    _say(f"warning: {message}")


def _say(text: str) -> None:
    print(f"netsim: {printable(text)}", file=sys.stderr)


def _bad() -> tuple[type[Exception], type[Exception], type[Exception]]:
    """What was wrong with the input, each in one line a fault; imported when something was."""
    from netsim.costs.latency_file import LatencyError
    from traces.format.manifest import TraceError

    return InputError, TraceError, LatencyError


def _run() -> int:
    try:
        check_standard_output()
        check_packages()
        register()
        app()
    except KeyboardInterrupt:
        _say(NOTHING_KEPT)
        return INTERRUPTED
    except SystemExit as error:
        return _said_status(error.code)
    except (*_bad(), InterruptedCommand, OSError, MemoryError, RuntimeError) as error:
        return _explain(error)
    return DONE


def _explain(error: Exception) -> int:
    """Say in a line what ended a command; its status."""
    if isinstance(error, _bad()):
        print("\n".join(map(printable, str(error).split("\n"))), file=sys.stderr)
        return BAD_INPUT
    if isinstance(error, InterruptedCommand):
        _say(f"interrupted; {error}")
        return INTERRUPTED
    if isinstance(error, OSError):
        _say(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
        # No disk has such a file: the fault is in what was typed.
        return BAD_INPUT if error.errno == errno.ENAMETOOLONG else OURS
    _say(f"not enough memory {error}" if isinstance(error, MemoryError) else str(error))
    return OURS


def _said_status(code: object) -> int:
    """The status of an exit, with a line for one that nothing else has told of."""
    if code == INTERRUPTED:
        _say(NOTHING_KEPT)
    for wanted in ENDED:
        if code == 128 + wanted:
            _say(
                f"ended by {wanted.name}; finished cells and groups are kept, the same command goes on from there"
            )
    return code if isinstance(code, int) else OURS if code else DONE


if __name__ == "__main__":
    main()
