"""The arrivals that a scenario may name: every class in this folder that derives from ``ArrivalsKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import ArrivalsKind
from netsim.scenario.kinds import family_of

ARRIVALS = family_of(ArrivalsKind, __name__)
Arrivals = Annotated[ArrivalsKind, ARRIVALS]
