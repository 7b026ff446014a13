"""Read latency profiles: the JSON that ``netsim profile`` writes, strictly checked."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from traces.format.sealed import read_json

Role = Literal["slm", "llm"]
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LatencyError(ValueError):
    """A latency that can't be read: no such profile, or a damaged one. The message says which."""


class ProfileFile(BaseModel):
    """What a profile of one model holds; a cell of the grid that can't be measured is null.

    ``load_average`` is the machine's in the minute before the measurement, null where the system has none.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal["netsim-latency"]
    version: Literal[1]
    model: str
    parameters: Annotated[int, Field(ge=1)]
    dtype: str
    device: str
    hardware: str
    threads: Annotated[int, Field(ge=1)]
    versions: dict[str, str]
    contexts: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    positions: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
    batches: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
    median_s: list[list[list[_Seconds | None]]]
    quartiles_s: list[list[list[Annotated[list[_Seconds], Field(min_length=2, max_length=2)] | None]]]
    repeats: Annotated[int, Field(ge=1)]
    load_average: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _check_grid(self) -> ProfileFile:
        for name in ("contexts", "positions", "batches"):
            axis = getattr(self, name)
            if any(after <= before for before, after in itertools.pairwise(axis)):
                raise ValueError(f"{name} {axis} must increase")
        shape = (len(self.contexts), len(self.positions), len(self.batches))
        for name in ("median_s", "quartiles_s"):
            rows = getattr(self, name)
            cells = [len(cell) for row in rows for cell in row]
            if len(rows) != shape[0] or {len(row) for row in rows} != {shape[1]} or set(cells) != {shape[2]}:
                raise ValueError(f"{name} does not have the grid's shape {shape}")
        for i, j, k in itertools.product(*map(range, shape)):
            if (self.median_s[i][j][k] is None) != (self.quartiles_s[i][j][k] is None):
                raise ValueError(f"median_s and quartiles_s differ in what was measured at {[i, j, k]}")
            if self.median_s[i][j][k] is None and (i == 0 or j == 0):
                raise ValueError(
                    f"median_s is null at {[i, j, k]}: the first context and positions must be there"
                )
        return self


class PairFile(BaseModel):
    """What ``latency.json`` of a trace holds: the profiles of both models."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal["netsim-latency-pair"]
    version: Literal[1]
    slm: ProfileFile
    llm: ProfileFile


def read_profile(path: Path, role: Role) -> ProfileFile:
    """Read and check a profile, or one model's profile of a pair; raises `LatencyError`."""
    try:
        content = read_json(path)
    except OSError as error:
        raise LatencyError(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise LatencyError(f"{path}: damaged, or not JSON: {error}") from error
    if not isinstance(content, dict):
        raise LatencyError(f"{path}: a latency profile is a JSON object, given a {type(content).__name__}")
    pair = content.get("format") == "netsim-latency-pair"
    try:
        return (
            getattr(PairFile.model_validate(content), role) if pair else ProfileFile.model_validate(content)
        )
    except ValidationError as error:
        fault: Any = error.errors()[0]
        place = ".".join(map(str, fault["loc"])) or "profile"
        raise LatencyError(f"{path}: {place}: {fault['msg']}") from error
