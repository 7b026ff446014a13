"""Turn a checked scenario into the objects that simulate it, or say what it asks for in vain."""

from __future__ import annotations

import math
from typing import Literal

from channels.capacity import LinkNeverSends
from channels.fading import Fading, NoFading, Rayleigh
from channels.rates import cqi, shannon
from netsim.decide import Decider
from netsim.errors import Fault, InputError
from netsim.latency import load_latency
from netsim.latency_file import LatencyError
from netsim.radio import Radio, from_db
from netsim.rows import Power
from netsim.scenario import Scenario, trace_folder
from netsim.scenario_policies import SlmSettings
from netsim.workload import Costs, Latency
from traces.manifest import TraceError
from traces.trace import Trace
from traces.walk import Measure


def fault(path: str, text: str) -> InputError:
    """An error of one fault at a scenario's key."""
    return InputError([Fault("", path, text)])


def open_trace(scenario: Scenario) -> Trace:
    """The scenario's trace.

    Raises
    ------
    InputError
        If it is missing, damaged, or too short for the scenario.
    """
    if not isinstance(scenario.trace, str):
        raise fault(
            "trace",
            f"not built yet, given kind: {scenario.trace.kind}, allowed: the name or folder of a trace",
        )
    try:
        trace = Trace.open(trace_folder(scenario))
    except TraceError as error:
        raise fault("trace", str(error)) from None
    recorded = trace.manifest.num_tokens
    if scenario.tokens > recorded:
        raise fault("tokens", f"more than the trace holds, given {scenario.tokens}, allowed: 1 to {recorded}")
    return trace


def build_decider(scenario: Scenario, trace: Trace) -> Decider:
    """What decides the scenario's rounds."""
    return Decider(
        trace=trace,
        measure=_measure(scenario, trace),
        num_tokens=scenario.tokens,
        eos=trace.manifest.eos if scenario.eos == "stop" else None,
        fresh=scenario.token_seeds == "fresh",
        follow=scenario.off_tree == "follow",
    )


def _measure(scenario: Scenario, trace: Trace) -> Measure:
    settings, recorded = scenario.uncertainty, trace.manifest.measure
    if settings.measure != "temperature":
        return Measure(None, settings.theta_max, settings.measure)
    if settings.theta_max != recorded.theta_max:
        raise fault(
            "uncertainty.theta_max",
            f"not recorded in the trace, given {settings.theta_max:g}, allowed: {recorded.theta_max:g}",
        )
    return Measure(None if math.isinf(float(settings.samples)) else int(settings.samples), settings.theta_max)


def build_costs(scenario: Scenario, trace: Trace) -> Costs:
    """What rounds are billed for."""
    latency, payload = scenario.latency, scenario.payload
    size = payload.vocabulary_size
    return Costs(
        slm=_compute_latency(scenario, "slm", trace),
        llm=_compute_latency(scenario, "llm", trace),
        uncertainty_s=latency.uncertainty,
        grant_s=latency.grant,
        propagation_s=latency.propagation,
        catch_up=latency.catch_up,
        vocabulary_size=trace.manifest.vocabulary_size if size == "trace" else size,
        probability_bits=payload.probability_bits,
        count_indices=payload.count_indices,
        downlink_bps=scenario.downlink.rate_bps,
    )


def _compute_latency(scenario: Scenario, role: Literal["slm", "llm"], trace: Trace) -> Latency:
    value = scenario.latency.slm if role == "slm" else scenario.latency.llm
    try:
        return load_latency(value, role, trace.folder)
    except LatencyError as error:
        raise fault(f"latency.{role}", str(error)) from None


def build_radio(scenario: Scenario) -> Radio:
    """The scenario's uplink.

    Raises
    ------
    InputError
        If the link can never send.
    """
    channel = scenario.channel
    radio = Radio(
        fading=_fading(scenario),
        rate_law={"shannon": shannon, "cqi": cqi}[channel.rate.name],
        snr=from_db(channel.snr_db),
        gap=from_db(channel.rate.gap_db),
        bandwidth_hz=channel.bandwidth_hz,
        coherence_time_s=channel.coherence_time_s,
    )
    try:
        radio.curve(0, 0, 0).duration(0.0, 1.0)
    except LinkNeverSends as error:
        raise fault("channel", str(error)) from None
    return radio


def _fading(scenario: Scenario) -> Fading:
    match scenario.channel.fading.name:
        case "none":
            return NoFading()
        case "rayleigh":
            return Rayleigh()
    raise fault("channel.fading", f"not built yet, given '{scenario.channel.fading.name}'")


def build_power(scenario: Scenario) -> Power:
    """Power that the device draws."""
    return Power(scenario.energy.transmit_w, scenario.energy.compute_w, scenario.energy.idle_w)


def refuse_unbuilt(scenario: Scenario) -> None:
    """Refuse, in one line each, what the network can't do yet."""
    plain = Scenario(name="plain", trace="none", policy=SlmSettings(name="slm"))
    for key in ("devices", "uplink", "server"):
        if getattr(scenario, key) != getattr(plain, key):
            raise fault(key, f"not built yet, allowed: the default ({getattr(plain, key)})")
