"""Distributions of the core network's round-trip time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from netsim.costs.core import GammaJitter, Jitter, LogNormalJitter, NoJitter
from netsim.scenario.blocks import LONGEST_S
from netsim.scenario.families import JitterKind
from netsim.scenario.fields import Key
from netsim.scenario.kinds import Own, PluginName

Std = Annotated[
    float, Key("standard deviation of the round-trip time", "s", at_least=1e-9, at_most=LONGEST_S)
]


class NoJitterSettings(JitterKind):
    """The round-trip time is always its mean."""

    name: Literal["none"] = "none"

    def build(self) -> Jitter:
        """Make the distribution."""
        return NoJitter()


class GammaJitterSettings(JitterKind):
    """Round-trip times of a gamma distribution with the mean rtt_s, independent from exchange to exchange."""

    name: Literal["gamma"] = "gamma"
    std_s: Std

    def build(self) -> Jitter:
        """Make the distribution."""
        return GammaJitter(self.std_s)


class LogNormalJitterSettings(JitterKind):
    """Round-trip times of a log-normal distribution with the mean rtt_s, independent from exchange to exchange."""

    name: Literal["lognormal"] = "lognormal"
    std_s: Std

    def build(self) -> Jitter:
        """Make the distribution."""
        return LogNormalJitter(self.std_s)


class OwnJitterSettings(Own, JitterKind):
    """A distribution of your own, module:Class; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName
