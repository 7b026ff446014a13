"""Turn a checked scenario into the objects that simulate it, or say what it asks for in vain."""

from __future__ import annotations

import math
from typing import Literal

from netsim.costs.energy import Power
from netsim.costs.latency import load_latency
from netsim.costs.latency_file import LatencyError
from netsim.costs.workload import Costs, Latency
from netsim.deciding.parametric import ParametricDecider, ParametricTrace
from netsim.deciding.recorded import Decider
from netsim.errors import Fault, InputError
from netsim.scenario import Scenario, trace_folder
from netsim.scenario.blocks import LiveTraceSettings, ParametricTraceSettings
from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.speculative.walk import Measure


def fault(path: str, text: str) -> InputError:
    """An error of one fault at a scenario's key."""
    return InputError([Fault("", path, text)])


def open_source(scenario: Scenario) -> Trace | ParametricTrace:
    """The scenario's trace, or the statistics that stand in for one; raises as ``open_trace`` does."""
    if isinstance(scenario.trace, ParametricTraceSettings):
        return _parametric_trace(scenario.trace)
    return open_trace(scenario)


def open_trace(scenario: Scenario) -> Trace:
    """The scenario's recorded trace.

    Raises
    ------
    InputError
        If it is missing, damaged, or too short for the scenario.
    """
    if isinstance(scenario.trace, LiveTraceSettings):
        text = "runs no models here, given kind: live, allowed: a recorded trace, or netsim run or sweep"
        raise fault("trace", text)
    try:
        trace = Trace.open(trace_folder(scenario))
    except TraceError as error:
        raise fault("trace", str(error)) from None
    recorded = trace.manifest.num_tokens
    if scenario.tokens > recorded:
        raise fault("tokens", f"more than the trace holds, given {scenario.tokens}, allowed: 1 to {recorded}")
    return trace


def _parametric_trace(settings: ParametricTraceSettings) -> ParametricTrace:
    uncertainty, line = settings.uncertainty, settings.rejection
    return ParametricTrace(
        vocabulary_size=settings.vocabulary_size,
        alpha=uncertainty.alpha,
        beta=uncertainty.beta,
        a=line.a,
        b=line.b,
        delta=line.delta,
        num_prompts=settings.prompts,
        prompt_tokens=settings.prompt_tokens,
    )


def build_decider(scenario: Scenario, trace: Trace | ParametricTrace) -> Decider | ParametricDecider:
    """What decides the scenario's rounds."""
    if isinstance(trace, ParametricTrace):
        if scenario.uncertainty.measure != "temperature":
            raise fault("uncertainty.measure", "a parametric trace has none but temperature")
        return ParametricDecider(trace, _samples(scenario), scenario.tokens)
    return Decider(
        trace=trace,
        measure=_measure(scenario, trace),
        num_tokens=scenario.tokens,
        eos=trace.manifest.eos if scenario.eos == "stop" else None,
        fresh=scenario.token_seeds == "fresh",  # noqa: S105  (no password)
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
    return Measure(_samples(scenario), settings.theta_max)


def _samples(scenario: Scenario) -> int | None:
    samples = scenario.uncertainty.samples
    return None if math.isinf(float(samples)) else int(samples)


def build_costs(scenario: Scenario, trace: Trace | ParametricTrace) -> Costs:
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
        vocabulary_size=trace.vocabulary_size if size == "trace" else size,
        probability_bits=payload.probability_bits,
        count_indices=payload.count_indices,
        downlink_bps=scenario.downlink.rate_bps,
    )


def _compute_latency(
    scenario: Scenario, role: Literal["slm", "llm"], trace: Trace | ParametricTrace
) -> Latency:
    value = scenario.latency.slm if role == "slm" else scenario.latency.llm
    try:
        return load_latency(value, role, trace.folder if isinstance(trace, Trace) else None)
    except LatencyError as error:
        raise fault(f"latency.{role}", str(error)) from None


def build_power(scenario: Scenario) -> Power:
    """Power that the device draws."""
    return Power(scenario.energy.transmit_w, scenario.energy.compute_w, scenario.energy.idle_w)
