"""The families of kinds that a scenario chooses from: what each one's kinds have in common, and what they build.

To add a family, derive its base here and give it a folder whose ``__init__`` calls `netsim.scenario.kinds.family_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar

import simpy

from channels.fading import Fading
from channels.rates import RateLaw
from netsim.costs.core import Jitter
from netsim.deciding.parametric import ParametricTrace
from netsim.engines.arrivals import Arrivals
from netsim.engines.uplink import Uplink
from netsim.scenario.fields import Key
from netsim.scenario.kinds import Kind
from netsim.scenario.policy_context import PolicyContext
from traces.format.trace import Trace
from traces.speculative.rounds import Policy
from traces.speculative.stops import Stop
from traces.speculative.upload import Payload

if TYPE_CHECKING:
    from netsim.engines.slot_loops import ArrayScheduler
    from netsim.engines.slots import SlotScheduler

#: Makes the uplink of one simulation.
MakeUplink = Callable[[simpy.Environment], Uplink]


class FadingKind(Kind):
    """A fading model: how the power gain of a link changes from block to block."""

    family = "fading model"
    plural = "fadings"
    makes: ClassVar[str] = "build"

    name: str

    def build(self) -> Fading:
        """Make the model."""
        raise NotImplementedError


class RateKind(Kind):
    """A rate law: bit/s from the SNR."""

    family = "rate law"
    plural = "rates"
    makes: ClassVar[str] = "build"

    name: str
    gap_db: Annotated[float, Key("implementation gap to capacity", "dB", at_least=0, at_most=60)] = 0.0

    def build(self) -> RateLaw:
        """Make the law; it is handed the gap with each call."""
        raise NotImplementedError


class PolicyKind(Kind):
    """A policy: which rounds a device transmits."""

    family = "policy"
    plural = "policies"
    makes: ClassVar[str] = "build"

    name: str

    def build(self, context: PolicyContext) -> Policy:
        """Make the policy.

        Raises
        ------
        InputError
            At a key of this block, for what the trace can't give.
        """
        raise NotImplementedError


class PayloadKind(Kind):
    """What is sent of every draft."""

    family = "payload"
    plural = "payloads"
    makes: ClassVar[str] = "build"

    name: str

    def build(self, context: PolicyContext) -> Payload:
        """Make the payload.

        Raises
        ------
        InputError
            At a key of this block, for what the trace can't give.
        """
        raise NotImplementedError


class StopKind(Kind):
    """When a device stops drafting and sends what it has."""

    family = "stop rule"
    plural = "stops"
    makes: ClassVar[str] = "build"

    name: str

    def build(self, context: PolicyContext) -> Stop:
        """Make the rule; raises as `PayloadKind.build` does."""
        raise NotImplementedError


class SchedulerKind(Kind):
    """A scheduler: which device may use the uplink when."""

    family = "scheduler"
    plural = "schedulers"
    makes: ClassVar[str] = "build"

    name: str

    def build(self) -> MakeUplink:
        """Make what makes the uplink of a simulation."""
        raise NotImplementedError


class SlotSchedulerKind(SchedulerKind):
    """A scheduler that gives the whole band to one device, slot by slot."""

    makes: ClassVar[str] = "scheduler"

    slot_s: Annotated[float, Key("length of a slot", "s", at_least=1e-6, at_most=1e3)] = 0.0005

    def scheduler(self) -> SlotScheduler | ArrayScheduler:
        """Make the scheduler, a fresh one for every simulation."""
        raise NotImplementedError

    def build(self) -> MakeUplink:
        """Make what makes the uplink of a simulation; a scheduler that can't be had is refused now."""
        from netsim.engines.slots import SlottedUplink  # noqa: PLC0415  (compiled: of no use to FIFO)

        self.scheduler()
        return lambda env: SlottedUplink(env, self.scheduler(), self.slot_s)


class ArrivalsKind(Kind):
    """When requests arrive at the devices."""

    family = "kind of arrivals"
    plural = "arrivals"
    makes: ClassVar[str] = "build"

    name: str

    def build(self) -> Arrivals:
        """Make the arrivals."""
        raise NotImplementedError


class JitterKind(Kind):
    """How the core network's round-trip time varies from exchange to exchange."""

    family = "kind of jitter"
    plural = "jitters"
    makes: ClassVar[str] = "build"

    name: str

    def build(self) -> Jitter:
        """Make the distribution."""
        raise NotImplementedError


class TraceKind(Kind):
    """Where decisions come from; a plain word is the name or folder of a recorded trace."""

    family = "kind of trace"
    plural = "sources"
    word_means = "the name or folder of a trace"
    key = "kind"
    makes: ClassVar[str] = "build"

    kind: str

    @classmethod
    def of_word(cls, word: str) -> dict[str, str]:
        """A recorded trace by its name or folder."""
        return {"kind": "recorded", "folder": word}

    def build(self) -> Trace | ParametricTrace:
        """Open the trace.

        Raises
        ------
        TraceError
            It is missing or damaged.
        """
        raise NotImplementedError
