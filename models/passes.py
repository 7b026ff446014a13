"""Forward passes of both models of a pair on the same rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from models.check import Checked, checked_model
from models.paged import Slots
from models.pair import Pair

Logits = NDArray[np.float32]


class Passes:
    """Both models, each with a cache if it has one that can be trusted.

    Parameters
    ----------
    batch : int
        Rows of every pass, padding included.

    Attributes
    ----------
    slots : Slots. Both models' positions have the same.
    cached : (bool, bool). Whether the small and the large model run with a cache.
    side_by_side : bool. Whether a row's bits depend on nothing else in its pass.
    """

    def __init__(self, pair: Pair, batch: int) -> None:
        self.slots = Slots()

        def check(model: PreTrainedModel) -> Checked:
            return checked_model(model, self.slots, batch, pair.vocabulary_size)

        # In a process that was forked, torch makes its pool of threads anew at its first call, which two threads at once
        # would take for no pool at all.
        torch.set_num_threads(torch.get_num_threads())
        with ThreadPoolExecutor() as threads:
            checked = list(threads.map(check, (pair.slm, pair.llm)))
        self._models = [own.model for own in checked]
        self._width = pair.vocabulary_size
        self.cached = checked[0].model.cached, checked[1].model.cached
        self._batch, self._sizes = batch, set.intersection(*(set(own.sizes) for own in checked))
        self.side_by_side = bool(self._sizes)

    @property
    def has_room(self) -> bool:
        """Whether all slots in use have their place; else `reserve`."""
        return all(model.has_room for model in self._models)

    def reserve(self) -> None:
        """Make room for all slots in use. No pass may be under way."""
        for model in self._models:
            model.reserve()

    def prefill(self, tokens: NDArray[np.int64], slots: NDArray[np.int64]) -> tuple[Logits, Logits]:
        """What both models say after a prompt, whose states go to ``slots``: [vocabulary_size] each."""
        slm, llm = (self._logits(model.prefill(tokens, slots))[0] for model in self._models)
        return slm, llm

    def size(self, num_rows: int) -> int:
        """Rows of a pass that so many fit into, padding included."""
        return min((own for own in self._sizes if own >= num_rows), default=self._batch)

    def step(
        self,
        tokens: NDArray[np.int64],
        slots: NDArray[np.int64],
        lengths: NDArray[np.int64],
        num_rows: int,
    ) -> tuple[Logits, Logits]:
        """What both models say after the first ``num_rows`` rows: [num_rows, vocabulary_size] each.

        The other rows are padding. Parameters as in `models.paged.PagedModel.step`.
        """
        results = []
        for model in self._models:
            # A model without a cache runs row by row, and padding is for nothing.
            own = slice(None if model.cached else num_rows)
            results.append(self._logits(model.step(tokens[own], slots[own], lengths[own]))[:num_rows])
        return results[0], results[1]

    def _logits(self, logits: torch.Tensor) -> Logits:
        """As numbers, without those past the vocabulary, which one of the models lacks."""
        numbers: Logits = logits[:, : self._width].float().cpu().numpy()
        return numbers
