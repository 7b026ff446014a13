"""Thresholds of uncertainty: numbers, or what a trace's calibration gives by name."""

from __future__ import annotations

import warnings
from typing import Annotated, Literal

from netsim.errors import Fault, InputError
from netsim.scenario.fields import Key
from netsim.scenario.policy_context import PolicyContext

Threshold = Annotated[
    float | Literal["risk-averse", "risk-prone"],
    Key(
        "largest uncertainty that is skipped; by name, what the trace's calibration gives",
        at_least=0,
        at_most=1,
    ),
]


class ThresholdClipped(UserWarning):
    """A threshold by name lies outside [0, 1]: u-hlm is then slm, or hlm but for u = 0."""


def threshold_number(
    threshold: float | Literal["risk-averse", "risk-prone"], context: PolicyContext
) -> float:
    """Threshold as a number in [0, 1]; one by name is the calibration's, clipped with a warning.

    Raises
    ------
    InputError
        At ``threshold``, if the trace has no line, or none that gives such a threshold.
    """
    if not isinstance(threshold, str):
        return float(threshold)
    value = context.calibrated("threshold", threshold).threshold(threshold)
    if value is None:
        text = f"the line does not rise or delta is not given, so nothing is {threshold}"
        raise InputError([Fault("", "threshold", text)])
    clipped = min(1.0, max(0.0, value))
    if clipped != value:
        text = f"policy.threshold: {threshold} is {value:.3f}, clipped to {clipped:g}"
        warnings.warn(text, ThresholdClipped, stacklevel=2)
    return clipped
