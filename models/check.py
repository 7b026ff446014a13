"""Before a model is recorded: does it look ahead, is its cache right, and do rows of a batch leave each other alone?

A wrong cache gives wrong distributions without an error, so it is tried: one step with it against one pass without.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from models.paged import NOWHERE, PagedModel, Slots, WholeModel
from models.sources import PairError, max_positions, model_name

#: Total variation between a cached step and a pass without a cache that rounding explains: float32 gives about
#: 1e-6 on random and trained models alike, the shorter types about a thousandth of their eight and eleven bits' share.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}
#: Positions that are tried, and the most for the sake of a window of attention.
TRIED, WINDOW = 40, 256

#: Fewer rows take other kernels, a matrix times a vector's.
LEAST_ROWS = 4

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """A model as it will run, and in passes of how many rows.

    Attributes
    ----------
    sizes : tuple of int
        Numbers of rows between which a row's bits are the same, whatever its companions and its place; empty where
        they depend on those.
    """

    model: PagedModel | WholeModel
    sizes: tuple[int, ...]


def checked_model(model: PreTrainedModel, slots: Slots, batch: int, vocabulary_size: int) -> Checked:
    """Choose how a model is run.

    Raises
    ------
    PairError
        If what follows a token changes what the model says at it, or it can't be run at all.
    """
    whole = WholeModel(model, slots)
    tokens = np.random.default_rng(0).integers(0, vocabulary_size, _length(model))
    _refuse_looking_ahead(model, tokens)
    paged = PagedModel(model, slots)
    try:
        sizes = _exact_sizes(paged, whole, slots, tokens, batch)
    except Exception as error:  # noqa: BLE001 - an unknown architecture may raise anything at all
        _LOG.debug("%s runs without a cache: %r", model_name(model), error)
        # Row by row, whatever the batch.
        return Checked(whole, _sizes(batch))
    return Checked(paged, sizes)


def _length(model: PreTrainedModel) -> int:
    """Positions that are tried: more than a short window of attention has."""
    window = getattr(model.config.get_text_config(), "sliding_window", None) or 0
    wanted = window + 8 if TRIED < window + 8 <= WINDOW else TRIED
    return min(wanted, max_positions(model))


@torch.inference_mode()
def _refuse_looking_ahead(model: PreTrainedModel, tokens: NDArray[np.int64]) -> None:
    """Refuse a model of which the logits at a position depend on later tokens (`PairError`)."""
    short = tokens[: min(8, len(tokens))]
    other = np.concatenate([short[: len(short) // 2], short[len(short) // 2 :][::-1] + 1]) % tokens.max()
    at = len(short) // 2 - 1
    try:
        logits = [
            model(input_ids=torch.from_numpy(own[None]).to(model.device)).logits[0, at]
            for own in (short, other)
        ]
    except Exception as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise PairError(
            f"{model_name(model)}: a forward pass fails: {type(error).__name__}: {first[0]}"
        ) from error
    if _distance(*logits) > TOLERANCE[model.dtype]:
        raise PairError(
            f"{model_name(model)}: what it says at a token depends on later tokens, so it is no causal language "
            f"model ({model.config.model_type})"
        )


class _WrongCache(Exception):  # noqa: N818  (says what was found)
    """A cached step that differs from a pass without a cache."""


def _sizes(batch: int) -> tuple[int, ...]:
    """Numbers of rows that a pass may have: a whole batch and some shares of one.

    >>> _sizes(32), _sizes(6)
    ((32, 16, 8, 4), (6,))
    """
    return batch, *(size for parts in (2, 4, 8) if (size := batch // parts) >= LEAST_ROWS)


def _exact_sizes(
    paged: PagedModel, whole: WholeModel, slots: Slots, tokens: NDArray[np.int64], batch: int
) -> tuple[int, ...]:
    """Numbers of rows whose passes give a row the same bits; raises if the cache is wrong, in whatever way.

    Two prompts of different length, one step after the longer one in passes among other companions each time, and a
    second step after it. Companions all alike, and all different: where experts are shared out by what is in a pass,
    a row may be an expert's only one.
    """
    prompts = tokens[:-2], tokens[: len(tokens) // 2]
    held = [slots.take(prompt) for prompt in prompts]
    for prompt, own in zip(prompts, held, strict=True):
        paged.prefill(prompt, own)
    new = slots.take(np.concatenate([tokens[-2:], np.resize(tokens[::-1], batch)]))
    once = np.append(held[0], new[0])
    twice = np.append(once, new[1])
    others = [np.append(held[number % 2], slot) for number, slot in enumerate(new[2:])]
    paged.reserve()
    positions = (len(tokens) // 64 + 1) * 64
    passes = {size: [*others[: size - 1], once] for size in _sizes(batch)}
    passes[batch][-2] = twice
    first = paged.step(*_rows(slots, [once, *[others[1]] * (batch - 1)], positions))
    later = {size: paged.step(*_rows(slots, rows, positions)) for size, rows in passes.items()}
    compared = [(first[0], once), (first[1], others[1]), (later[batch][-1], once), (later[batch][-2], twice)]
    for logits, prefix in compared:
        distance = _distance(logits, whole.prefill(slots.token[prefix], prefix)[0])
        if not distance <= TOLERANCE[whole.model.dtype]:
            raise _WrongCache(f"total variation {distance:.3g}")
    for own in (*held, new):
        slots.free(own)
    found = tuple(size for size, logits in later.items() if torch.equal(first[0], logits[-1]))
    return found if batch in found else ()


def _rows(
    slots: Slots, prefixes: list[NDArray[np.int64]], positions: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Arguments of `PagedModel.step`."""
    padded = np.full((len(prefixes), positions), NOWHERE, np.int64)
    for row, prefix in zip(padded, prefixes, strict=True):
        row[positions - len(prefix) :] = prefix
    lengths = np.array([len(prefix) for prefix in prefixes])
    return slots.token[padded[:, -1]], padded, lengths


def _distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Total variation between the distributions of two rows of logits; NaN where one is not finite."""
    difference = torch.softmax(one.double(), -1) - torch.softmax(other.double(), -1)
    return float(difference.abs().sum() / 2)
