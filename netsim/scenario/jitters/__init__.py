"""The kinds of jitter that a scenario may name: every class in this folder that derives from ``JitterKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import JitterKind
from netsim.scenario.kinds import family_of

JITTERS = family_of(JitterKind, __name__)
Jitter = Annotated[JitterKind, JITTERS]
