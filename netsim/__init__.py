"""A discrete-event simulator of hybrid language models over a wireless uplink."""

from __future__ import annotations

from netsim.scenario import load_scenario
from netsim.simulate import simulate
from netsim.sweep import sweep

__all__ = ["load_scenario", "simulate", "sweep"]
