"""Blocks of a scenario file about the models: uncertainty, payload and latency."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from netsim.costs.latency import PROFILES, load_latency
from netsim.costs.latency_file import LatencyError
from netsim.costs.passes import Latency
from netsim.errors import Fault, InputError
from netsim.scenario.fields import Block, Key
from netsim.scenario.paths import PathText, path_if_there
from traces.format.manifest import LATENCY
from traces.measures import MeasureName
from traces.speculative.rounds import Measure

LONGEST_S = 1e6
"""Seconds of any stage: a token that takes eleven days is a slip of the pen."""
MOST_SAMPLES = 10_000
"""As the trace format allows; the standard error of ``u`` is then 0.005."""


class UncertaintySettings(Block):
    """How the device measures its uncertainty."""

    measure: Annotated[MeasureName, Key("which measure")] = "temperature"
    samples: Annotated[
        Annotated[int, Field(ge=1, le=MOST_SAMPLES)]
        | Annotated[float, Field(ge=math.inf, allow_inf_nan=True)]
        | Annotated[Literal["inf"], AfterValidator(float)],
        Key(
            "temperature samples; inf is the limit of many",
            allowed=f"a whole number from 1 to {MOST_SAMPLES}, or inf",
        ),
    ] = 20
    theta_max: Annotated[float, Key("largest sampling temperature", above=0, at_most=100)] = 2.0

    def count(self) -> int | None:
        """Number of samples; None for the limit of many."""
        return None if math.isinf(float(self.samples)) else int(self.samples)

    def build(self, recorded_theta_max: float) -> Measure:
        """The measure, on a trace that was recorded for ``recorded_theta_max``.

        Raises
        ------
        InputError
            At ``theta_max``, if the trace holds nothing for it.
        """
        if self.measure != "temperature":
            return Measure(None, self.theta_max, self.measure)
        if self.theta_max != recorded_theta_max:
            text = f"not recorded in the trace, given {self.theta_max:g}, allowed: {recorded_theta_max:g}"
            raise InputError([Fault("", "theta_max", text)])
        return Measure(self.count(), self.theta_max)


class PayloadSettings(Block):
    """What an upload is billed for."""

    vocabulary_size: Annotated[
        int | Literal["trace"],
        Key("tokens that are billed; trace takes the trace's own", at_least=2, at_most=10_000_000),
    ] = "trace"
    probability_bits: Annotated[int, Key("bits of a probability", "bit", at_least=1, at_most=32)] = 8
    count_indices: Annotated[bool, Key("whether token ids are billed; indices of entries always are")] = True
    quantise: Annotated[bool, Key("whether values are really cut to their bits")] = False


def _profile_name(text: str, info: ValidationInfo) -> str:
    """Refuse a number in quotes; make the path of a profile absolute."""
    try:
        float(text)
    except ValueError:
        return text if text == "recorded" else path_if_there(text, info)
    raise ValueError("a number in quotes")


ComputeLatency = Annotated[
    Annotated[float, Field(ge=0, le=LONGEST_S)] | Annotated[PathText, AfterValidator(_profile_name)],
    Key(
        "a forward pass: seconds, what was measured with the trace, or a latency profile",
        "s",
        allowed=f"seconds from 0 to {LONGEST_S:g}, recorded, or the name of a latency profile",
    ),
]


def build_latency(
    value: float | str, role: Literal["slm", "llm"], trace_folder: Path | None, key: str
) -> Latency:
    """Latency of forward passes that a scenario names.

    Raises
    ------
    InputError
        At ``key``, if there is no such profile or it is damaged.
    """
    try:
        return load_latency(value, role, trace_folder)
    except LatencyError as error:
        raise InputError([Fault("", key, str(error))]) from None


def latency_files(value: float | str | None, trace_folder: Path | None) -> tuple[Path, ...]:
    """The file that a latency is read from, if there is one."""
    if not isinstance(value, str):
        return ()
    if value == "recorded":
        return () if trace_folder is None else (trace_folder / LATENCY,)
    return (Path(value) if "/" in value or value.endswith(".json") else PROFILES / f"{value}.json",)


class LatencySettings(Block):
    """Seconds that each stage takes."""

    slm: ComputeLatency = "recorded"
    llm: ComputeLatency = "recorded"
    uncertainty: Annotated[float, Key("measuring the uncertainty", "s", at_least=0, at_most=LONGEST_S)] = 0.0
    grant: Annotated[
        float, Key("scheduling request and grant before an upload", "s", at_least=0, at_most=LONGEST_S)
    ] = 0.0
    propagation: Annotated[float, Key("propagation, one way", "s", at_least=0, at_most=LONGEST_S)] = 0.0
    prefill: Annotated[bool, Key("whether throughput counts the time to the first token")] = False
    catch_up: Annotated[bool, Key("whether the LLM's pass covers tokens it has not seen")] = True

    def files(self, trace_folder: Path | None) -> tuple[Path, ...]:
        """Profiles of both models."""
        return latency_files(self.slm, trace_folder) + latency_files(self.llm, trace_folder)
