"""The stop rules that a policy may name: every class in this folder that derives from ``StopKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import StopKind
from netsim.scenario.kinds import family_of

STOPS = family_of(StopKind, __name__)
Stop = Annotated[StopKind, STOPS]
