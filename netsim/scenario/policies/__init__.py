"""The policies that a scenario may name: every class in this folder that derives from ``PolicyKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import PolicyKind
from netsim.scenario.kinds import family_of

POLICIES = family_of(PolicyKind, __name__)
Policy = Annotated[PolicyKind, POLICIES]
