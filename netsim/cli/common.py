"""What the commands share: error handling, and faults that name the place in the scenario file."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from netsim.errors import Fault, InputError, InterruptedCommand, printable

if TYPE_CHECKING:
    from netsim.scenario import Grid
    from traces.format.trace import Trace


#: Wider than any table: nothing of one in a pipe is cut or goes below.
PIPE_WIDTH = 10_000


def bad_input(path: str, text: str) -> InputError:
    """An error of one fault at an option or a file."""
    return InputError([Fault(path, "", text)])


def open_trace(trace: Path) -> Trace:
    """Open a trace by its folder, or by a name that a scenario would find."""
    from netsim.scenario.sources.built_in import RecordedTraceSettings

    return RecordedTraceSettings(folder=str(trace)).build()


def allow(wanted: bool) -> None:
    """Allow plug-ins in this process and in those that it starts."""
    if wanted:
        from netsim.scenario.plugins import ALLOW

        os.environ[ALLOW] = "1"


AllowPlugins = Annotated[
    bool,
    typer.Option(
        "--allow-plugins",
        callback=allow,
        help="Load classes of your own that are named module:Class; they may do anything you may.",
    ),
]


IntervalChoice = Annotated[
    Literal["prompts", "draws"] | None,
    typer.Option(
        "--interval",
        help="Over prompts, or over token draws on these prompts. Default: prompts, where a column has it.",
        show_default=False,
    ),
]


def find_beside(scenario_file: Path) -> None:
    """Let plug-ins that are allowed be found beside the scenario too, after everything that is installed."""
    from netsim.scenario.plugins import allowed

    folder = str(scenario_file.resolve().parent)
    if allowed() and folder not in sys.path:
        sys.path.append(folder)


def _found_late() -> dict[type[ValueError], str]:
    """What a simulation may find wrong with its scenario only while it runs, and the key that is to blame."""
    from channels.gains import ChannelEnded, LinkNeverSends
    from netsim.costs.latency import LatencyOutOfRange
    from netsim.costs.latency_file import LatencyError
    from netsim.deciding.recorded import OffTree
    from traces.format.manifest import TraceError

    return {
        OffTree: "off_tree",
        LinkNeverSends: "channel",
        ChannelEnded: "channel",
        LatencyOutOfRange: "latency",
        LatencyError: "latency",
        TraceError: "trace",
    }


@contextmanager
def located(grid: Grid) -> Iterator[None]:
    """Give faults that know only a key of the scenario the file and the line of that key."""
    found_late = _found_late()
    try:
        yield
    except tuple(found_late) as error:
        raise grid.placed(InputError([Fault("", found_late[type(error)], str(error))])) from None
    except InputError as error:
        raise grid.placed(error) from None


@contextmanager
def keeping(what: str) -> Iterator[None]:
    """Let an interruption say what is kept; the command goes on from there when it is given again."""
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedCommand(f"{what}, the same command goes on from there") from None


def print_table(rows: Sequence[Mapping[str, Any]], title: str = "") -> None:
    """Print rows of the same keys as a table on standard output."""
    print_grid(list(rows[0]), [[cell(value) for value in row.values()] for row in rows], title=title)


def print_grid(
    heads: Sequence[str], rows: Sequence[Sequence[str]], num_keys: int = 1, title: str = ""
) -> None:
    """Print cells as wide as the terminal: heads wrap, cells are whole, and columns that don't fit go below.

    Parameters
    ----------
    num_keys : int
        The first columns, which name a row: every part of the table has them.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A pipe has no width. No markup: what stands in brackets in a name is the name's.
    is_pipe = not sys.stdout.isatty()
    console = Console(width=PIPE_WIDTH if is_pipe else None, markup=False, emoji=False)
    widths = [
        max(cell_len(text) for text in ([head] if is_pipe else head.split()) + [row[column] for row in rows])
        for column, head in enumerate(heads)
    ]
    keys, left = list(range(num_keys)), list(range(num_keys, len(heads)))
    while left or keys:
        shown = left[:1]
        for column in left[1:]:
            if sum(widths[one] + 3 for one in (*keys, *shown, column)) + 1 > console.width:
                break
            shown.append(column)
        made = Table(title=printable(title) or None, title_justify="left")
        for column in (*keys, *shown):
            justify: Literal["left", "right"] = "left" if column < num_keys else "right"
            made.add_column(Text(heads[column]), justify=justify, width=widths[column])
        for row in rows:
            made.add_row(*(Text(row[column], no_wrap=True) for column in (*keys, *shown)))
        console.print(made)
        left, title = left[len(shown) :], ""
        if not left:
            return


def cell(value: object) -> str:
    """A value as a table shows it: six digits, and a dash where it is undefined.

    >>> cell(0.123456789), cell(None), cell(float("nan"))
    ('0.123457', '-', '-')
    """
    if value is None or _is_nan(value):
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))


def print_json(value: object) -> None:
    """Print one JSON document; undefined numbers are null."""
    print(json.dumps(_plain(value), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if _is_nan(value) else value


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
