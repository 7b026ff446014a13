"""Time forward passes with a KV cache: one model, a grid of context, new positions and batch."""

from __future__ import annotations

import contextlib
import copy
import inspect
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from models.grid import CAREFUL, Effort, ProfileError, ProfileGrid
from models.sources import max_positions

Profile = dict[str, Any]
#: Told after every cell: what was measured, and the share of the measurement that is done.
Report = Callable[[str, float], None]


def fit_to_budget(model: PreTrainedModel, grid: ProfileGrid, budget_s: float) -> tuple[ProfileGrid, Effort]:
    """The finest grid and the most repeats that take at most so long, judged by two passes.

    The coarsest is measured in any case: both ends of every axis, and what one, two and four positions take.
    """
    coarse = replace(grid, positions=_some(grid.positions, 1, 2, 4), contexts=_some(grid.contexts))
    thin = replace(grid, positions=_some(grid.positions, 1, 2, 4, 16, 64))
    with torch.inference_mode():
        one, many = (
            min(_measure(model, _Context(model, 1), _ids(model, 1, positions), Effort(2, 0)))
            for positions in (1, grid.positions[-1])
        )
    per_position = max(0.0, many - one) / max(1, grid.positions[-1] - 1)
    for own, effort in ((grid, Effort()), (grid, Effort(3, 1)), (thin, Effort(3, 1)), (thin, Effort(1, 1))):
        passes = len(own.contexts) * sum(one + per_position * (positions - 1) for positions in own.positions)
        if (
            passes * (effort.repeats + effort.warm_up) + many * own.contexts[-1] / grid.positions[-1]
            <= budget_s
        ):
            return own, effort
    return coarse, Effort(1, 0)


def _some(axis: tuple[int, ...], *wanted: int) -> tuple[int, ...]:
    """The points of an axis that are wanted, with its first and last."""
    return tuple(point for point in axis if point in (axis[0], *wanted, axis[-1]))


class _Context:
    """What comes before the new positions of a pass: a cache, or for a model that takes none the tokens themselves."""

    def __init__(self, model: PreTrainedModel, batch: int) -> None:
        self.model, self.batch, self.length = model, batch, 0
        self.accepts = inspect.signature(model.forward).parameters
        # Nobody needs the logits before the last position; at prefill they cost a large product each.
        self.last = {"logits_to_keep": 1} if "logits_to_keep" in self.accepts else {}
        self.cache = DynamicCache(config=model.config) if "past_key_values" in self.accepts else None

    def extend(self, length: int) -> None:
        """Lengthen it to so many positions."""
        if length > self.length and self.cache is not None:
            self.forward(_ids(self.model, self.batch, length - self.length), self.cache)
        self.length = max(length, self.length)

    def forward(self, ids: torch.Tensor, cache: DynamicCache | None) -> None:
        """One pass over new positions, after a cache or, without one, after the whole context."""
        if cache is None:
            ids = torch.cat([_ids(self.model, self.batch, self.length), ids], dim=1)
            self.model(input_ids=ids, **self.last)
        else:
            self.model(input_ids=ids, past_key_values=cache, use_cache=True, **self.last)


@torch.inference_mode()
def profile_model(
    model: PreTrainedModel,
    name: str,
    grid: ProfileGrid,
    effort: Effort = CAREFUL,
    report: Report | None = None,
) -> Profile:
    """Measure one model.

    A pass takes the ids of the new positions and a cache of the context, and gives the logits of
    its last position. The cache is cut back after each pass, so that all repeats see one context.
    A model that takes no cache runs over context and new positions together.

    Parameters
    ----------
    model : PreTrainedModel
        In evaluation mode, on the device to be measured.
    name : str
        What the profile calls the model.
    grid : ProfileGrid
        Cells beyond the longest sequence of the model are null in the result.
    effort : Effort
    report : callable, optional

    Returns
    -------
    dict
        Format ``netsim-latency``, version 1. ``median_s`` : [num_contexts, num_positions, num_batches],
        seconds or None; ``quartiles_s`` the same with lower and upper quartile. ``load_average`` is that of
        the minute before: processes that wanted a processor, 0 on a quiet machine.

    Raises
    ------
    ProfileError
        If some context or some number of positions is longer than the model takes, or nothing
        would be measured.
    """
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    _check_lengths(name, grid, max_positions(model))
    median_s, quartiles_s = _measure_cells(model, name, grid, effort, report)
    return {
        "format": "netsim-latency",
        "version": 1,
        **_circumstances(model, name),
        "contexts": list(grid.contexts),
        "positions": list(grid.positions),
        "batches": list(grid.batches),
        "median_s": median_s.tolist(),
        "quartiles_s": quartiles_s.tolist(),
        "repeats": effort.repeats,
        "load_average": load_average,
    }


def _circumstances(model: PreTrainedModel, name: str) -> Profile:
    """What was measured, and on what."""
    return {
        "model": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": model.device.type,
        "hardware": hardware(model.device),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }


def _check_lengths(name: str, grid: ProfileGrid, longest: int) -> None:
    if grid.positions[-1] + grid.contexts[0] > longest or grid.contexts[-1] + grid.positions[0] > longest:
        raise ProfileError(
            f"{name} takes at most {longest} positions: contexts up to {grid.contexts[-1]} and "
            f"new positions up to {grid.positions[-1]} are too many"
        )


def _measure_cells(
    model: PreTrainedModel, name: str, grid: ProfileGrid, effort: Effort, report: Report | None
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Median and quartiles of every cell of the grid, None beyond the longest sequence of the model."""
    shape = (len(grid.contexts), len(grid.positions), len(grid.batches))
    median_s, quartiles_s = np.full(shape, None), np.full(shape, None)
    longest = max_positions(model)
    done, total = 0, shape[0] * shape[1] * sum(grid.batches)
    for k, batch in enumerate(grid.batches):
        before = _Context(model, batch)
        for i, context in enumerate(grid.contexts):
            before.extend(context)
            for j, positions in enumerate(grid.positions):
                done += batch
                if context + positions > longest:
                    continue
                ids = _ids(model, batch, positions)
                seconds = _measure(model, before, ids, effort)
                median_s[i, j, k] = statistics.median(seconds)
                quartiles_s[i, j, k] = np.quantile(seconds, [0.25, 0.75]).tolist()
                if report is not None:
                    cell = f"context {context}, positions {positions}, batch {batch}"
                    report(f"{name}: {cell}: {1e3 * median_s[i, j, k]:.3f} ms", done / total)
    return median_s, quartiles_s


def hardware(device: torch.device) -> str:
    """Name of the processor or graphics card a device stands for."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {os.cpu_count()} logical cores"


def _measure(model: PreTrainedModel, before: _Context, ids: torch.Tensor, effort: Effort) -> list[float]:
    cache = before.cache
    # A cache that keeps a window or a state of its context can't be cut back: such a model gets a copy for every pass.
    plain = cache is not None and all(type(layer) is DynamicLayer for layer in cache.layers)
    seconds = []
    for _ in range(effort.warm_up + effort.repeats):
        own = cache if plain else copy.deepcopy(cache)
        _synchronise(model.device)
        start = time.perf_counter()
        before.forward(ids, own)
        _synchronise(model.device)
        seconds.append(time.perf_counter() - start)
        if plain and cache is not None:
            cache.crop(-ids.shape[1])
        if sum(seconds) > effort.cell_s:
            break
    # The first passes only where there are others.
    return seconds[min(effort.warm_up, len(seconds) - 1) :]


def _ids(model: PreTrainedModel, batch: int, positions: int) -> torch.Tensor:
    size = int(model.config.get_text_config().vocab_size)
    return (torch.arange(batch * positions, device=model.device) % size).view(batch, positions)


def _synchronise(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
