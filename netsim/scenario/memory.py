"""What a row takes in memory, estimated before anything is simulated."""

from __future__ import annotations

import math
import os

from netsim.errors import Fault, InputError

#: Environment variable: GiB that a row may take. A machine has more or less, and a cluster's workers their share of it.
LIMIT = "NETSIM_MEMORY_GIB"
#: Bytes of a round while its row is simulated, measured (docs/performance.md): by the array engine and by events.
ARRAYS_BYTES, EVENTS_BYTES = 400, 1500


def limit_gib() -> float:
    """GiB that a row may take; 1 where nothing else is said.

    Raises
    ------
    InputError
        If the environment says something that is no size.
    """
    given = os.environ.get(LIMIT, "1")
    try:
        limit = float(given)
    except ValueError:
        limit = math.nan
    if not 0 < limit < math.inf:
        raise InputError([Fault("environment", LIMIT, f"given {given!r}, allowed: a number of GiB above 0")])
    return limit


def check_memory(rounds: int, round_bytes: int, path: str) -> None:
    """Refuse a row that needs more than is allowed (`InputError` at ``path``).

    Parameters
    ----------
    rounds, round_bytes : int. Rounds of the row, and bytes of each.
    path : str. The key that makes it large.
    """
    needed, allowed = rounds * round_bytes / 2**30, limit_gib()
    if needed > allowed:
        text = (
            f"a row needs about {needed:.3g} GiB, given {rounds} rounds (devices x prompts x tokens), "
            f"allowed: {allowed:g} GiB ({LIMIT}={math.ceil(needed)} in the environment allows this)"
        )
        raise InputError([Fault("", path, text)])
