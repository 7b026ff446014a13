"""A discrete-event simulator of hybrid language models over a wireless uplink."""

from __future__ import annotations

from netsim.startup import check_packages, leave_current_folder

# Before the imports below reach for channels and traces, whose names are also taken on the package index.
leave_current_folder()
check_packages()

from netsim.scenario import load_scenario  # noqa: E402
from netsim.simulate import simulate  # noqa: E402
from netsim.sweeps.run import sweep  # noqa: E402

__all__ = ["load_scenario", "simulate", "sweep"]
