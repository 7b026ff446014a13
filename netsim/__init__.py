"""A discrete-event simulator of hybrid language models over a wireless uplink."""

from __future__ import annotations

from netsim.startup import check_packages, interruptible_start, leave_current_folder

# Before the imports below reach for channels and traces, whose names are also taken on the package index.
leave_current_folder()
check_packages()

with interruptible_start():
    from netsim.scenario import load_scenario
    from netsim.simulate import simulate
    from netsim.sweeps.run import sweep

__all__ = ["load_scenario", "simulate", "sweep"]
