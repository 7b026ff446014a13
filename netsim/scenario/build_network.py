"""From the network blocks of a scenario to devices that share an uplink and a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import simpy

from netsim.costs.latency import LatencyOutOfRange, load_latency
from netsim.costs.latency_file import LatencyError
from netsim.costs.workload import Costs, Latency, Workload
from netsim.deciding.channel_aware import looks_at_channel
from netsim.deciding.parametric import ParametricDecider
from netsim.deciding.recorded import Decider
from netsim.engines.arrivals import Arrivals, ClosedLoop, Poisson, RecordedArrivals
from netsim.engines.events import Cell
from netsim.engines.network import Device, Network, Requests
from netsim.engines.schedulers import ProportionalFair, RoundRobin
from netsim.engines.server import BatchingServer, Server, SingleServer, batch_seconds
from netsim.engines.slots import SlotScheduler, SlottedUplink
from netsim.engines.uplink import EqualSplitUplink, FifoUplink, Uplink
from netsim.errors import Fault, InputError
from netsim.scenario import Scenario, network
from netsim.scenario.build_policy import build_policy, surroundings
from netsim.scenario.build_radio import build_place, build_radio
from netsim.scenario.network import DeviceSettings, RequestSettings, ServerSettings, UplinkSettings
from netsim.scenario.plugins import make
from traces.speculative.rounds import Policy, Rounds

#: Blocks with which a device may meet others, wait, or see its link change for more reasons than fading.
NETWORK_KEYS = ("devices", "site", "requests", "uplink", "server")
#: Decisions and work of every prompt under a seed.
Plan = Callable[[int], tuple[Rounds, Workload]]


def network_key(scenario: Scenario, policy: Policy) -> str | None:
    """The first key for which a scenario needs the network; None for one device that shares nothing."""
    if looks_at_channel(policy):
        return "policy"
    plain = Scenario.model_fields
    changed = (
        key
        for key in NETWORK_KEYS
        if getattr(scenario, key) != plain[key].get_default(call_default_factory=True)
    )
    return next(changed, None)


def build_network(
    scenario: Scenario,
    decider: Decider | ParametricDecider,
    policy: Policy,
    costs: Costs,
    plan_of: Callable[[Policy, Costs], Plan],
) -> Network:
    """Devices, uplink and server of a scenario.

    Parameters
    ----------
    policy, costs : of a device that has none of its own.
    plan_of : callable. Makes the plan of a policy and its costs.

    Raises
    ------
    InputError
        For what can't be had.
    """
    if isinstance(scenario.devices, int):
        plain = DeviceSettings()
        alike = _device(scenario, plain, "devices", decider, (policy, costs), plan_of)
        devices = (alike,) * scenario.devices
    else:
        devices = tuple(
            _device(scenario, own, f"devices[{number}]", decider, (policy, costs), plan_of)
            for number, own in enumerate(scenario.devices)
        )
    cell = Cell(_uplink(scenario.uplink), _server(scenario.server, costs.llm))
    return Network(devices, cell, _requests(scenario.requests), decider)


def _requests(settings: RequestSettings) -> Requests:
    arrivals: Arrivals
    match settings.arrivals:
        case network.ClosedArrivals():
            arrivals = ClosedLoop()
        case network.PoissonArrivals(rate_hz=rate_hz):
            arrivals = Poisson(rate_hz)
        case network.RecordedArrivals(file=file):
            arrivals = RecordedArrivals(Path(file))
    return Requests(arrivals, settings.per_device, settings.until_s)


def _device(
    scenario: Scenario,
    own: DeviceSettings,
    path: str,
    decider: Decider | ParametricDecider,
    shared: tuple[Policy, Costs],
    plan_of: Callable[[Policy, Costs], Plan],
) -> Device:
    policy, costs = shared
    if own.policy is not None:
        policy = build_policy(own.policy, surroundings(scenario, decider.trace))
    if looks_at_channel(policy) and isinstance(decider, ParametricDecider):
        key = "policy" if own.policy is None else f"{path}.policy"
        text = "looks at the channel, which needs a trace of tokens, allowed: a recorded trace"
        raise InputError([Fault("", key, text)])
    if own.slm is not None:
        try:
            folder = getattr(decider.trace, "folder", None)
            costs = replace(costs, slm=load_latency(own.slm, "slm", folder))
        except LatencyError as error:
            raise InputError([Fault("", f"{path}.slm", str(error))]) from None
    return Device(
        policy=policy,
        costs=costs,
        radio=build_radio(scenario, own.snr_db),
        place=build_place(scenario.site, own, f"{path}.position_m"),
        plan=plan_of(policy, costs),
    )


def _uplink(settings: UplinkSettings) -> Callable[[simpy.Environment], Uplink]:
    if settings.scheduler == "fifo":
        return FifoUplink
    if settings.scheduler == "equal-split":
        return EqualSplitUplink

    def scheduler() -> SlotScheduler:
        if settings.scheduler == "round-robin":
            return RoundRobin()
        if settings.scheduler == "proportional-fair":
            return ProportionalFair(settings.window_slots)
        own: SlotScheduler = make(settings.scheduler, "uplink.scheduler")
        return own

    scheduler()  # a class that can't be had is refused now
    return lambda env: SlottedUplink(env, scheduler(), settings.slot_s)


def _server(settings: ServerSettings, llm: Latency) -> Callable[[simpy.Environment], Server]:
    if settings.max_batch == 1:
        return lambda env: SingleServer(env, settings.replicas)
    try:
        llm.seconds(0, 1, settings.max_batch)
    except LatencyOutOfRange as error:
        raise InputError([Fault("", "server.max_batch", str(error))]) from None
    seconds = batch_seconds(llm)
    return lambda env: BatchingServer(env, settings.replicas, settings.max_batch, settings.window_s, seconds)
