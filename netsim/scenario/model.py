"""A scenario as data: its keys and defaults."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Strict, Tag, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from netsim.scenario.blocks import LatencySettings, PayloadSettings, UncertaintySettings
from netsim.scenario.channel import ChannelSettings
from netsim.scenario.core import CoreSettings
from netsim.scenario.fadings.models import RecordedFadingSettings
from netsim.scenario.families import PolicyKind
from netsim.scenario.fields import LARGEST_INT, Block, Key, files_of, said
from netsim.scenario.network import (
    DeviceSettings,
    DownlinkSettings,
    EnergySettings,
    RequestSettings,
    ServerSettings,
    SiteSettings,
    UplinkSettings,
)
from netsim.scenario.policies import Policy
from netsim.scenario.policies.published import CuHlmSettings
from netsim.scenario.sources import Trace
from netsim.scenario.sources.built_in import RecordedTraceSettings
from netsim.scenario.sweep import Sweep
from netsim.scenario.yaml_file import KeyPath, dump_yaml

MOST_DEVICES = 10_000
MOST_SEEDS = 100_000
MOST_TOKENS = 1_000_000
MOST_ROUNDS = 20_000_000
"""Rounds of one point under one seed. What fits in memory is asked where the trace is known, `netsim.scenario.memory`."""


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed is listed twice")
    return seeds


def _some_devices(devices: tuple[DeviceSettings, ...]) -> tuple[DeviceSettings, ...]:
    if not 1 <= len(devices) <= MOST_DEVICES:
        given = f"empty list, given {list(devices)}" if not devices else f"too many, given {len(devices)}"
        raise said(f"{given}, allowed: 1 to {MOST_DEVICES} devices")
    return devices


def _devices_tag(value: Any) -> str | None:
    return "list" if isinstance(value, (list, tuple)) else "count"


Devices = Annotated[
    Annotated[int, Key("devices, all alike", at_least=1, at_most=MOST_DEVICES), Tag("count")]
    | Annotated[tuple[DeviceSettings, ...], Strict(strict=False), AfterValidator(_some_devices), Tag("list")],
    Discriminator(_devices_tag),
]
Seeds = Annotated[
    Annotated[int, Field(ge=1, le=MOST_SEEDS)]
    | Annotated[
        tuple[Annotated[int, Field(ge=0, le=LARGEST_INT)], ...],
        Strict(strict=False),
        Field(min_length=1, max_length=MOST_SEEDS),
        AfterValidator(_distinct),
    ],
    Key(
        "independent repetitions: 0 to the count less one, or the seeds themselves",
        allowed=f"a count from 1 to {MOST_SEEDS}, or a list of different whole numbers from 0 to 2^63 - 1",
    ),
]


class Scenario(Block):
    """A scenario file as checked and completed; see `netsim.scenario.load_scenario`.

    Keys that only ``sweep`` sets hold the first value of their axis.
    """

    name: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100),
        Key(
            "name of the results folder",
            allowed="up to 100 letters, digits, '.', '_' and '-', the first a letter or digit",
        ),
    ]
    trace: Trace
    policy: Policy
    uncertainty: UncertaintySettings = UncertaintySettings()
    payload: PayloadSettings = PayloadSettings()
    channel: ChannelSettings = ChannelSettings()
    latency: LatencySettings = LatencySettings()
    devices: Devices = 1
    site: SiteSettings | None = None
    requests: RequestSettings = RequestSettings()
    uplink: UplinkSettings = UplinkSettings()
    core: CoreSettings = CoreSettings()
    server: ServerSettings = ServerSettings()
    downlink: DownlinkSettings = DownlinkSettings()
    energy: EnergySettings = EnergySettings()
    tokens: Annotated[int, Key("tokens of each prompt, at most", at_least=1, at_most=MOST_TOKENS)] = 48
    eos: Annotated[Literal["stop", "ignore"], Key("whether the end-of-sequence token ends a prompt")] = "stop"
    seeds: Seeds = 20
    token_seeds: Annotated[
        Literal["recorded", "fresh"], Key("draws of the trace in turn, or new ones for every seed")
    ] = "recorded"  # noqa: S105 (no password)
    off_tree: Annotated[
        Literal["follow", "refuse"], Key("where the trace's tree ends: follow the hlm path, or refuse")
    ] = "follow"
    sweep: Sweep = Field(default_factory=dict)

    @model_validator(mode="after")
    def _k_fits_the_vocabulary(self) -> Self:
        size = self.payload.vocabulary_size
        for path, policy in self.policies():
            k = policy.k if isinstance(policy, CuHlmSettings) else None
            if isinstance(size, int) and isinstance(k, int) and k > size:
                text = "out of range, given {k}, allowed: 1 to payload.vocabulary_size, which is {size}"
                raise PydanticCustomError("said", text, {"path": (*path, "k"), "k": k, "size": size})
        return self

    @model_validator(mode="after")
    def _places_need_a_site(self) -> Self:
        if self.site is None and isinstance(self.devices, tuple):
            for index, own in enumerate(self.devices):
                if own.position_m is not None:
                    text = "nowhere to send to, allowed: with a site block"
                    raise said(text, "devices", index, "position_m")
        return self

    @model_validator(mode="after")
    def _one_source_of_snr_and_power(self) -> Self:
        """Refuse an SNR or a power that nothing would look at."""
        recorded = isinstance(self.channel.fading, RecordedFadingSettings)
        if recorded and self.site is not None:
            raise said("has an SNR of its own, allowed: without site", "channel", "fading")
        for index, own in enumerate(self._own_devices()):
            if recorded and own.snr_db is not None:
                text = "follows from the recorded series, allowed: with another fading"
                raise said(text, "devices", index, "snr_db")
        if "snr_db" in self.channel.model_fields_set and not self._uses_channel_snr():
            source = "the recorded series" if recorded else "site, or snr_db of the devices"
            raise said(f"follows from {source}, allowed: one of the two", "channel", "snr_db")
        if self.site is not None and "transmit_w" in self.energy.model_fields_set:
            raise said("follows from site.transmit_dbm, allowed: one of the two", "energy", "transmit_w")
        return self

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The scenario as data, without the defaults that it would not accept if they were written."""
        data = super().model_dump(**options)
        swept = {".".join(axis.split(".")[:2]) for axis in self.sweep}
        # A point of the sweep may bring in what determines them.
        elsewhere = bool(
            swept & {"channel", "channel.fading"}
            or {axis.split(".")[0] for axis in swept} & {"site", "devices"}
        )
        if not self._uses_channel_snr() or (elsewhere and "snr_db" not in self.channel.model_fields_set):
            data.get("channel", {}).pop("snr_db", None)
        if self.site is not None or (elsewhere and "transmit_w" not in self.energy.model_fields_set):
            data.get("energy", {}).pop("transmit_w", None)
        return data

    def _own_devices(self) -> tuple[DeviceSettings, ...]:
        return self.devices if isinstance(self.devices, tuple) else ()

    def _uses_channel_snr(self) -> bool:
        """Whether some device has the mean SNR of ``channel``."""
        if isinstance(self.channel.fading, RecordedFadingSettings):
            return False
        dropped = self.site is not None and self.site.radius_m is not None
        own = [
            dropped or device.snr_db is not None or device.position_m is not None
            for device in self._own_devices()
        ]
        return not (all(own) if own else dropped)

    @model_validator(mode="after")
    def _fits_in_memory(self) -> Self:
        rounds = self.num_rounds(1)
        if rounds > MOST_ROUNDS:
            text = f"too many rounds in one row, given {rounds} (devices x prompts x tokens), allowed: {MOST_ROUNDS}"
            raise said(text, *(("requests", "per_device") if self.requests.per_device else ("tokens",)))
        return self

    def num_rounds(self, num_prompts: int) -> int:
        """Rounds of one point under one seed, at most, with a trace of so many prompts.

        What a recording of arrivals holds is taken to be as much as the devices' share of the trace.
        """
        devices = self.devices if isinstance(self.devices, int) else len(self.devices)
        if self.requests.per_device is not None:
            return devices * self.requests.per_device * self.tokens
        return num_prompts * math.ceil(devices / num_prompts) * self.tokens

    def policies(self) -> list[tuple[KeyPath, PolicyKind]]:
        """The scenario's policy and those of its devices, each with its path."""
        found: list[tuple[KeyPath, PolicyKind]] = [(("policy",), self.policy)]
        if isinstance(self.devices, tuple):
            found += [
                (("devices", index, "policy"), own.policy)
                for index, own in enumerate(self.devices)
                if own.policy is not None
            ]
        return found

    def seed_values(self) -> Sequence[int]:
        """The seeds: those of the list, or 0 to the count less one."""
        return range(self.seeds) if isinstance(self.seeds, int) else self.seeds

    def trace_folder(self) -> Path | None:
        """Folder of the recorded trace; None where decisions come from elsewhere."""
        return self.trace.path if isinstance(self.trace, RecordedTraceSettings) else None

    def result_files(self) -> list[Path]:
        """Every file that decides the results of this scenario, wherever a kind names it; plug-ins are imported."""
        return files_of(self, self.trace_folder())

    def resolved_yaml(self) -> str:
        """Write the scenario with every default written out; `load_scenario` gives an equal one back."""
        return dump_yaml(self.model_dump())

    def digest(self) -> str:
        """SHA-256 of the scenario's content, however its file spells it: 64 hexadecimal digits."""
        content = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(content.encode("ascii")).hexdigest()
