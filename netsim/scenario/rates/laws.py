"""Rate laws of the package `channels`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from channels.goodput import HarqRate
from channels.harq import Harq
from channels.rates import RateLaw, cqi, shannon
from netsim.scenario.families import RateKind
from netsim.scenario.fields import Block, Key
from netsim.scenario.kinds import Own, PluginName


class HarqSettings(Block):
    """Block errors of a finite code, and retransmission."""

    block_symbols: Annotated[int, Key("complex symbols of a block", at_least=1, at_most=1_000_000)]
    max_transmissions: Annotated[int, Key("transmissions of a block", at_least=1, at_most=4)] = 4
    combining: Annotated[Literal["chase", "none"], Key("what a receiver makes of earlier ones")] = "chase"


class ShannonSettings(RateKind):
    """Shannon's formula, W log2(1 + SNR / gap)."""

    source = "Shannon, Proceedings of the IRE 37(1), 1949"

    name: Literal["shannon"] = "shannon"

    def build(self) -> RateLaw:
        """Make the law."""
        return shannon


class CqiSettings(RateKind):
    """The highest 4-bit CQI below Shannon's limit; with harq, the mean rate of decoded bits."""

    source = "3GPP TS 38.214, table 5.2.2.1-2"

    name: Literal["cqi"] = "cqi"
    harq: HarqSettings | None = None

    def build(self) -> RateLaw:
        """Make the law."""
        own = self.harq
        return cqi if own is None else HarqRate(Harq(own.block_symbols, own.max_transmissions, own.combining))


class OwnRateSettings(Own, RateKind):
    """A rate law of your own, module:Class; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName
