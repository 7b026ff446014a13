"""Blocks of a scenario file about the models: trace, uncertainty, payload and latency."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo

from netsim.scenario.fields import (
    Block,
    Choice,
    Count,
    Expect,
    FilePath,
    Finite,
    Flag,
    FolderOrName,
    NonNegative,
    Positive,
    Share,
    absolute_path,
    exists,
    path_if_there,
)

PROJECT_TRACES = Path(__file__).resolve().parents[2] / "traces"
"""Where a trace named without a path is looked up first."""

BUILT_IN_PROMPTS = PROJECT_TRACES.parent / "models" / "tiny" / "prompts-evaluation.jsonl"

VocabularySize = Annotated[int, Field(ge=2), Expect("a whole number of at least 2")]


class LiveTraceSettings(Block):
    """Both models in the loop: folders, or names in the hub's cache.

    ``prompts`` is a file as ``netsim record`` reads it, by default that of the built-in pair; an empty
    ``num_prompts`` takes all of it.
    """

    kind: Literal["live"]
    slm: FolderOrName
    llm: FolderOrName
    prompts: FilePath = str(BUILT_IN_PROMPTS)
    num_prompts: Annotated[int | None, Field(ge=1), Expect("a whole number of at least 1")] = None
    temperature: Positive = 1.0
    top_p: Annotated[float, Field(gt=0, le=1), Expect("a number above 0, at most 1")] = 1.0
    dtype: Annotated[Literal["float32", "bfloat16", "float16"], Expect("float32, bfloat16 or float16")] = (
        "float32"
    )
    device: Annotated[str, Field(min_length=1), Expect("cpu, cuda, cuda:1 or mps")] = "cpu"


class BetaSettings(Block):
    """Uncertainty drawn from a beta distribution; 1 and 1 is the uniform one."""

    distribution: Annotated[Literal["beta"], Expect("beta", ("beta",))] = "beta"
    alpha: Positive
    beta: Positive


class RejectionLineSettings(Block):
    """Rejection probability of a round, ``a * u + b`` clipped to [0, 1].

    ``delta`` is the share of drafts that are not accepted outright; only the risk-prone threshold needs it.
    """

    a: Finite
    b: Finite
    delta: Share | None = None


class ParametricTraceSettings(Block):
    """Rounds drawn from published statistics, without models."""

    kind: Literal["parametric"]
    vocabulary_size: VocabularySize
    uncertainty: BetaSettings
    rejection: RejectionLineSettings
    prompts: Count = 24
    prompt_tokens: Count = 32


def _trace_path(name: str, info: ValidationInfo) -> str:
    """Keep the name of one of the project's traces; make any other path absolute."""
    if "/" not in name and exists(PROJECT_TRACES / name):
        return name
    found = path_if_there(name, info)
    return absolute_path(name, info) if found == name and "/" in name else found


def _trace_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "name"
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if kind in ("live", "parametric") else None


Trace = Annotated[
    Annotated[str, Field(min_length=1), AfterValidator(_trace_path), Tag("name")]
    | Annotated[LiveTraceSettings, Tag("live")]
    | Annotated[ParametricTraceSettings, Tag("parametric")],
    Discriminator(_trace_tag),
    Choice(
        "live or parametric",
        ("live", "parametric"),
        "kind",
        "the name or folder of a trace, or a block with a kind",
    ),
]

MEASURES = ("temperature", "entropy", "one-minus-max", "margin", "one-minus-draft")


class UncertaintySettings(Block):
    """How the device measures its uncertainty; ``samples: .inf`` is the limit of many samples."""

    measure: Annotated[
        Literal["temperature", "entropy", "one-minus-max", "margin", "one-minus-draft"],
        Expect(", ".join(MEASURES), MEASURES),
    ] = "temperature"
    samples: Annotated[
        Annotated[int, Field(ge=1)]
        | Annotated[float, Field(ge=math.inf, allow_inf_nan=True)]
        | Annotated[Literal["inf"], AfterValidator(float)],
        Expect("a whole number of at least 1, or inf", ("inf",)),
    ] = 20
    theta_max: Positive = 2.0


class PayloadSettings(Block):
    """What an upload is billed for."""

    vocabulary_size: Annotated[
        Annotated[int, Field(ge=2)] | Literal["trace"],
        Expect("a whole number of at least 2, or trace", ("trace",)),
    ] = "trace"
    probability_bits: Count = 8
    count_indices: Flag = True
    quantise: Flag = False


def _profile_name(text: str, info: ValidationInfo) -> str:
    """Refuse a number in quotes; make the path of a profile absolute."""
    try:
        float(text)
    except ValueError:
        return text if text == "recorded" else path_if_there(text, info)
    raise ValueError("a number in quotes")


ComputeLatency = Annotated[
    Annotated[float, Field(ge=0)] | Annotated[str, Field(min_length=1), AfterValidator(_profile_name)],
    Expect("seconds of at least 0, recorded, or the name of a latency profile"),
]


class LatencySettings(Block):
    """Seconds that each stage takes; ``propagation`` is one way."""

    slm: ComputeLatency = "recorded"
    llm: ComputeLatency = "recorded"
    uncertainty: NonNegative = 0.0
    grant: NonNegative = 0.0
    propagation: NonNegative = 0.0
    prefill: Flag = False
    catch_up: Flag = True
