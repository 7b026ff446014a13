"""The `channel` block of a scenario file. Laws and formulas are in the package `channels`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from netsim.scenario.fields import (
    Block,
    Choice,
    Count,
    Expect,
    FilePath,
    Finite,
    Flag,
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
    """Clarke's spectrum; the largest Doppler shift is given, or follows from speed and carrier."""

    name: Literal["clarke"]
    doppler_hz: Annotated[float | None, Field(gt=0), Expect("a finite number above 0")] = None
    speed_m_s: Annotated[float | None, Field(gt=0), Expect("a finite number above 0")] = None
    carrier_hz: Annotated[float | None, Field(gt=0), Expect("a finite number above 0")] = None

    @model_validator(mode="after")
    def _one_source_of_doppler(self) -> Self:
        from_speed = self.speed_m_s is not None and self.carrier_hz is not None
        half = (self.speed_m_s is None) != (self.carrier_hz is None)
        if half or from_speed == (self.doppler_hz is not None):
            text = "not determined, allowed: either doppler_hz, or speed_m_s and carrier_hz"
            raise _said("doppler_hz", text)
        return self


class RecordedFadingSettings(Block):
    """A recorded SNR series (CSV: time, SNR in dB) and what happens at its end.

    It goes on from prompt to prompt (``restart: prompt`` starts it anew at each). Device ``j`` begins
    ``j * device_offset_s`` further into it; with ``random_start`` each seed begins at a random second.
    """

    name: Literal["recorded"]
    file: FilePath
    end: Annotated[
        Literal["hold", "loop", "refuse"], Expect("hold, loop or refuse", ("hold", "loop", "refuse"))
    ] = "refuse"
    restart: Annotated[Literal["never", "prompt"], Expect("never or prompt", ("never", "prompt"))] = "never"
    device_offset_s: NonNegative = 0.0
    random_start: Flag = False

    @model_validator(mode="after")
    def _a_start_inside(self) -> Self:
        if self.restart == "prompt" and (self.device_offset_s or self.random_start):
            key = "device_offset_s" if self.device_offset_s else "random_start"
            raise _said(
                key, "not used where every prompt starts the series anew, allowed: with restart: never"
            )
        if self.random_start and self.end != "loop":
            raise _said("random_start", "may begin just before the end, allowed: with end: loop")
        return self


class OwnFadingSettings(Block):
    """A user's own fading, ``module:Class``; every other key is handed to it."""

    model_config = ConfigDict(extra="allow")

    name: PluginName


class HarqSettings(Block):
    """Block errors of a finite code, and retransmission; blocks of ``block_symbols`` complex symbols.

    A repetition comes ``round_trip_slots`` slots (of a block each) later, in which the device sends nothing else.
    """

    block_symbols: Count
    max_transmissions: Annotated[int, Field(ge=1, le=4), Expect("a whole number from 1 to 4")] = 4
    combining: Annotated[Literal["chase", "none"], Expect("chase or none", ("chase", "none"))] = "chase"
    round_trip_slots: Annotated[int, Field(ge=0, le=1000), Expect("a whole number from 0 to 1000")] = 0


class RateSettings(Block):
    """Rate from SNR: Shannon's formula, or the CQI table of 3GPP TS 38.214; both with a gap.

    With ``outdated`` the CQI is that which the block of fading before allowed.
    """

    name: Annotated[Literal["shannon", "cqi"], Expect("shannon or cqi", ("shannon", "cqi"))] = "shannon"
    gap_db: NonNegative = 0.0
    harq: HarqSettings | None = None
    outdated: Flag = False

    @model_validator(mode="after")
    def _harq_needs_a_code(self) -> Self:
        if self.harq is not None and self.name != "cqi":
            raise _said("harq", "not used with rate shannon, which has no errors, allowed: with rate cqi")
        if self.outdated and self.name != "cqi":
            raise _said(
                "outdated", "not used with rate shannon, which needs no report, allowed: with rate cqi"
            )
        return self


def _said(key: str, text: str) -> PydanticCustomError:
    return PydanticCustomError("said", "{text}", {"text": text, "path": (key,)})


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
    """The radio between device and base station.

    ``snr_db`` is the mean over the fading; it is not to be given where a recorded series or the scenario's
    ``site`` determines it.
    """

    fading: Fading = RayleighSettings()
    snr_db: Finite = 10.0
    bandwidth_hz: Positive = 1e6
    coherence_time_s: Positive = 0.01
    rate: Rate = RateSettings()
