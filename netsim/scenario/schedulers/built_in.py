"""Schedulers of the package's engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict

from netsim.engines.uplink import FifoUplink
from netsim.scenario.families import MakeUplink, SchedulerKind, SlotSchedulerKind
from netsim.scenario.fields import Key
from netsim.scenario.kinds import Own, PluginName

if TYPE_CHECKING:
    from netsim.engines.schedulers import ProportionalFair, RoundRobin


class FifoSettings(SchedulerKind):
    """One upload at a time, whole, with the whole band, first come, first served."""

    name: Literal["fifo"] = "fifo"

    def build(self) -> MakeUplink:
        """Make what makes the uplink."""
        return FifoUplink


class RoundRobinSettings(SlotSchedulerKind):
    """The devices that have something to send take slots in turn, by their numbers."""

    name: Literal["round-robin"] = "round-robin"

    def scheduler(self) -> RoundRobin:
        """Make the scheduler."""
        from netsim.engines.schedulers import RoundRobin  # noqa: PLC0415  (compiled: of no use to FIFO)

        return RoundRobin()


class EqualSplitSettings(SchedulerKind):
    """All uploads at once, each with an equal share of the band and of its power."""

    name: Literal["equal-split"] = "equal-split"

    def build(self) -> MakeUplink:
        """Make what makes the uplink."""
        from netsim.engines.shares import EqualSplitUplink  # noqa: PLC0415  (compiled: of no use to FIFO)

        return EqualSplitUplink


class ProportionalFairSettings(SlotSchedulerKind):
    """Slots go to the device whose rate is best against what it lately had."""

    source = "Viswanath, Tse and Laroia, IEEE Trans. Inf. Theory 48(6), 2002, section II"

    name: Literal["proportional-fair"] = "proportional-fair"
    window_slots: Annotated[float, Key("slots over which it averages", at_least=1, at_most=1e9)] = 1000.0

    def scheduler(self) -> ProportionalFair:
        """Make the scheduler."""
        from netsim.engines.schedulers import ProportionalFair  # noqa: PLC0415  (compiled: of no use to FIFO)

        return ProportionalFair(self.window_slots)


class OwnSchedulerSettings(Own, SchedulerKind):
    """A scheduler of your own, module:Class; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName
