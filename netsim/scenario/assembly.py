"""What several blocks of a scenario make together: its source, decider, costs, policy and network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from netsim.costs.workload import Costs, Workload
from netsim.deciding.channel_aware import looks_at_channel
from netsim.deciding.parametric import ParametricDecider, ParametricTrace
from netsim.deciding.policies import Hlm
from netsim.deciding.recorded import Decider
from netsim.engines.events import BaseStation
from netsim.engines.network import Device, Network
from netsim.errors import Fault, InputError, at_key, reason
from netsim.radio.link import Radio
from netsim.results.similarity_file import StoredSimilarities
from netsim.scenario.blocks import build_latency
from netsim.scenario.fadings.models import RecordedFadingSettings
from netsim.scenario.families import PolicyKind
from netsim.scenario.memory import ARRAYS_BYTES, EVENTS_BYTES, check_memory
from netsim.scenario.model import Scenario
from netsim.scenario.network import DeviceSettings
from netsim.scenario.policy_context import PolicyContext, policy_context
from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.speculative.rounds import Policy, Rounds

#: Blocks with which a device may meet others, wait, or see its link change for more reasons than fading.
NETWORK_KEYS = ("devices", "site", "requests", "uplink", "server")
#: Draws of all temperature samples of one row's rounds: 8 bytes each, 1 GiB.
MOST_DRAWS = 2**27
#: Decisions and work of every prompt under a seed and visit.
Plan = Callable[[int, int], tuple[Rounds, Workload]]


def fault(path: str, text: str) -> InputError:
    """An error of one fault at a scenario's key."""
    return InputError([Fault("", path, text)])


def open_source(scenario: Scenario) -> Trace | ParametricTrace:
    """The scenario's trace, or the statistics that stand in for one.

    Raises
    ------
    InputError
        If it is missing, damaged, or too short for the scenario.
    """
    try:
        with at_key("trace"):
            source = scenario.trace.build()
    except TraceError as error:
        raise fault("trace", str(error)) from None
    except OSError as error:
        raise fault("trace", f"can't be read: {reason(error)}") from None
    check_size(scenario, source)
    return source


def open_trace(scenario: Scenario) -> Trace:
    """The scenario's recorded trace; raises as `open_source` does, also where there is none."""
    source = open_source(scenario)
    if isinstance(source, ParametricTrace):
        raise fault("trace", "has no tokens, given kind: parametric, allowed: a recorded trace")
    return source


def check_size(scenario: Scenario, source: Trace | ParametricTrace) -> None:
    """Refuse what the trace does not hold, or what memory does not.

    Raises
    ------
    InputError
        At the key that asks for it: ``tokens``, ``devices``, ``requests.per_device`` or ``uncertainty.samples``.
    """
    if isinstance(source, Trace) and scenario.tokens > source.manifest.num_tokens:
        recorded = source.manifest.num_tokens
        raise fault("tokens", f"more than the trace holds, given {scenario.tokens}, allowed: 1 to {recorded}")
    large = "requests.per_device" if scenario.requests.per_device else "devices"
    check_memory(
        scenario.num_rounds(len(source.prompts)),
        EVENTS_BYTES if _shared_key(scenario) else ARRAYS_BYTES,
        "tokens" if scenario.devices == 1 and not scenario.requests.per_device else large,
    )
    draws = len(source.prompts) * scenario.tokens * (scenario.uncertainty.count() or 0)
    if draws > MOST_DRAWS:
        text = f"too many for so many tokens, given {draws} draws (prompts x tokens x samples), allowed: {MOST_DRAWS}"
        raise fault("uncertainty.samples", text)


def open_similarities(source: Trace | ParametricTrace) -> StoredSimilarities | None:
    """Scores of texts that are stored beside a recorded trace; raises as `open_source` does."""
    if isinstance(source, ParametricTrace):
        return None
    try:
        return StoredSimilarities.of(source)
    except TraceError as error:
        raise fault("trace", str(error)) from None


def build_decider(scenario: Scenario, source: Trace | ParametricTrace) -> Decider | ParametricDecider:
    """What decides the scenario's rounds."""
    check_size(scenario, source)
    if isinstance(source, ParametricTrace):
        if scenario.uncertainty.measure != "temperature":
            raise fault("uncertainty.measure", "a parametric trace has none but temperature")
        return ParametricDecider(source, scenario.uncertainty.count(), scenario.tokens)
    with at_key("uncertainty"):
        measure = scenario.uncertainty.build(source.manifest.measure.theta_max)
    return Decider(
        trace=source,
        measure=measure,
        num_tokens=scenario.tokens,
        eos=source.manifest.eos if scenario.eos == "stop" else None,
        fresh=scenario.token_seeds == "fresh",  # noqa: S105  (no password)
        follow=scenario.off_tree == "follow",
    )


def build_policy(settings: PolicyKind, context: PolicyContext, path: str = "policy") -> Policy:
    """The policy of settings that stand at ``path``; an error names its key from there."""
    with at_key(path):
        return settings.build(context)


def network_key(scenario: Scenario, policy: Policy) -> str | None:
    """The first key for which a scenario needs the event engine; None for one device that shares nothing."""
    if looks_at_channel(policy):
        return "policy"
    return _shared_key(scenario)


def _shared_key(scenario: Scenario) -> str | None:
    """The same, whatever the policy looks at."""
    fading = scenario.channel.fading
    if isinstance(fading, RecordedFadingSettings) and fading.restart == "never":
        return "channel.fading"  # a prompt finds the series where the one before it left it
    return next((key for key in NETWORK_KEYS if getattr(scenario, key) != _default(key)), None)


@cache
def _default(key: str) -> object:
    """What a key is where a scenario lacks it, made once: every point of a sweep asks."""
    return Scenario.model_fields[key].get_default(call_default_factory=True)


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
        alike = _device(scenario, DeviceSettings(), "devices", decider, (policy, costs), plan_of)
        devices = (alike,) * scenario.devices
    else:
        devices = tuple(
            _device(scenario, own, f"devices[{number}]", decider, (policy, costs), plan_of)
            for number, own in enumerate(scenario.devices)
        )
    with at_key("uplink.scheduler"):
        uplink = scenario.uplink.scheduler.build()
    with at_key("server"):
        longest = _longest_pass(decider, [device.policy for device in devices])
        server = scenario.server.build(costs.llm, len(devices), longest)
    with at_key("requests"):
        requests = scenario.requests.build(len(devices))
    return Network(devices, BaseStation(uplink, server), requests, decider)


def _longest_pass(decider: Decider | ParametricDecider, policies: Sequence[Policy]) -> tuple[int, int]:
    """Cached and new tokens of the LLM's passes, at most."""
    longest = int(decider.prompt_tokens.max())
    # The first call covers the prompt; after rounds that were skipped, these as well.
    always = all(isinstance(policy, Hlm) or not policy.drafts for policy in policies)
    return longest + decider.num_tokens - 2, longest if always else longest + decider.num_tokens - 1


def _device(
    scenario: Scenario,
    own: DeviceSettings,
    path: str,
    decider: Decider | ParametricDecider,
    shared: tuple[Policy, Costs],
    plan_of: Callable[[Policy, Costs], Plan],
) -> Device:
    policy, costs = shared
    policy_path = "policy" if own.policy is None else f"{path}.policy"
    if own.slm is not None:
        folder = getattr(decider.trace, "folder", None)
        costs = replace(costs, slm=build_latency(own.slm, "slm", folder, f"{path}.slm"))
    with at_key("channel"):
        radio = scenario.channel.build(own.snr_db)
    place = own.place(scenario.site, path)
    if own != DeviceSettings() or place is not None:
        context = _own_context(scenario, decider, costs, radio if place is None else None)
        policy = build_policy(own.policy or scenario.policy, context, policy_path)
    if looks_at_channel(policy) and isinstance(decider, ParametricDecider):
        text = "looks at the channel, which needs a trace of tokens, allowed: a recorded trace"
        raise fault(policy_path, text)
    return Device(
        policy=policy,
        costs=costs,
        radio=radio,
        place=place,
        plan=plan_of(policy, costs),
    )


def _own_context(
    scenario: Scenario, decider: Decider | ParametricDecider, costs: Costs, radio: Radio | None
) -> PolicyContext:
    """What a policy is told about a device with costs and a radio of its own; one with a place has no rate yet."""
    context = policy_context(scenario, decider.trace)
    assert context.speed is not None, "a scenario has one"

    def rate_bps() -> float:
        if radio is None:
            text = "a device with a place has no rate before the simulation, given mean, allowed: current"
            raise fault("rate", text)
        return radio.curve(0, 0, 0).mean_rate_bps

    return replace(context, speed=replace(context.speed, costs=lambda: costs, rate_bps=rate_bps))
