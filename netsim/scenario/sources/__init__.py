"""The sources of decisions that a scenario may name: every class in this folder that derives from ``TraceKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import TraceKind
from netsim.scenario.kinds import family_of

SOURCES = family_of(TraceKind, __name__)
Trace = Annotated[TraceKind, SOURCES]
