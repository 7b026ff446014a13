"""The rate laws that a scenario may name: every class in this folder that derives from ``RateKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import RateKind
from netsim.scenario.kinds import family_of

RATES = family_of(RateKind, __name__)
Rate = Annotated[RateKind, RATES]
