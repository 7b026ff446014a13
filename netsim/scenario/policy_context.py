"""What a policy is handed when it is built, besides its own settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netsim.costs.energy import Power
from netsim.costs.workload import Costs
from netsim.deciding.parametric import ParametricTrace
from netsim.deciding.thresholds import RejectionLine
from netsim.errors import Fault, InputError
from netsim.scenario.billing import build_costs
from traces.format.manifest import Calibration
from traces.format.trace import Trace

if TYPE_CHECKING:
    from netsim.scenario.model import Scenario


@dataclass(frozen=True)
class Speed:
    """What the number of drafts is chosen by; what takes work to find is found when it is asked for.

    Attributes
    ----------
    costs : callable () -> Costs
    rate_bps : callable () -> float. Uplink rate at the mean SNR.
    power : callable () -> Power
    prompt_tokens : callable () -> float. Mean length of a prompt.
    num_tokens : int. Of each prompt.
    alpha : float, optional. Probability that a draft is accepted.
    independent : bool. Whether drafts are accepted independently, with probability ``alpha``.
    runs : tuple of float, optional. Measured tokens of a round of 1, 2, … drafts and the bonus.
    """

    costs: Callable[[], Costs]
    rate_bps: Callable[[], float]
    power: Callable[[], Power]
    prompt_tokens: Callable[[], float]
    num_tokens: int
    alpha: float | None = None
    independent: bool = False
    runs: tuple[float, ...] | None = None


@dataclass(frozen=True)
class PolicyContext:
    """What the scenario and its trace tell a policy.

    Attributes
    ----------
    vocabulary_size : int. Of the trace.
    whole_vocabulary : bool. Whether nodes hold every token.
    line : RejectionLine, optional. Of the trace's calibration, if it was fitted for the scenario's measure.
    quantise_bits : int, optional. Bits of the values that every transmitting policy really sends.
    distributions : bool. Whether the trace has any; a parametric one has none.
    speed : Speed, optional. What the number of drafts is chosen by.
    scored : bool. Whether nodes have a score from outside.
    """

    vocabulary_size: int
    whole_vocabulary: bool
    line: RejectionLine | None = None
    quantise_bits: int | None = None
    distributions: bool = True
    speed: Speed | None = None
    scored: bool = False

    def calibrated(self, key: str, given: str) -> RejectionLine:
        """The line.

        Raises
        ------
        InputError
            At ``key``, if there is none.
        """
        if self.line is None:
            text = "needs a trace that is calibrated for the same measure (netsim calibrate)"
            raise InputError([Fault("", key, f"{text}, given '{given}', allowed: a number")])
        return self.line


def policy_context(scenario: Scenario, trace: Trace | ParametricTrace) -> PolicyContext:
    """What the scenario and its trace tell a policy.

    Raises
    ------
    InputError
        If values can't be quantised as the scenario says.
    """
    payload = scenario.payload
    speed = _speed(scenario, trace)
    if isinstance(trace, ParametricTrace):
        if payload.quantise:
            raise _no_quantising("a parametric trace has no values to quantise, allowed: false")
        line = RejectionLine(trace.a, trace.b, trace.delta)
        return PolicyContext(
            trace.vocabulary_size, whole_vocabulary=False, line=line, distributions=False, speed=speed
        )
    if payload.quantise and payload.probability_bits < 2:
        raise _no_quantising("one bit can't tell probabilities apart, allowed: at least 2 bits")
    manifest = trace.manifest
    recorded, wanted = manifest.measure, scenario.uncertainty
    same_measure = recorded.name == wanted.measure and (
        wanted.measure != "temperature" or (recorded.samples or math.inf) == wanted.samples
    )
    return PolicyContext(
        vocabulary_size=manifest.vocabulary_size,
        whole_vocabulary=manifest.sampler.top_p == 1,
        line=line_of(manifest.calibration) if same_measure and manifest.calibration else None,
        quantise_bits=payload.probability_bits if payload.quantise else None,
        speed=speed,
        scored=manifest.score is not None,
    )


def _speed(scenario: Scenario, trace: Trace | ParametricTrace) -> Speed:
    """What the scenario and its trace tell about the speed of rounds."""
    alpha: float | None
    if isinstance(trace, ParametricTrace):
        alpha, runs = trace.acceptance(scenario.uncertainty.count()), None
    else:
        found = trace.manifest.calibration
        alpha = None if found is None else 1 - found.mean_rejection
        runs = found.round_tokens if found and found.round_tokens else None

    def prompt_tokens() -> float:
        if isinstance(trace, ParametricTrace):
            return trace.prompt_tokens
        return sum(len(trace.prompt(number).tokens) for number in trace.prompts) / len(trace.prompts)

    return Speed(
        costs=lambda: build_costs(scenario, trace),
        rate_bps=lambda: scenario.channel.build().curve(0, 0, 0).mean_rate_bps,
        power=lambda: scenario.energy.build(scenario.site),
        prompt_tokens=prompt_tokens,
        num_tokens=scenario.tokens,
        alpha=alpha,
        independent=isinstance(trace, ParametricTrace),
        runs=runs,
    )


def line_of(calibration: Calibration) -> RejectionLine:
    """RejectionLine of a trace's calibration."""
    return RejectionLine(calibration.a, calibration.b, calibration.delta, calibration.u_tv)


def _no_quantising(text: str) -> InputError:
    return InputError([Fault("", "payload.quantise", text)])
