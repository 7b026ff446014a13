"""One import for authors of plug-ins: what to derive from, what to implement, what is handed in, and what checks it.

============== ====================== ========================================== =========================
what           derive from            the object it makes                        checked by
============== ====================== ========================================== =========================
fading model   ``FadingKind``         ``Fading``, whose ``GainStream`` has the   ``check_channel``
                                      gains of one session; or, block by block
                                      independent, ``IndependentFading``
rate law       ``RateKind``           ``RateLaw``
policy         ``PolicyKind``         ``Policy``, which sees ``Drafts``; with    ``check_policy``
                                      ``LooksAtChannel`` the rate as well
scheduler      ``SlotSchedulerKind``  ``SlotScheduler``, which sees ``Backlog``; ``check_scheduler``
                                      compiled: ``ArrayScheduler``, ``slots_of``
uplink         ``SchedulerKind``      ``Uplink``, made for each simulation
arrivals       ``ArrivalsKind``       ``Arrivals``
payload        ``PayloadKind``        ``Payload``, what an upload says of a      ``check_payload``
                                      draft
stop rule      ``StopKind``           ``Stop``, when a device stops drafting
============== ====================== ========================================== =========================

A kind's keys are class attributes annotated with a `Key`, which says meaning, unit and range once; a key of the type
`ResultFile` names a file whose content enters the key of a sweep's cells. Recipes: ``docs/extending.md``.
"""

from __future__ import annotations

from channels.fading import Fading, GainStream, IndependentFading, IndependentStream
from channels.rates import RateLaw
from channels.testing import check_channel
from netsim.deciding.channel_aware import LooksAtChannel
from netsim.engines.arrivals import Arrivals
from netsim.engines.slot_loops import ArrayScheduler, slots_of
from netsim.engines.slots import Backlog, SlotScheduler
from netsim.engines.uplink import Uplink
from netsim.extend.conformance import check_payload, check_policy, check_scheduler
from netsim.radio.link import Link
from netsim.scenario.families import (
    ArrivalsKind,
    FadingKind,
    MakeUplink,
    PayloadKind,
    PolicyKind,
    RateKind,
    SchedulerKind,
    SlotSchedulerKind,
    StopKind,
)
from netsim.scenario.fields import Block, Key
from netsim.scenario.kinds import Kind
from netsim.scenario.paths import ResultFile
from netsim.scenario.policy_context import PolicyContext
from traces.speculative.bits import Code
from traces.speculative.rounds import Drafts, Policy
from traces.speculative.stops import Stop
from traces.speculative.upload import Compressed, Payload, Rows, Upload

__all__ = [
    "ArrayScheduler",
    "Arrivals",
    "ArrivalsKind",
    "Backlog",
    "Block",
    "Code",
    "Compressed",
    "Drafts",
    "Fading",
    "FadingKind",
    "GainStream",
    "IndependentFading",
    "IndependentStream",
    "Key",
    "Kind",
    "Link",
    "LooksAtChannel",
    "MakeUplink",
    "Payload",
    "PayloadKind",
    "Policy",
    "PolicyContext",
    "PolicyKind",
    "RateKind",
    "RateLaw",
    "ResultFile",
    "Rows",
    "SchedulerKind",
    "SlotScheduler",
    "SlotSchedulerKind",
    "Stop",
    "StopKind",
    "Uplink",
    "Upload",
    "check_channel",
    "check_payload",
    "check_policy",
    "check_scheduler",
    "slots_of",
]
