"""Arrivals of the package's engines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict

from netsim.engines.arrivals import ClosedLoop, Poisson, RecordedArrivals
from netsim.scenario.families import ArrivalsKind
from netsim.scenario.fields import Key
from netsim.scenario.kinds import Own, PluginName
from netsim.scenario.paths import ResultFile


class ClosedArrivals(ArrivalsKind):
    """Each request follows the one before at once."""

    name: Literal["closed"] = "closed"

    def build(self) -> ClosedLoop:
        """Make the arrivals."""
        return ClosedLoop()


class PoissonArrivals(ArrivalsKind):
    """Requests arrive at each device at random, as a Poisson stream."""

    name: Literal["poisson"] = "poisson"
    rate_hz: Annotated[float, Key("mean requests a second of each device", "Hz", at_least=1e-9, at_most=1e9)]

    def build(self) -> Poisson:
        """Make the arrivals."""
        return Poisson(self.rate_hz)


class RecordedArrivalsSettings(ArrivalsKind):
    """Requests arrive as recorded (CSV: device, time_s)."""

    name: Literal["recorded"] = "recorded"
    file: Annotated[ResultFile, Key("the recording", allowed="the path of a CSV file")]

    def build(self) -> RecordedArrivals:
        """Make the arrivals."""
        return RecordedArrivals(Path(self.file))


class OwnArrivalsSettings(Own, ArrivalsKind):
    """Arrivals of your own, module:Class; every other key is handed to them."""

    model_config = ConfigDict(extra="allow")

    name: PluginName
