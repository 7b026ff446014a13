"""The fading models that a scenario may name: every class in this folder that derives from ``FadingKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import FadingKind
from netsim.scenario.kinds import family_of

FADINGS = family_of(FadingKind, __name__)
Fading = Annotated[FadingKind, FADINGS]
