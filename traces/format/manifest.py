"""``trace.json``: what a trace is, and which shards belong to it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from traces.format.sealed import canonical, digest_of, read_json, sealed
from traces.measures import MeasureName

__all__ = ["canonical", "digest_of"]

FORMAT, VERSIONS = "netsim-trace", (1, 2)
MANIFEST, LATENCY = "trace.json", "latency.json"
#: Manifest of an extension that is under way; takes the manifest's place when it is complete.
EXTENSION = "extension.json"

#: Of a file or folder, on any file system in use.
MAX_NAME_BYTES = 255

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class TraceError(ValueError):
    """A trace that is missing, damaged, or of another version; the message names the file and the fault."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SamplerSpec(_Part):
    """How both models sample."""

    temperature: float = Field(gt=0, le=100, allow_inf_nan=False)
    top_p: float = Field(gt=0, le=1)


class MeasureSpec(_Part):
    """For which uncertainty measure the paths were recorded."""

    name: MeasureName = "temperature"
    samples: int | None = Field(ge=1, le=10_000)
    theta_max: float = Field(gt=0, le=100, allow_inf_nan=False)
    theta_points: int = Field(ge=2, le=256)


class ModelSpec(_Part):
    """One model: name, number of parameters, and digest of its weights' names and bytes.

    Since version 2: ``width``, the number of its logits, of which those past the vocabulary were masked, and
    ``cached``, whether it ran with a key-value cache.
    """

    name: str
    parameters: int = Field(ge=1)
    digest: Digest
    width: int | None = Field(default=None, ge=2)
    cached: bool | None = None


class ChatSpec(_Part):
    """How prompts became chats: the template's text (Jinja), and the system prompt that it was given."""

    template: str
    system: str | None


class ScoreSpec(_Part):
    """The function of a user's own that gave each node its score: ``module:function``, and the digest of its file."""

    function: str
    digest: Digest


class Prompt(_Part):
    """One prompt: its tokens, and where known its text, source and reference continuation.

    ``continuation`` is the text that a teacher-forced recording followed; its end-of-sequence token included.
    """

    id: str
    tokens: tuple[TokenId, ...] = Field(min_length=1)
    text: str = ""
    source: str = ""
    reference: str = ""
    continuation: tuple[TokenId, ...] = ()


class Shard(_Part):
    """One file: the tree of one prompt under one token seed."""

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors$", max_length=120)
    prompt: int = Field(ge=0)
    token_seed: Seed
    num_nodes: int = Field(ge=1, lt=2**31)
    num_entries: int = Field(ge=1, lt=2**40)
    sha256: Digest


class Calibration(_Part):
    """Line ``beta ~ a u + b`` of calibration prompts, and what thresholds and truncation follow from.

    Attributes
    ----------
    source : name of the trace that it was fitted on; its prompts are no sweep's.
    a, b : the line through the mean rejection of each bin of uncertainty, with 95 % intervals over prompts.
    binned_r, raw_r : correlation of the bins' means, and of single rounds.
    linear : False where a parabola fits the bins better than the line beyond chance (95 %).
    delta : share of drafts that the LLM does not accept outright, ``P(y_d < x_d)``.
    mean_rejection : mean rejection probability of a draft.
    prompts, rounds : what it was fitted on.
    u_tv : mean over rounds of ``U_TV(k)`` for ``k`` = 1 … vocabulary size, for the offline ``k``.
    round_tokens : mean tokens of a round of 1, 2, … drafts with the bonus; empty in files of before it was measured.
    """

    source: str
    a: float
    b: float
    a_interval: tuple[float, float]
    b_interval: tuple[float, float]
    binned_r: float
    raw_r: float
    linear: bool
    delta: float = Field(ge=0, le=1)
    mean_rejection: float = Field(ge=0, le=1)
    prompts: int = Field(ge=2)
    rounds: int = Field(ge=2)
    u_tv: tuple[float, ...]
    round_tokens: tuple[float, ...] = ()


class Manifest(_Part):
    """Content of ``trace.json``.

    Version 2 adds ``chat``, ``side_by_side`` (whether groups shared forward passes) and a list of ``eos`` tokens.
    """

    format: Literal["netsim-trace"] = "netsim-trace"
    version: Literal[1, 2] = 1
    name: str
    slm: ModelSpec
    llm: ModelSpec
    tokenizer: Digest
    vocabulary_size: int = Field(ge=2, lt=2**31)
    eos: TokenId | tuple[TokenId, ...] | None
    sampler: SamplerSpec
    measure: MeasureSpec
    num_tokens: int = Field(ge=1, le=1_000_000)
    token_seeds: tuple[Seed, ...] = Field(min_length=1)
    policies: tuple[str, ...]
    batch: int = Field(ge=1)
    prompts: tuple[Prompt, ...] = Field(min_length=1)
    hardware: dict[str, str | int]
    versions: dict[str, str]
    shards: tuple[Shard, ...]
    chat: ChatSpec | None = None
    side_by_side: bool | None = None
    outside_mass: dict[Literal["slm", "llm"], float] | None = None
    calibration: Calibration | None = None
    score: ScoreSpec | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        groups = [(shard.prompt, shard.token_seed) for shard in self.shards]
        if len(set(groups)) < len(groups):
            raise ValueError("two shards of the same prompt and token seed")
        if len(set(self.token_seeds)) < len(self.token_seeds):
            raise ValueError("token_seeds repeats a seed")
        for shard in self.shards:
            if shard.prompt >= len(self.prompts) or shard.token_seed not in self.token_seeds:
                raise ValueError(f"{shard.file} is of a prompt or token seed that is not listed")
        tokens = (token for p in self.prompts for token in (*p.tokens, *p.continuation))
        if any(token >= self.vocabulary_size for token in tokens):
            raise ValueError("a prompt has a token outside the vocabulary")
        if any(bool(p.continuation) == bool(self.policies) for p in self.prompts):
            raise ValueError("either policies are recorded, or a continuation of every prompt")
        return self

    @property
    def teacher_forced(self) -> bool:
        """Whether the paths are given texts, rather than what policies made of the token draws."""
        return not self.policies


def read_manifest(folder: Path, name: str = MANIFEST) -> Manifest:
    """Read and check ``trace.json``, or ``EXTENSION``.

    Raises
    ------
    TraceError
        Missing, unreadable, of another format or version, or inconsistent.
    """
    path = folder / name
    if len(os.fsencode(folder.name)) > MAX_NAME_BYTES:
        raise TraceError(
            f"{str(folder)[:60]}…: no such folder: its name is longer than {MAX_NAME_BYTES} bytes"
        )
    if not path.is_file():
        what = "no such folder" if not folder.exists() else f"not a trace: it has no {name}"
        raise TraceError(f"{folder}: {what}")
    try:
        content = read_json(path)
    except OSError as error:
        raise TraceError(f"{path}: can't be read: {error.strerror}") from None
    except ValueError as error:
        raise TraceError(f"{path}: damaged: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TraceError(f"{path}: not a trace: its format is not '{FORMAT}'")
    version = content.get("version")
    if type(version) is not int or version not in VERSIONS:
        raise TraceError(
            f"{path}: format version {version!r}, this netsim reads {' and '.join(map(str, VERSIONS))}"
        )
    try:
        return Manifest.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TraceError(f"{path}: {place or 'content'}: {first['msg']}") from None


def write_manifest(folder: Path, manifest: Manifest, name: str = MANIFEST) -> None:
    """Write ``trace.json`` so that a reader sees the old one or the new one, never a part."""
    text = json.dumps(sealed(manifest.model_dump(mode="json")), indent=1, ensure_ascii=False) + "\n"
    replace_file(folder / name, text.encode())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it when it is complete and on disk."""
    # The process's number: one that outlived its recording can't write into the same file.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def remove_partial_files(folder: Path) -> None:
    """Remove what a killed recording left half written."""
    for path in folder.glob("*.partial"):
        if path.is_file() and path.name.split(".")[-2].isdigit():
            path.unlink(missing_ok=True)
