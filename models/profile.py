"""Measure the latency of forward passes with a KV cache, as JSON that ``netsim.costs.latency`` reads.

Measure on a machine that does nothing else; a profile holds the load that there was before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from transformers import PreTrainedModel

from models.architecture import ARCHITECTURES, architecture_config, build_random
from models.grid import Effort, default_grid
from models.pair import Pair, pair_folders
from models.plan import Plan, RecordingStopped
from models.sources import load_model, model_name
from models.timing import Profile, Report, fit_to_budget, profile_model
from traces.format.manifest import LATENCY, replace_file
from traces.format.sealed import sealed


@dataclass(frozen=True)
class Subject:
    """What is to be measured.

    Attributes
    ----------
    kind : {'pair', 'models', 'model', 'architecture'}
    sources : tuple of str
        Name of a built-in pair; small and large model; one model (folder, GGUF file or hub name); name or
        ``config.json`` of an architecture.
    dtype : {'float32', 'bfloat16', 'float16'}, optional
        Default: float32, for an architecture bfloat16.
    device : str
    """

    kind: str
    sources: tuple[str, ...]
    dtype: str | None = None
    device: str = "cpu"


def measure(
    subject: Subject,
    axes: Mapping[str, Sequence[int]] | None = None,
    effort: Effort | None = None,
    report: Report | None = None,
    threads: int | None = None,
) -> Profile:
    """Load or build what is to be measured, and measure it.

    Parameters
    ----------
    axes : mapping, optional
        ``contexts``, ``positions``, ``batches`` in place of those of `default_grid`.
    effort, report :
        As in `profile_model`.
    threads : int, optional
        Of the processor; default: as many as torch takes.

    Raises
    ------
    ValueError
        `PairError`, `ArchitectureError` or `ProfileError`, as loading, building and measuring raise them.
    """
    if threads:
        torch.set_num_threads(threads)
    kind, sources = subject.kind, subject.sources
    replaced = {axis: tuple(values) for axis, values in (axes or {}).items()}

    def one(model: PreTrainedModel, name: str, report: Report | None = report) -> Profile:
        grid = replace(default_grid(model), **replaced)
        return profile_model(model, name, grid, effort or Effort(), report)

    if kind == "architecture":
        name = f"{sources[0] if sources[0] in ARCHITECTURES else Path(sources[0]).stem}, random weights"
        model = build_random(architecture_config(sources[0]), subject.dtype or "bfloat16", subject.device)
        return one(model, name)
    places = pair_folders(sources[0]) if kind == "pair" else sources
    names = [f"{sources[0]}/slm", f"{sources[0]}/llm"] if kind == "pair" else [_name(own) for own in sources]
    models = [load_model(own, subject.dtype or "float32", subject.device) for own in places]
    if kind == "model":
        return one(models[0], names[0])
    small, large = (
        one(model, name, part)
        for model, name, part in zip(models, names, _in_parts(models, report), strict=True)
    )
    return pair_profile(small, large)


def measure_loaded(pair: Pair, longest: int, budget_s: float, report: Report | None = None) -> Profile:
    """Measure both models of a loaded pair, one sequence at a time, up to ``longest`` positions, in about ``budget_s``."""
    models, profiles = (pair.slm, pair.llm), []
    weights = _weights(models)
    for model, part, weight in zip(models, _in_parts(models, report), weights, strict=True):
        grid = default_grid(model)
        axes = {name: up_to(getattr(grid, name), longest) for name in ("contexts", "positions")}
        grid, effort = fit_to_budget(model, replace(grid, **axes), weight * budget_s)
        profiles.append(profile_model(model, model_name(model), grid, effort, part))
    return pair_profile(*profiles)


def _weights(models: Sequence[PreTrainedModel]) -> list[float]:
    """Shares of the time that measuring several models takes, by their sizes."""
    sizes = [sum(parameter.numel() for parameter in model.parameters()) for model in models]
    return [size / sum(sizes) for size in sizes]


def _in_parts(models: Sequence[PreTrainedModel], report: Report | None) -> list[Report | None]:
    """A report for each of several models, of its part of the whole."""
    weights = _weights(models)
    if report is None:
        return [None] * len(models)

    def part(before: float, weight: float) -> Report:
        return lambda text, share: report(text, before + weight * share)

    return [part(sum(weights[:index]), weight) for index, weight in enumerate(weights)]


def _name(source: str) -> str:
    path = Path(source)
    if path.is_dir():
        return path.resolve().name
    return path.stem if path.is_file() else source


def profile_recording(pair: Pair, plan: Plan, folder: Path, budget_s: float, report: Report) -> None:
    """Write the ``latency.json`` of a recording, unless it is there: passes of the lengths it has, on this machine."""
    path = folder / LATENCY
    if path.exists():
        return
    longest = max(len(prompt.tokens) for prompt in plan.prompts) + plan.num_tokens
    try:
        write_profile(measure_loaded(pair, longest, budget_s, report), path)
    except OSError as error:
        raise RecordingStopped(
            f"{path}: {error.strerror}; the recording is complete, only this is missing"
        ) from error


def up_to(axis: Sequence[int], longest: int) -> tuple[int, ...]:
    """Points of an axis that interpolation up to ``longest`` needs.

    >>> up_to((0, 64, 128, 256, 512), 100)
    (0, 64, 128)
    """
    above = [value for value in axis if value >= longest]
    return tuple(value for value in axis if not above or value <= above[0])


def pair_profile(slm: Profile, llm: Profile) -> Profile:
    """Put the profiles of both models into one, as ``latency.json`` of a trace holds them."""
    return {"format": "netsim-latency-pair", "version": 1, "slm": slm, "llm": llm}


def write_profile(profile: Profile, path: Path) -> None:
    """Write a profile so that a killed run leaves no half file."""
    replace_file(path, (json.dumps(sealed(profile), indent=1, allow_nan=False) + "\n").encode())
