"""Scenario files: what may stand in one, the grid of points that it describes, and what each block builds.

`netsim.scenario.model.Scenario` lists the keys; the folders beside it hold the kinds that a key may choose.
"""

from __future__ import annotations

from netsim.scenario.grid import Grid, GridPoint
from netsim.scenario.load import ScenarioLike, load_grid, load_scenario
from netsim.scenario.model import Scenario
from netsim.scenario.schema import scenario_schema

__all__ = ["Grid", "GridPoint", "Scenario", "ScenarioLike", "load_grid", "load_scenario", "scenario_schema"]
