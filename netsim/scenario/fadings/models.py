"""Fading models of the package `channels`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, model_validator
from typing_extensions import Self

from channels.fading import Nakagami, NoFading, Rayleigh, Rician
from channels.recorded import Reading, Recorded, load_recorded
from netsim.scenario.families import FadingKind
from netsim.scenario.fields import Key, said
from netsim.scenario.kinds import Own, PluginName
from netsim.scenario.paths import ResultFile

if TYPE_CHECKING:
    from channels.correlated import Clarke, GaussMarkov


class NoFadingSettings(FadingKind):
    """A constant channel: additive white Gaussian noise alone."""

    name: Literal["none"] = "none"

    def build(self) -> NoFading:
        """Make the model."""
        return NoFading()


class RayleighSettings(FadingKind):
    """Many paths, none dominant: the power gain is exponential with mean 1."""

    source = "Goldsmith, Wireless Communications, 2005, section 3.2.2"

    name: Literal["rayleigh"] = "rayleigh"

    def build(self) -> Rayleigh:
        """Make the model."""
        return Rayleigh()


class RicianSettings(FadingKind):
    """A line of sight on top of the scatter."""

    source = "Goldsmith, Wireless Communications, 2005, section 3.2.2"

    name: Literal["rician"] = "rician"
    k_db: Annotated[
        float, Key("power of the line of sight over that of the scatter", "dB", at_least=-60, at_most=60)
    ]

    def build(self) -> Rician:
        """Make the model."""
        return Rician(self.k_db)


class NakagamiSettings(FadingKind):
    """Nakagami's law: the power gain is gamma distributed with mean 1."""

    source = "Goldsmith, Wireless Communications, 2005, section 3.2.2"

    name: Literal["nakagami"] = "nakagami"
    m: Annotated[float, Key("shape: 1 is Rayleigh, the larger the milder", at_least=0.5, at_most=1000)]

    def build(self) -> Nakagami:
        """Make the model."""
        return Nakagami(self.m)


class GaussMarkovSettings(FadingKind):
    """Complex gain with autocorrelation rho^n from block to block."""

    source = "first-order Gauss-Markov process"

    name: Literal["gauss-markov"] = "gauss-markov"
    rho: Annotated[float, Key("correlation of the complex gain from block to block", at_least=0, below=1)]

    def build(self) -> GaussMarkov:
        """Make the model."""
        from channels.correlated import GaussMarkov  # noqa: PLC0415  (compiled: of no use to other models)

        return GaussMarkov(self.rho)


class ClarkeSettings(FadingKind):
    """Clarke's spectrum: waves from all sides, the largest Doppler shift given or from speed and carrier."""

    source = "Clarke, Bell System Technical Journal 47(6), 1968"

    name: Literal["clarke"] = "clarke"
    doppler_hz: Annotated[float | None, Key("largest Doppler shift", "Hz", above=0, at_most=1e6)] = None
    speed_m_s: Annotated[float | None, Key("speed of the device", "m/s", above=0, at_most=1e5)] = None
    carrier_hz: Annotated[float | None, Key("carrier frequency", "Hz", above=0, at_most=1e12)] = None

    @model_validator(mode="after")
    def _one_source_of_doppler(self) -> Self:
        from_speed = self.speed_m_s is not None and self.carrier_hz is not None
        half = (self.speed_m_s is None) != (self.carrier_hz is None)
        if half or from_speed == (self.doppler_hz is not None):
            raise said(
                "not determined, allowed: either doppler_hz, or speed_m_s and carrier_hz", "doppler_hz"
            )
        return self

    def build(self) -> Clarke:
        """Make the model."""
        from channels.correlated import Clarke, doppler_hz  # noqa: PLC0415  (compiled: of no use to other models)

        if self.doppler_hz is not None:
            return Clarke(self.doppler_hz)
        assert self.speed_m_s is not None, "a scenario gives one or the other"
        assert self.carrier_hz is not None, "the two come together"
        return Clarke(doppler_hz(self.speed_m_s, self.carrier_hz))


class RecordedFadingSettings(FadingKind):
    """A recorded SNR series (CSV: time_s, snr_db), taken at the SNR at which it was recorded.

    It goes on from prompt to prompt, unless ``restart: prompt`` starts it anew at each.
    """

    name: Literal["recorded"] = "recorded"
    file: Annotated[ResultFile, Key("the recorded series", allowed="the path of a CSV file")]
    end: Annotated[Literal["hold", "loop", "refuse"], Key("what happens at its end")] = "refuse"
    restart: Annotated[Literal["never", "prompt"], Key("when it starts anew")] = "never"
    device_offset_s: Annotated[
        float, Key("how much further each device begins than the one before", "s", at_least=0, at_most=1e9)
    ] = 0.0
    random_start: Annotated[bool, Key("whether each seed begins at a random second")] = False

    @model_validator(mode="after")
    def _a_start_inside(self) -> Self:
        if self.restart == "prompt" and (self.device_offset_s or self.random_start):
            key = "device_offset_s" if self.device_offset_s else "random_start"
            raise said(
                "not used where every prompt starts the series anew, allowed: with restart: never", key
            )
        if self.random_start and self.end != "loop":
            raise said("may begin just before the end, allowed: with end: loop", "random_start")
        return self

    def reading(self) -> Reading | None:
        """How it goes on from prompt to prompt; None where it starts anew."""
        return None if self.restart == "prompt" else Reading(self.device_offset_s, self.random_start)

    def build(self) -> Recorded:
        """Read the series."""
        return load_recorded(Path(self.file), self.end)


class OwnFadingSettings(Own, FadingKind):
    """A fading model of your own, module:Class; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName
