"""The schedulers that a scenario may name: every class in this folder that derives from ``SchedulerKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import SchedulerKind
from netsim.scenario.kinds import family_of

SCHEDULERS = family_of(SchedulerKind, __name__)
Scheduler = Annotated[SchedulerKind, SCHEDULERS]
