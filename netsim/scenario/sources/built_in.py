"""Sources of decisions: recorded traces, statistics, and models in the loop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, model_serializer

from netsim.deciding.parametric import ParametricTrace
from netsim.errors import Fault, InputError, beside, did_you_mean
from netsim.scenario.families import TraceKind
from netsim.scenario.fields import Block, Key
from netsim.scenario.paths import (
    PROJECT_TRACES,
    FilePath,
    FolderOrName,
    PathText,
    exists,
    known_traces,
    trace_path,
)
from traces.format.manifest import TraceError
from traces.format.trace import Trace

#: Traces that a message names.
MOST_NAMED = 12


def _named(known: list[str]) -> str:
    """Names for a message; of many those with short names, which are the plain ones."""
    shown = sorted(sorted(known, key=len)[:MOST_NAMED])
    more = " (more: netsim list traces)" if len(known) > MOST_NAMED else ""
    return f"{', '.join(shown)}{more}"


class RecordedTraceSettings(TraceKind):
    """A recorded trace, by the name of one of the project's or by its folder."""

    kind: Literal["recorded"] = "recorded"
    folder: Annotated[
        PathText, AfterValidator(trace_path), Key("name or folder", allowed="the name or folder of a trace")
    ]

    @model_serializer
    def _as_a_word(self) -> str:
        """A scenario names a recorded trace by a plain word."""
        return self.folder

    @property
    def path(self) -> Path:
        """The folder; whether it is there is for its reader to say."""
        return PROJECT_TRACES / self.folder

    def build(self) -> Trace:
        """Open the trace."""
        if "/" not in self.folder and not exists(self.path):
            known = known_traces()
            text = f"no such trace, given {self.folder!r}, allowed: {_named(known)}, or the path of a folder"
            raise TraceError(f"{text}{did_you_mean(self.folder, known)}")
        if not exists(self.path):
            raise TraceError(f"{self.path}: no such folder{beside(self.path)}")
        return Trace.open(self.path)

    def files(self, trace_folder: Path | None) -> tuple[Path, ...]:
        """Its manifest, which holds the digests of all shards."""
        return (self.path / "trace.json",)


class LiveTraceSettings(TraceKind):
    """Both models in the loop; what they think is recorded before it is simulated."""

    kind: Literal["live"] = "live"
    slm: Annotated[FolderOrName, Key("the small model", allowed="a folder, or the name of a model")]
    llm: Annotated[FolderOrName, Key("the large model", allowed="a folder, or the name of a model")]
    prompts: Annotated[
        FilePath | None,
        Key(
            "prompts, as netsim record reads them; the built-in pair's if empty", allowed="the path of a file"
        ),
    ] = None
    num_prompts: Annotated[
        int | None, Key("how many of them; empty takes all", at_least=1, at_most=100_000)
    ] = None
    temperature: Annotated[float, Key("sampling temperature of both models", above=0, at_most=100)] = 1.0
    top_p: Annotated[float, Key("nucleus that is sampled from; 1 is all", above=0, at_most=1)] = 1.0
    dtype: Annotated[Literal["float32", "bfloat16", "float16"], Key("number format")] = "float32"
    device: Annotated[PathText, Key("where they run", allowed="cpu, cuda, cuda:1 or mps")] = "cpu"

    def build(self) -> Trace:
        """Refuse: the command line records it first and puts the recorded trace in its place."""
        text = "runs no models here, given kind: live, allowed: a recorded trace, or netsim run or sweep"
        raise InputError([Fault("", "", text)])


class BetaSettings(Block):
    """Uncertainty drawn from a beta distribution; 1 and 1 is the uniform one."""

    distribution: Annotated[Literal["beta"], Key("which distribution")] = "beta"
    alpha: Annotated[float, Key("first shape", at_least=1e-6, at_most=1e6)]
    beta: Annotated[float, Key("second shape", at_least=1e-6, at_most=1e6)]


class RejectionLineSettings(Block):
    """Rejection probability of a round, a u + b, clipped to [0, 1]."""

    a: Annotated[float, Key("slope over the uncertainty", at_least=-1e6, at_most=1e6)]
    b: Annotated[float, Key("rejection at no uncertainty", at_least=-1e6, at_most=1e6)]
    delta: Annotated[
        float | None, Key("share of drafts not accepted outright, for risk-prone", at_least=0, at_most=1)
    ] = None


class ParametricTraceSettings(TraceKind):
    """Rounds drawn from published statistics of a pair, without models."""

    source = "arXiv 2412.12687"

    kind: Literal["parametric"] = "parametric"
    vocabulary_size: Annotated[int, Key("tokens of the vocabulary", at_least=2, at_most=10_000_000)]
    uncertainty: BetaSettings
    rejection: RejectionLineSettings
    prompts: Annotated[int, Key("prompts of a run", at_least=1, at_most=100_000)] = 24
    prompt_tokens: Annotated[int, Key("tokens of each prompt", at_least=1, at_most=1_000_000)] = 32

    def build(self) -> ParametricTrace:
        """Make the statistics."""
        return ParametricTrace(
            vocabulary_size=self.vocabulary_size,
            alpha=self.uncertainty.alpha,
            beta=self.uncertainty.beta,
            a=self.rejection.a,
            b=self.rejection.b,
            delta=self.rejection.delta,
            num_prompts=self.prompts,
            prompt_tokens=self.prompt_tokens,
        )
