"""From the settings of a policy to the policy, with what its trace's calibration has to say."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from netsim.deciding import policies
from netsim.deciding.parametric import ParametricTrace
from netsim.deciding.thresholds import Line
from netsim.errors import Fault, InputError
from netsim.scenario import Scenario
from netsim.scenario.plugins import make
from netsim.scenario.policies import (
    ChannelAwareSettings,
    CuHlmSettings,
    HlmSettings,
    LlmSettings,
    OracleSettings,
    OwnPolicySettings,
    RandHlmSettings,
    SlmSettings,
    UHlmSettings,
)
from netsim.scenario.policies import Policy as PolicySettings
from traces.format.manifest import Calibration
from traces.format.trace import Trace
from traces.speculative.upload import Compressed, Online, Upload
from traces.speculative.walk import Policy

#: Policies that have no settings.
PLAIN: dict[str, Policy] = {
    "slm": policies.Slm(),
    "llm": policies.Llm(),
    "hlm": policies.Hlm(),
    "oracle": policies.Oracle(),
}


class ThresholdClipped(UserWarning):
    """A threshold by name lies outside [0, 1]: u-hlm is then slm, or hlm but for u = 0."""


@dataclass(frozen=True)
class Surroundings:
    """What a policy needs to know besides its own settings.

    Attributes
    ----------
    vocabulary_size : int. Of the trace.
    whole_vocabulary : bool. Whether nodes hold every token.
    line : Line, optional. Of the trace's calibration, if it was fitted for the scenario's measure.
    quantise_bits : int, optional. Bits of the values that every transmitting policy really sends.
    """

    vocabulary_size: int
    whole_vocabulary: bool
    line: Line | None = None
    quantise_bits: int | None = None


def surroundings(scenario: Scenario, trace: Trace | ParametricTrace) -> Surroundings:
    """What the scenario and its trace tell a policy."""
    if isinstance(trace, ParametricTrace):
        if scenario.payload.quantise:
            raise _fault("payload.quantise", "a parametric trace has no values to quantise, allowed: false")
        line = Line(trace.a, trace.b, trace.delta)
        return Surroundings(trace.vocabulary_size, whole_vocabulary=False, line=line)
    manifest, payload = trace.manifest, scenario.payload
    if payload.quantise and payload.probability_bits < 2:
        raise _fault("payload.quantise", "one bit can't tell probabilities apart, allowed: at least 2 bits")
    recorded, wanted = manifest.measure, scenario.uncertainty
    same_measure = recorded.name == wanted.measure and (
        wanted.measure != "temperature" or (recorded.samples or math.inf) == wanted.samples
    )
    return Surroundings(
        vocabulary_size=manifest.vocabulary_size,
        whole_vocabulary=manifest.sampler.top_p == 1,
        line=line_of(manifest.calibration) if same_measure and manifest.calibration else None,
        quantise_bits=payload.probability_bits if payload.quantise else None,
    )


def line_of(calibration: Calibration) -> Line:
    """Line of a trace's calibration."""
    return Line(calibration.a, calibration.b, calibration.delta, calibration.u_tv)


def build_policy(settings: PolicySettings, around: Surroundings | None = None) -> Policy:
    """Build a policy.

    Parameters
    ----------
    around : Surroundings, optional
        Without it, only what stands for itself: no threshold by name, no cu-hlm.

    Raises
    ------
    InputError
        For what can't be had: a threshold by name without a calibration, a draft from ``x_hat`` where it is
        not exact, …
    """
    policy = _plain_policy(settings, around)
    if around is None or around.quantise_bits is None or not _uploads(settings):
        return policy
    upload = policy.upload if isinstance(policy, Compressed) else Upload()
    inner = policy.policy if isinstance(policy, Compressed) else policy
    quantised = Upload(upload.entries, around.quantise_bits, upload.draft_from_sent)
    return Compressed(inner, quantised)


def threshold_of(policy: Policy) -> float | None:
    """Threshold of a policy that has one."""
    inner = policy.policy if isinstance(policy, Compressed) else policy
    return inner.threshold if isinstance(inner, policies.UHlm) else None


def _plain_policy(settings: PolicySettings, around: Surroundings | None) -> Policy:
    policy: Policy
    match settings:
        case SlmSettings() | LlmSettings() | HlmSettings() | OracleSettings():
            policy = PLAIN[settings.name]
        case RandHlmSettings():
            policy = policies.RandHlm(settings.skip_probability)
        case UHlmSettings():
            policy = policies.UHlm(_threshold(settings, around))
        case CuHlmSettings():
            policy = _cu_hlm(settings, around)
        case ChannelAwareSettings():
            policy = policies.ChannelAware(settings.threshold, settings.exponent)
        case OwnPolicySettings():
            policy = make(settings.name, "policy", settings.model_extra)
    return policy


def _uploads(settings: PolicySettings) -> bool:
    return not isinstance(settings, (SlmSettings, LlmSettings))


def _threshold(settings: UHlmSettings | CuHlmSettings, around: Surroundings | None) -> float:
    """Threshold as a number in [0, 1]; one by name is the calibration's, clipped with a warning."""
    name = settings.threshold
    if not isinstance(name, str):
        return float(name)
    value = _calibrated("policy.threshold", name, around).threshold(name)
    if value is None:
        raise _fault(
            "policy.threshold", f"the line does not rise or delta is not given, so nothing is {name}"
        )
    if not 0 <= value <= 1:
        clipped = min(1.0, max(0.0, value))
        text = f"policy.threshold: {name} is {value:.3f}, clipped to {clipped:g}"
        warnings.warn(text, ThresholdClipped, stacklevel=2)
        return clipped
    return value


def _calibrated(path: str, given: str, around: Surroundings | None) -> Line:
    if around is None or around.line is None:
        raise _fault(
            path,
            f"needs a trace that is calibrated for the same measure (netsim calibrate), given '{given}', "
            "allowed: a number",
        )
    return around.line


def _cu_hlm(settings: CuHlmSettings, around: Surroundings | None) -> Policy:
    """cu-hlm: u-hlm's decisions, and an upload of the largest entries."""
    if around is None:
        raise _fault("policy.name", "cu-hlm needs to know its trace")
    from_sent = settings.draft == "x_hat"
    if from_sent and not around.whole_vocabulary:
        raise _fault(
            "policy.draft",
            "x_hat gives every token something, and the trace does not hold every token, given 'x_hat', "
            "allowed: x, or a trace recorded at top_p 1",
        )
    if from_sent and settings.k == "online":
        raise _fault("policy.draft", "an online k looks at the draft, given 'x_hat', allowed: x")
    inner = policies.UHlm(_threshold(settings, around))
    return Compressed(inner, Upload(_entries(settings, around), draft_from_sent=from_sent))


def _entries(settings: CuHlmSettings, around: Surroundings) -> int | Online:
    """Entries of an upload: a number, the offline ``k*`` of arXiv 2505.11788, or its rule for every round."""
    if isinstance(settings.k, int):
        return settings.k
    line = _calibrated("policy.k", settings.k, around)
    assert settings.theta is not None, "a search for k has its theta"
    if line.u_tv is None:
        raise _fault(
            "policy.k", f"a parametric trace has no distributions, given '{settings.k}', allowed: a number"
        )
    if settings.k == "online":
        return Online(settings.theta, line.a, line.b)
    # At k = V nothing is cut, so the last value is 0 and some k meets any theta.
    return 1 + int(np.argmax(np.array(line.u_tv) <= settings.theta))


def _fault(path: str, text: str) -> InputError:
    return InputError([Fault("", path, text)])
