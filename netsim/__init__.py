"""A discrete-event simulator of hybrid language models over a wireless uplink.

Three files to read first, in the order in which a row comes about:

1. `netsim.scenario.model`: what a scenario says. `netsim.scenario.grid` makes checked points of it, and the folders beside it
   (``policies/``, ``fadings/``, …) hold the kinds that its keys choose from.
2. `netsim.point`: one point under one seed. Decide (`netsim.deciding`), bill (`netsim.costs`), time (`netsim.engines`), sum up
   (`netsim.results`); the trace is walked in `traces.speculative`, the radio is the capacity curve of `channels.capacity`.
3. `netsim.sweeps.run`: many points under many seeds, in chunks that survive an interruption.

The interfaces between them: `traces.speculative.rounds` (``Policy``, ``Drafts``, ``Rounds``), `netsim.costs.workload` (``Workload``),
`netsim.engines.timings` (``Timings``), `netsim.radio.link` (``Link``), `netsim.engines.uplink` and ``server`` (``Uplink``, ``Server``).
Random numbers: `traces.streams` lists every stream. To extend it: `netsim.extend` and ``docs/extending.md``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from netsim.startup import check_packages, find_caches, interruptible_start, leave_current_folder

if TYPE_CHECKING:
    from netsim.point import simulate
    from netsim.scenario import load_scenario
    from netsim.sweeps.run import sweep

# Before anything reaches for channels and traces, whose names are also taken on the package index.
leave_current_folder()
check_packages()
# Before numba is imported, which reads where to keep what it compiles.
find_caches()

__all__ = ["load_scenario", "simulate", "sweep"]

#: Where each name is; imported when it is first used, as the command line needs none of them for most of what it does.
_HOMES = {"load_scenario": "netsim.scenario", "simulate": "netsim.point", "sweep": "netsim.sweeps.run"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with interruptible_start():
        found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
