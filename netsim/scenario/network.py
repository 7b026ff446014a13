"""Blocks of a scenario file about the network: devices and their places, requests, uplink, server, energy."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import simpy
from pydantic import Field, Strict, model_validator
from typing_extensions import Self

from channels.pathloss import Site
from channels.units import from_db
from netsim.costs.energy import Power
from netsim.costs.latency import LatencyOutOfRange
from netsim.costs.passes import Latency
from netsim.engines.network import RequestPlan
from netsim.engines.server import BatchingServer, Server, SingleServer, batch_seconds
from netsim.errors import Fault, InputError, at_key, reason
from netsim.radio.placement import LinkBudget, Placement
from netsim.scenario.arrivals import Arrivals
from netsim.scenario.arrivals.built_in import ClosedArrivals, RecordedArrivalsSettings
from netsim.scenario.blocks import LONGEST_S, ComputeLatency, latency_files
from netsim.scenario.channel import HIGHEST_SNR_DB, LOWEST_SNR_DB, ChannelSettings, SnrDb
from netsim.scenario.fields import Block, Key, said
from netsim.scenario.policies import Policy
from netsim.scenario.schedulers import Scheduler
from netsim.scenario.schedulers.built_in import FifoSettings

FARTHEST = 1e7
"""Metres, and metres a second: a quarter of the equator."""

Coordinate = Annotated[float, Key("metres, or metres a second", "m", at_least=-FARTHEST, at_most=FARTHEST)]
Pair = Annotated[tuple[Coordinate, Coordinate], Strict(strict=False)]
_PAIR = f"two numbers from {-FARTHEST:g} to {FARTHEST:g}, [x, y]"


class SiteSettings(Block):
    """Where the base station stands, and the link budget (3GPP TR 38.901).

    A device without ``position_m`` and ``snr_db`` of its own is dropped evenly over the disc of
    ``radius_m``; without a radius it has the SNR of ``channel``.
    """

    environment: Annotated[
        Literal["uma", "umi", "inh"], Key("urban macro cell, urban micro cell, or indoor hotspot")
    ]
    carrier_hz: Annotated[float, Key("carrier frequency", "Hz", at_least=1e6, at_most=1e12)]
    base_height_m: Annotated[float, Key("height of the base station's antenna", "m", above=0, at_most=1e4)]
    device_height_m: Annotated[float, Key("height of a device's antenna", "m", above=0, at_most=1e4)]
    transmit_dbm: Annotated[
        float, Key("transmit power, by which energy is counted as well", "dBm", at_least=-200, at_most=200)
    ]
    noise_figure_db: Annotated[float, Key("noise figure of the base station", "dB", at_least=0, at_most=60)]
    antenna_gain_db: Annotated[float, Key("gains of both antennas", "dB", at_least=-100, at_most=100)] = 0.0
    shadowing: Annotated[bool, Key("whether log-normal shadowing is drawn")] = True
    radius_m: Annotated[
        float | None, Key("disc over which devices are dropped", "m", above=0, at_most=FARTHEST)
    ] = None

    def budget(self) -> LinkBudget:
        """The link budget.

        Raises
        ------
        InputError
            If the path-loss model does not hold for these heights or this carrier.
        """
        try:
            law = Site(self.environment, self.carrier_hz, self.base_height_m, self.device_height_m)
        except ValueError as error:
            raise InputError([Fault("", "site", str(error))]) from None
        transmit_dbm = self.transmit_dbm + self.antenna_gain_db
        return LinkBudget(law, transmit_dbm, self.noise_figure_db, self.shadowing)


class DeviceSettings(Block):
    """What one device has of its own; an empty key takes the scenario's value.

    With ``position_m`` its mean SNR follows from the scenario's ``site``.
    """

    snr_db: SnrDb | None = None
    policy: Policy | None = None
    slm: ComputeLatency | None = None
    position_m: Annotated[
        Pair | None, Key("place at time 0, base station at the origin", "m", allowed=_PAIR)
    ] = None
    velocity_m_s: Annotated[Pair | None, Key("how it moves", "m/s", allowed=_PAIR)] = None

    @model_validator(mode="after")
    def _one_source_of_snr(self) -> Self:
        if self.position_m is not None and self.snr_db is not None:
            raise said("follows from position_m, allowed: one of the two", "snr_db")
        if self.velocity_m_s is not None and self.position_m is None:
            raise said("starts nowhere, allowed: with position_m", "velocity_m_s")
        return self

    def files(self, trace_folder: Path | None) -> tuple[Path, ...]:
        """The profile of its small model."""
        return latency_files(self.slm, trace_folder)

    def place(self, site: SiteSettings | None, path: str) -> Placement | None:
        """Its place; None where its mean SNR is given.

        Raises
        ------
        InputError
            At ``path`` or at ``site``, if the path-loss model does not hold there.
        """
        if site is None or self.snr_db is not None or (self.position_m is None and site.radius_m is None):
            return None
        budget = site.budget()
        place = Placement(budget, self.position_m, self.velocity_m_s or (0.0, 0.0), site.radius_m)
        try:
            budget.site.path_loss_db(place.farthest_m(), line_of_sight=True)
        except ValueError as error:
            key = f"{path}.position_m" if self.position_m else "site.radius_m"
            raise InputError([Fault("", key, str(error))]) from None
        return place


class RequestSettings(Block):
    """When prompts are asked for, and how many."""

    arrivals: Arrivals = ClosedArrivals()
    per_device: Annotated[
        int | None,
        Key("prompts of each device; if empty, all meet each equally often", at_least=1, at_most=1_000_000),
    ] = None
    deadline_s: Annotated[
        float | None, Key("from a request's arrival to its last token", "s", above=0, at_most=1e9)
    ] = None
    until_s: Annotated[
        float | None,
        Key("when the simulation ends; after the last token if empty", "s", above=0, at_most=1e9),
    ] = None
    warmup_s: Annotated[
        float, Key("requests that arrive before are simulated and not counted", "s", at_least=0, at_most=1e9)
    ] = 0.0

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if self.until_s is not None and self.warmup_s >= self.until_s:
            raise said("nothing would count, allowed: below until_s", "warmup_s")
        return self

    @model_validator(mode="after")
    def _a_recording_says_how_many(self) -> Self:
        if isinstance(self.arrivals, RecordedArrivalsSettings) and self.per_device is not None:
            raise said("follows from the recorded arrivals, allowed: one of the two", "per_device")
        return self

    def build(self, num_devices: int) -> RequestPlan:
        """The requests.

        Raises
        ------
        InputError
            If recorded arrivals can't be read, or are not those of so many devices.
        """
        with at_key("arrivals"):
            arrivals = self.arrivals.build()
        requests = RequestPlan(arrivals, self.per_device, self.until_s, self.warmup_s)
        if isinstance(self.arrivals, RecordedArrivalsSettings):
            try:
                requests.arrivals.of_devices(0, [1] * num_devices)
            except (ValueError, OSError) as error:
                raise InputError([Fault("", "arrivals.file", reason(error))]) from None
        return requests


class UplinkSettings(Block):
    """Who may send when."""

    scheduler: Scheduler = FifoSettings()


class ServerSettings(Block):
    """Replicas of the large model, and how each gathers a batch."""

    max_batch: Annotated[int, Key("requests of one pass, at most", at_least=1, at_most=10_000)] = 1
    replicas: Annotated[int, Key("replicas of the large model", at_least=1, at_most=10_000)] = 1
    window_s: Annotated[
        float,
        Key("time that the oldest request waits for a fuller batch", "s", at_least=0, at_most=LONGEST_S),
    ] = 0.0

    def build(
        self, llm: Latency, num_devices: int, longest_pass: tuple[int, int]
    ) -> Callable[[simpy.Environment], Server]:
        """What makes the server of a simulation.

        Parameters
        ----------
        num_devices : int. A device waits for its answer before it asks again, so that no batch is larger.
        longest_pass : cached and new tokens of a pass, at most. Any member of a batch may be padded to any other.

        Raises
        ------
        InputError
            At ``max_batch``, if batches that a run could need were not measured.
        """
        if self.max_batch == 1:
            return lambda env: SingleServer(env, self.replicas)
        largest, (context, positions) = min(self.max_batch, num_devices), longest_pass
        try:
            for batch in range(2, largest + 1):
                llm.seconds([0, 0, context, context], [1, positions, 1, positions], batch)
        except LatencyOutOfRange as error:
            raise InputError([Fault("", "max_batch", f"batches of up to {largest}: {error}")]) from None
        seconds = batch_seconds(llm)
        return lambda env: BatchingServer(env, self.replicas, self.max_batch, self.window_s, seconds)


class DownlinkSettings(Block):
    """Rate of the response; infinite by default, since it is a token index.

    With ``snr_db`` it is what the rate law of ``channel`` gives at that SNR, without fading.
    """

    rate_bps: Annotated[
        float,
        Field(allow_inf_nan=True),
        Key("rate of the response", "bit/s", at_least=1, allowed="a number of at least 1 bit/s, or .inf"),
    ] = math.inf
    snr_db: Annotated[
        float | None,
        Key("SNR of the downlink", "dB", at_least=LOWEST_SNR_DB, at_most=HIGHEST_SNR_DB),
    ] = None
    bandwidth_hz: Annotated[
        float | None, Key("bandwidth of the downlink; the uplink's if empty", "Hz", at_least=1, at_most=1e12)
    ] = None

    @model_validator(mode="after")
    def _one_source_of_the_rate(self) -> Self:
        if self.snr_db is not None and math.isfinite(self.rate_bps):
            raise said("follows from rate_bps, allowed: one of the two", "snr_db")
        if self.bandwidth_hz is not None and self.snr_db is None:
            raise said("nothing looks at it, allowed: with snr_db", "bandwidth_hz")
        return self

    def bit_rate_bps(self, channel: ChannelSettings) -> float:
        """The rate, bit/s.

        Raises
        ------
        InputError
            At ``snr_db``, if nothing gets through there.
        """
        if self.snr_db is None:
            return self.rate_bps
        law, gap = channel.rate.build(), from_db(channel.rate.gap_db)
        rate_bps = float(
            law(np.array([from_db(self.snr_db)]), self.bandwidth_hz or channel.bandwidth_hz, gap)[0]
        )
        if not rate_bps:
            text = f"nothing gets through, given {self.snr_db:g}, allowed: an SNR at which the rate law sends"
            raise InputError([Fault("", "snr_db", text)])
        return rate_bps


class EnergySettings(Block):
    """Power of a device; what is radiated follows from ``site.transmit_dbm`` where there is a site."""

    transmit_w: Annotated[float, Key("radiated power while it sends", "W", at_least=0, at_most=1e6)] = 0.2
    amplifier_efficiency: Annotated[
        float, Key("radiated power over what is drawn for it", above=0, at_most=1)
    ] = 1.0
    compute_w: Annotated[float, Key("power while it computes", "W", at_least=0, at_most=1e6)] = 2.0
    idle_w: Annotated[float, Key("power while it waits", "W", at_least=0, at_most=1e6)] = 0.0

    def build(self, site: SiteSettings | None) -> Power:
        """The power that is drawn; what is radiated is said once, by the site where there is one."""
        radiated_w = self.transmit_w if site is None else from_db(site.transmit_dbm - 30)
        return Power(radiated_w / self.amplifier_efficiency, self.compute_w, self.idle_w)
