"""Measure the latency of forward passes with a KV cache, as JSON that ``netsim.costs.latency`` reads.

Measure on a machine that does nothing else; a profile holds the load that there was before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import PreTrainedModel

from models.architecture import ARCHITECTURES, architecture_config, build_random
from models.pair import Pair, load_model, model_name, pair_folders
from models.plan import Plan, RecordingStopped
from models.timing import REPEATS, Profile, default_grid, profile_model
from traces.format.manifest import LATENCY, replace_file
from traces.format.sealed import sealed


def measure(
    kind: str,
    source: str,
    dtype: str | None = None,
    device: str = "cpu",
    axes: Mapping[str, Sequence[int]] | None = None,
    repeats: int = REPEATS,
    report: Callable[[str], None] | None = None,
    threads: int | None = None,
) -> Profile:
    """Load or build what is to be measured, and measure it.

    Parameters
    ----------
    kind : {'pair', 'model', 'architecture'}
    source : str
        Name of a built-in pair; folder or hub name of a model; name or ``config.json`` of an architecture.
    dtype : {'float32', 'bfloat16', 'float16'}, optional
        Default: float32, for an architecture bfloat16.
    device : str
    axes : mapping, optional
        ``contexts``, ``positions``, ``batches`` in place of those of `default_grid`.
    repeats, report :
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

    def one(model: PreTrainedModel, name: str) -> Profile:
        replaced = {axis: tuple(values) for axis, values in (axes or {}).items()}
        return profile_model(model, name, replace(default_grid(model), **replaced), repeats, report=report)

    if kind == "architecture":
        name = f"{source if source in ARCHITECTURES else Path(source).stem}, random weights"
        return one(build_random(architecture_config(source), dtype or "bfloat16", device), name)
    dtype = dtype or "float32"
    if kind == "model":
        return one(
            load_model(source, dtype, device),
            Path(source).resolve().name if Path(source).is_dir() else source,
        )
    slm, llm = (load_model(folder, dtype, device) for folder in pair_folders(source))
    return pair_profile(one(slm, f"{source}/slm"), one(llm, f"{source}/llm"))


def measure_loaded(pair: Pair, longest: int, report: Callable[[str], None] | None = None) -> Profile:
    """Measure both models of a loaded pair, one sequence at a time, up to ``longest`` positions."""

    def one(model: PreTrainedModel) -> Profile:
        grid = default_grid(model)
        axes = {name: up_to(getattr(grid, name), longest) for name in ("contexts", "positions")}
        return profile_model(model, model_name(model), replace(grid, **axes), report=report)

    return pair_profile(one(pair.slm), one(pair.llm))


def profile_recording(pair: Pair, plan: Plan, folder: Path) -> None:
    """Write the ``latency.json`` of a recording, unless it is there: passes of the lengths it has, on this machine."""
    path = folder / LATENCY
    if path.exists():
        return
    longest = max(len(prompt.tokens) for prompt in plan.prompts) + plan.num_tokens
    try:
        write_profile(measure_loaded(pair, longest), path)
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
