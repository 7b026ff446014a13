"""Prompts that can't be used: refuse them, or leave them out and say so."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from netsim.errors import Fault, InputError

#: Lines about single prompts; more would bury what was said before them.
SHOWN = 20


def left_out(faults: Sequence[str], remaining: int, *, skip_bad: bool, quiet: bool) -> None:
    """Say which prompts are left out.

    Parameters
    ----------
    faults : sequence of str
        One line about each bad prompt.
    remaining : int
        How many prompts can be used.

    Raises
    ------
    InputError
        If there are faults, and they are not to be skipped or nothing remains.
    """
    if not faults:
        return
    more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    if not skip_bad or not remaining:
        advice = [f"{len(faults)} prompts can't be used: mend them, or leave them out with --skip-bad"]
        lines = [*faults[:SHOWN], *more, *(advice if remaining else ["no prompt is left"])]
        raise InputError([Fault("", "", line) for line in lines])
    if not quiet:
        lines = [*faults[:SHOWN], *more, f"{len(faults)} prompts are left out, {remaining} remain"]
        sys.stderr.write("".join(f"{line}\n" for line in lines))
