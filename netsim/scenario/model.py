"""A scenario as data: its keys and defaults, and the points of its sweep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Strict,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from netsim.errors import Fault, InputError
from netsim.scenario.blocks import LatencySettings, PayloadSettings, Trace, UncertaintySettings
from netsim.scenario.channel import ChannelSettings, RecordedFadingSettings
from netsim.scenario.faults import Finding, explain
from netsim.scenario.fields import Block, Count, Expect
from netsim.scenario.network import (
    DeviceSettings,
    DownlinkSettings,
    EnergySettings,
    RequestSettings,
    ServerSettings,
    SiteSettings,
    UplinkSettings,
)
from netsim.scenario.policies import CuHlmSettings, Policy
from netsim.scenario.sweep import Step, Sweep, flatten, get, product, put
from netsim.scenario.yaml_file import KeyPath, dump_yaml, spell


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds):
        raise ValueError("a seed is listed twice")
    return seeds


def _at_least_one(devices: tuple[DeviceSettings, ...]) -> tuple[DeviceSettings, ...]:
    if not devices:
        text = "empty list, given [], allowed: at least one device"
        raise PydanticCustomError("said", "{text}", {"text": text})
    return devices


def _devices_tag(value: Any) -> str | None:
    return "list" if isinstance(value, (list, tuple)) else "count"


Devices = Annotated[
    Annotated[Count, Tag("count")]
    | Annotated[tuple[DeviceSettings, ...], Strict(strict=False), AfterValidator(_at_least_one), Tag("list")],
    Discriminator(_devices_tag),
]
Seeds = Annotated[
    Annotated[int, Field(ge=1)]
    | Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Strict(strict=False),
        Field(min_length=1),
        AfterValidator(_distinct),
    ],
    Expect("a count of at least 1, or a list of different whole numbers of at least 0"),
]


class Scenario(Block):
    """A scenario file as checked and completed; see `netsim.scenario.load_scenario`.

    Keys that only ``sweep`` sets hold the first value of their axis.
    """

    name: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
        Expect("letters, digits, '.', '_' and '-', the first a letter or digit"),
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
    server: ServerSettings = ServerSettings()
    downlink: DownlinkSettings = DownlinkSettings()
    energy: EnergySettings = EnergySettings()
    tokens: Count = 48
    eos: Annotated[Literal["stop", "ignore"], Expect("stop or ignore", ("stop", "ignore"))] = "stop"
    seeds: Seeds = 20
    token_seeds: Annotated[
        Literal["recorded", "fresh"], Expect("recorded or fresh", ("recorded", "fresh"))
    ] = "recorded"  # noqa: S105 (no password)
    off_tree: Annotated[Literal["follow", "refuse"], Expect("follow or refuse", ("follow", "refuse"))] = (
        "follow"
    )
    sweep: Sweep = Field(default_factory=dict)

    @model_validator(mode="after")
    def _k_fits_the_vocabulary(self) -> Self:
        policies: list[tuple[KeyPath, Any]] = [(("policy",), self.policy)]
        if isinstance(self.devices, tuple):
            policies += [(("devices", index, "policy"), own.policy) for index, own in enumerate(self.devices)]
        size = self.payload.vocabulary_size
        for path, policy in policies:
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
                    path = ("devices", index, "position_m")
                    text = "nowhere to send to, allowed: with a site block"
                    raise PydanticCustomError("said", "{text}", {"text": text, "path": path})
        return self

    @model_validator(mode="after")
    def _one_source_of_snr(self) -> Self:
        """Refuse an SNR or a power that nothing would look at."""
        recorded = isinstance(self.channel.fading, RecordedFadingSettings)
        if recorded and self.site is not None:
            raise _said(("channel", "fading"), "has an SNR of its own, allowed: without site")
        for index, own in enumerate(self._own_devices()):
            if recorded and own.snr_db is not None:
                text = "follows from the recorded series, allowed: with another fading"
                raise _said(("devices", index, "snr_db"), text)
        if "snr_db" in self.channel.model_fields_set and not self._uses_channel_snr():
            source = "the recorded series" if recorded else "site, or snr_db of the devices"
            raise _said(("channel", "snr_db"), f"follows from {source}, allowed: one of the two")
        if self.site is not None and "transmit_w" in self.energy.model_fields_set:
            raise _said(("energy", "transmit_w"), "follows from site.transmit_dbm, allowed: one of the two")
        return self

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The scenario as data, without the defaults that it would not accept if they were written."""
        data = super().model_dump(**options)
        if not self._uses_channel_snr():
            data.get("channel", {}).pop("snr_db", None)
        if self.site is not None:
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

    def seed_values(self) -> Sequence[int]:
        """The seeds: those of the list, or 0 to the count less one."""
        return range(self.seeds) if isinstance(self.seeds, int) else self.seeds

    def points(self) -> list[Point]:
        """All points of the sweep, in the order of the file, the last axis fastest.

        Returns
        -------
        list of Point
            One without coordinates where there is no sweep.

        Raises
        ------
        InputError
            A point that no scenario could be (after `load_scenario` there is none).
        """
        # What was not given stays so: an axis may bring in what determines it.
        points, findings = expand(self.model_dump(exclude={"sweep"}, exclude_unset=True), self.sweep, None)
        if findings:
            raise InputError(Fault("", spell(found.path), found.text) for found in findings)
        return points

    def resolved_yaml(self) -> str:
        """Write the scenario with every default written out; `load_scenario` gives an equal one back."""
        return dump_yaml(self.model_dump())

    def digest(self) -> str:
        """SHA-256 of the scenario's content, however its file spells it: 64 hexadecimal digits."""
        content = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(content.encode("ascii")).hexdigest()


def _said(path: KeyPath, text: str) -> PydanticCustomError:
    return PydanticCustomError("said", "{text}", {"text": text, "path": path})


@dataclass(frozen=True)
class Point:
    """One point of a sweep.

    Parameters
    ----------
    scenario : Scenario
        The scenario there, without a sweep.
    coordinates : dict of str to scalar
        Every swept key under its full path, blocks by each of their keys; None where this point's block
        lacks a key that another's has. A threshold given by name stays a name: its number is the trace's.
    """

    scenario: Scenario
    coordinates: dict[str, Any]


def expand(
    data: dict[str, Any], axes: Mapping[str, tuple[Any, ...]], context: Mapping[str, Any] | None
) -> tuple[list[Point], list[Finding]]:
    """Check every point of a sweep.

    Parameters
    ----------
    data : dict
        The scenario's data without ``sweep``.
    axes : dict of str to tuple
        The values of each axis.
    context : dict or None
        For validation: ``folder``, that of the scenario file.

    Returns
    -------
    points : list of Point
        Those that are well, in the order of the sweep.
    findings : list of Finding
        What is wrong with the others, each said once, at the place in ``sweep`` that it comes from.
    """
    scenarios: list[Scenario] = []
    findings: dict[Finding, None] = {}
    for steps in product(axes):
        scenario, found = check(data, steps, context)
        findings |= dict.fromkeys(found)
        scenarios += [scenario] if scenario else []
    contents = [scenario.model_dump() for scenario in scenarios]
    rows = [{axis: flatten(get(content, axis), axis) for axis in axes} for content in contents]
    columns = {(axis, column): None for axis in axes for row in rows for column in row[axis]}
    points = [
        Point(scenario, {column: row[axis].get(column) for axis, column in columns})
        for scenario, row in zip(scenarios, rows, strict=True)
    ]
    return points, list(findings)


def check(
    data: dict[str, Any], steps: Sequence[Step], context: Mapping[str, Any] | None
) -> tuple[Scenario | None, list[Finding]]:
    """Put one value of each axis into ``data`` and check the scenario that results; see `expand`."""
    axis = ""
    try:
        for step in steps:
            axis = step.axis
            data = put(data, step.path, step.value)
    except ValueError as error:
        return None, [Finding(("sweep", axis), str(error), "said")]
    try:
        return Scenario.model_validate(data, context=context), []
    except ValidationError as error:
        return None, [_in_sweep(found, steps) for found in explain(error, data)]


def _in_sweep(found: Finding, steps: Sequence[Step]) -> Finding:
    """The same finding, at the axis that brought it in if one did: the last that covers its path."""
    for step in reversed(steps):
        if found.kind == "unknown_key" and step.path[: len(found.path)] == found.path:
            return Finding(("sweep", step.axis), found.text, found.kind)
        if found.path[: len(step.path)] == step.path:
            rest = found.path[len(step.path) :]
            return Finding(("sweep", step.axis, step.index, *rest), found.text, found.kind)
    return found
