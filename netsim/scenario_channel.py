"""The `channel` block of a scenario file. Laws and formulas are in the package `channels`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from netsim.scenario_fields import (
    Block,
    Choice,
    Expect,
    FilePath,
    Finite,
    NonNegative,
    PluginName,
    Positive,
    tag_by,
)


class NoFadingSettings(Block):
    """A constant channel (AWGN)."""

    name: Literal["none"] = "none"


class RayleighSettings(Block):
    """Power gain exponential with mean 1."""

    name: Literal["rayleigh"] = "rayleigh"


class RicianSettings(Block):
    """A line of sight ``k_db`` stronger than the scatter."""

    name: Literal["rician"]
    k_db: Finite


class NakagamiSettings(Block):
    """Nakagami's law with shape ``m``."""

    name: Literal["nakagami"]
    m: Annotated[float, Field(ge=0.5), Expect("a finite number of at least 0.5")]


class GaussMarkovSettings(Block):
    """Complex gain with autocorrelation ``rho`` from block to block."""

    name: Literal["gauss-markov"]
    rho: Annotated[float, Field(ge=0, lt=1), Expect("a number in [0, 1)")]


class ClarkeSettings(Block):
    """Clarke's spectrum with maximum Doppler shift ``doppler_hz``."""

    name: Literal["clarke"]
    doppler_hz: Positive


class RecordedFadingSettings(Block):
    """A recorded SNR series (CSV: time, SNR in dB) and what happens at its end."""

    name: Literal["recorded"]
    file: FilePath
    end: Annotated[
        Literal["hold", "loop", "refuse"], Expect("hold, loop or refuse", ("hold", "loop", "refuse"))
    ] = "refuse"


class OwnFadingSettings(Block):
    """A user's own fading, ``module:Class``; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName


class RateSettings(Block):
    """Rate from SNR: Shannon's formula, or the CQI table of 3GPP TS 38.214; both with a gap."""

    name: Annotated[Literal["shannon", "cqi"], Expect("shannon or cqi", ("shannon", "cqi"))] = "shannon"
    gap_db: NonNegative = 0.0


def _block_of_word(value: Any) -> Any:
    """``rayleigh`` is short for ``{name: rayleigh}``."""
    return {"name": value} if isinstance(value, str) else value


FADINGS = ("none", "rayleigh", "rician", "nakagami", "gauss-markov", "clarke", "recorded")

_AnyFading = Annotated[
    Annotated[NoFadingSettings, Tag("none")]
    | Annotated[RayleighSettings, Tag("rayleigh")]
    | Annotated[RicianSettings, Tag("rician")]
    | Annotated[NakagamiSettings, Tag("nakagami")]
    | Annotated[GaussMarkovSettings, Tag("gauss-markov")]
    | Annotated[ClarkeSettings, Tag("clarke")]
    | Annotated[RecordedFadingSettings, Tag("recorded")]
    | Annotated[OwnFadingSettings, Tag("module:Class")],
    Discriminator(tag_by("name", FADINGS)),
    Choice(
        f"{', '.join(FADINGS)} or module:Class",
        FADINGS,
        form="a word such as rayleigh, or a block with a name",
    ),
]
Fading = Annotated[_AnyFading, BeforeValidator(_block_of_word, json_schema_input_type=str | _AnyFading)]

Rate = Annotated[RateSettings, BeforeValidator(_block_of_word, json_schema_input_type=str | RateSettings)]


class ChannelSettings(Block):
    """The radio between device and base station. ``snr_db`` is the mean over the fading."""

    fading: Fading = RayleighSettings()
    snr_db: Finite = 10.0
    bandwidth_hz: Positive = 1e6
    coherence_time_s: Positive = 0.01
    rate: Rate = RateSettings()
