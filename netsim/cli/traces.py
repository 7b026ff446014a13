"""The command ``replay``: what a policy decides on a recorded trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsim.cli.common import AllowPlugins, print_json, print_table

Policies = Annotated[
    list[str],
    typer.Option("--policy", help="Repeatable: hlm, u-hlm:threshold=0.3, rand-hlm:skip_probability=0.45."),
]


def replay(
    trace: Annotated[Path, typer.Argument(help="Folder of a trace, or the name of one in traces/.")],
    policy: Policies,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds 0, 1, …; default: every recorded token seed once.")
    ] = None,
    allow_plugins: AllowPlugins = False,  # noqa: ARG001  (its callback allows them)
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Walk a recorded trace under policies.

    Without a radio: how often each sends, skips rightly, is rejected, and what its output is worth.

    Example: netsim replay traces/tiny --policy hlm --policy u-hlm:threshold=0.3
    """
    from netsim.sweeps.replay import replay_rows

    rows = replay_rows(trace, policy, seeds)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, f"{trace}: means over prompts and token seeds")
