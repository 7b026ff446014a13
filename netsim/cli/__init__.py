"""The command ``netsim``: parses, hands over, and turns errors into one line each.

The only module above all packages; whatever is heavy is imported by the command that needs it.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated, TextIO

import typer

from netsim.startup import check_packages

DONE, OURS, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="netsim",
    help="Simulate hybrid language models over a wireless uplink.",
    no_args_is_help=True,
    add_completion=False,
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
    sys.exit(_run())


def _show_warning(
    message: Warning | str,
    category: type[Warning],  # noqa: ARG001  (what Python hands over)
    filename: str,  # noqa: ARG001
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """One plain line: where in our code a warning was raised tells a user nothing."""
    print(f"netsim: warning: {message}", file=sys.stderr)


def _run() -> int:
    from netsim.errors import InputError

    try:
        check_packages()
        register()
        app()
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(
            "netsim: interrupted; what was finished is kept, the same command goes on from there",
            file=sys.stderr,
        )
        return INTERRUPTED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else OURS
    except RuntimeError as error:
        print(f"netsim: {error}", file=sys.stderr)
        return OURS
    return DONE


if __name__ == "__main__":
    main()
