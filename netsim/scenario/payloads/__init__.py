"""The payloads that a policy may name: every class in this folder that derives from ``PayloadKind``."""

from __future__ import annotations

from typing import Annotated

from netsim.scenario.families import PayloadKind
from netsim.scenario.kinds import family_of

PAYLOADS = family_of(PayloadKind, __name__)
Payload = Annotated[PayloadKind, PAYLOADS]
