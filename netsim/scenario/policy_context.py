"""What a policy is handed when it is built, besides its own settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netsim.deciding.parametric import ParametricTrace
from netsim.deciding.thresholds import RejectionLine
from netsim.errors import Fault, InputError
from traces.format.manifest import Calibration
from traces.format.trace import Trace

if TYPE_CHECKING:
    from netsim.scenario.model import Scenario


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
    """

    vocabulary_size: int
    whole_vocabulary: bool
    line: RejectionLine | None = None
    quantise_bits: int | None = None
    distributions: bool = True

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
    if isinstance(trace, ParametricTrace):
        if payload.quantise:
            raise _no_quantising("a parametric trace has no values to quantise, allowed: false")
        line = RejectionLine(trace.a, trace.b, trace.delta)
        return PolicyContext(trace.vocabulary_size, whole_vocabulary=False, line=line, distributions=False)
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
    )


def line_of(calibration: Calibration) -> RejectionLine:
    """RejectionLine of a trace's calibration."""
    return RejectionLine(calibration.a, calibration.b, calibration.delta, calibration.u_tv)


def _no_quantising(text: str) -> InputError:
    return InputError([Fault("", "payload.quantise", text)])
