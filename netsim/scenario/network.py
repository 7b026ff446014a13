"""Blocks of a scenario file about the network: devices and their places, requests, uplink, server, energy."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Strict, Tag, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from netsim.scenario.blocks import ComputeLatency
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
from netsim.scenario.policies import Policy

Pair = Annotated[tuple[float, float], Strict(strict=False), Expect("two finite numbers, [x, y]")]


class DeviceSettings(Block):
    """What one device has of its own; an empty key takes the scenario's value.

    ``position_m`` is its place, the base station at the origin, and ``velocity_m_s`` how it moves, both
    [x, y]; its mean SNR then follows from the scenario's ``site``.
    """

    snr_db: Annotated[float | None, Expect("a finite number")] = None
    policy: Policy | None = None
    slm: Annotated[ComputeLatency | None, Expect("seconds, recorded, or the name of a profile")] = None
    position_m: Pair | None = None
    velocity_m_s: Pair | None = None

    @model_validator(mode="after")
    def _one_source_of_snr(self) -> Self:
        if self.position_m is not None and self.snr_db is not None:
            raise _said("snr_db", "follows from position_m, allowed: one of the two")
        if self.velocity_m_s is not None and self.position_m is None:
            raise _said("velocity_m_s", "starts nowhere, allowed: with position_m")
        return self


class SiteSettings(Block):
    """Where the base station stands: 3GPP TR 38.901, and the link budget.

    A device without ``position_m`` and ``snr_db`` of its own is dropped evenly over the disc of
    ``radius_m``; without a radius it has the SNR of ``channel``. ``transmit_dbm`` is what the device radiates and
    what its energy is counted by; ``antenna_gain_db`` are the gains of both antennas.
    """

    environment: Annotated[Literal["uma", "umi", "inh"], Expect("uma, umi or inh", ("uma", "umi", "inh"))]
    carrier_hz: Positive
    base_height_m: Positive
    device_height_m: Positive
    transmit_dbm: Finite
    noise_figure_db: NonNegative
    antenna_gain_db: Finite = 0.0
    shadowing: Flag = True
    radius_m: Annotated[float | None, Field(gt=0), Expect("a finite number above 0")] = None


class ClosedArrivals(Block):
    """Each request follows the one before at once."""

    name: Literal["closed"] = "closed"


class PoissonArrivals(Block):
    """Requests arrive at each device at random, ``rate_hz`` a second on average."""

    name: Literal["poisson"]
    rate_hz: Positive


class RecordedArrivals(Block):
    """Requests arrive as recorded (CSV: device, time in seconds)."""

    name: Literal["recorded"]
    file: FilePath


def _block_of_word(value: Any) -> Any:
    """``closed`` is short for ``{name: closed}``."""
    return {"name": value} if isinstance(value, str) else value


ARRIVALS = ("closed", "poisson", "recorded")
_AnyArrivals = Annotated[
    Annotated[ClosedArrivals, Tag("closed")]
    | Annotated[PoissonArrivals, Tag("poisson")]
    | Annotated[RecordedArrivals, Tag("recorded")],
    Discriminator(tag_by("name", ARRIVALS)),
    Choice("closed, poisson or recorded", ARRIVALS, form="a word such as closed, or a block with a name"),
]


class RequestSettings(Block):
    """When prompts are asked for, and how many.

    ``per_device`` is how many prompts each device works through (default: its share of the trace's);
    ``deadline_s`` counts from a request's arrival to its last token; ``until_s`` ends the simulation. Requests
    that arrive before ``warmup_s`` are simulated and not counted.
    """

    arrivals: Annotated[
        _AnyArrivals, BeforeValidator(_block_of_word, json_schema_input_type=str | _AnyArrivals)
    ] = ClosedArrivals()
    per_device: Annotated[int | None, Field(ge=1), Expect("a whole number of at least 1")] = None
    deadline_s: Annotated[float | None, Field(gt=0), Expect("a finite number above 0")] = None
    until_s: Annotated[float | None, Field(gt=0), Expect("a finite number above 0")] = None
    warmup_s: NonNegative = 0.0

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if self.until_s is not None and self.warmup_s >= self.until_s:
            raise _said("warmup_s", "nothing would count, allowed: below until_s")
        return self

    @model_validator(mode="after")
    def _a_recording_says_how_many(self) -> Self:
        if isinstance(self.arrivals, RecordedArrivals) and self.per_device is not None:
            raise _said("per_device", "follows from the recorded arrivals, allowed: one of the two")
        return self


def _said(key: str, text: str) -> PydanticCustomError:
    return PydanticCustomError("said", "{text}", {"text": text, "path": (key,)})


SCHEDULERS = ("fifo", "round-robin", "equal-split", "proportional-fair")


class UplinkSettings(Block):
    """Who may send when; slots of 0.5 ms for the schedulers that work by slots.

    ``window_slots`` is over how many slots the proportional-fair scheduler averages.
    """

    scheduler: Annotated[
        Literal["fifo", "round-robin", "equal-split", "proportional-fair"] | PluginName,
        Expect(f"{', '.join(SCHEDULERS)} or module:Class", SCHEDULERS),
    ] = "fifo"
    slot_s: Positive = 0.0005
    window_slots: Annotated[float, Field(ge=1), Expect("a finite number of at least 1")] = 1000.0


class ServerSettings(Block):
    """Replicas of the large model, and how each gathers a batch."""

    max_batch: Count = 1
    replicas: Count = 1
    window_s: NonNegative = 0.0


class DownlinkSettings(Block):
    """Rate of the response; infinite by default, since it is a token index."""

    rate_bps: Annotated[float, Field(gt=0, allow_inf_nan=True), Expect("a number above 0, or .inf")] = (
        math.inf
    )


class EnergySettings(Block):
    """Power of a device while it sends, computes and waits.

    ``transmit_w`` is radiated; it follows from ``site.transmit_dbm`` where there is a site. What is drawn for it is ``transmit_w / amplifier_efficiency``.
    """

    transmit_w: NonNegative = 0.2
    amplifier_efficiency: Annotated[float, Field(gt=0, le=1), Expect("a number above 0, at most 1")] = 1.0
    compute_w: NonNegative = 2.0
    idle_w: NonNegative = 0.0
