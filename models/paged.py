"""A key-value cache in pages of one position, shared by all prefixes that begin alike.

Every position of every prefix has a slot, a row of one large tensor per layer. A prompt's slots are computed once
and read by every token seed and branch; a prefix is a list of slots, and a forward pass gathers them layer by layer.
(The idea is PagedAttention's, arXiv 2309.06180, with pages of one position, since branches differ from token to token.)
"""

from __future__ import annotations

import inspect
import threading
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

#: Slot of padding: its content is masked.
NOWHERE = 0


class Slots:
    """Slots in use, and the token that each holds. A freed slot is used again. Threads may share one.

    Attributes
    ----------
    token : [num_slots], int
    count : int. All slots there have been, padding's included.
    """

    def __init__(self) -> None:
        self._free: list[int] = []
        self._lock = threading.Lock()
        self.token = np.zeros(1024, np.int64)
        self.count = NOWHERE + 1

    def take(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Slots for some more tokens: [num_tokens], int."""
        with self._lock:
            reused = [self._free.pop() for _ in range(min(len(self._free), len(tokens)))]
            fresh = np.arange(self.count, self.count + len(tokens) - len(reused))
            self.count += len(fresh)
            while self.count > len(self.token):
                self.token = np.concatenate([self.token, np.zeros_like(self.token)])
            slots = np.concatenate([np.array(reused, np.int64), fresh])
            self.token[slots] = tokens
            return slots

    def free(self, slots: NDArray[np.int64]) -> None:
        """Give slots back."""
        with self._lock:
            self._free.extend(slots.tolist())


class _Pages:
    """Keys and values of one layer: tensors of [num_slots, num_heads, size_of_head], made at the first pass."""

    def __init__(self) -> None:
        self.tensors: list[torch.Tensor] = []

    def hold(self, states: tuple[torch.Tensor, torch.Tensor], num_slots: int) -> None:
        """Make room for so many slots. No pass may be under way."""
        if not self.tensors:
            self.tensors = [own.new_zeros((0, own.shape[1], own.shape[3])) for own in states]
        for index, pages in enumerate(self.tensors):
            if num_slots > len(pages):
                larger = pages.new_zeros((2 * num_slots, *pages.shape[1:]))
                larger[: len(pages)] = pages
                self.tensors[index] = larger


class _PassLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """What one pass sees of one layer's pages."""

    def __init__(self, pages: _Pages, slots: torch.Tensor, num_new: int, num_slots: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._pages, self._slots, self._num_new, self._num_slots = pages, slots, num_new, num_slots

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep the new positions' states and gather those of every row's prefix."""
        if not self._pages.tensors:
            self._pages.hold((key_states, value_states), self._num_slots)
        new = self._slots[:, -self._num_new :]
        gathered = []
        for pages, states in zip(self._pages.tensors, (key_states, value_states), strict=True):
            pages[new] = states.transpose(1, 2)
            flat = pages.index_select(0, self._slots.reshape(-1))
            gathered.append(flat.view(*self._slots.shape, *pages.shape[1:]).transpose(1, 2))
        return gathered[0], gathered[1]

    def get_seq_length(self) -> int:
        """Positions before the new ones, padding included."""
        return int(self._slots.shape[1]) - self._num_new

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Positions that the attention sees, and the first of them."""
        return self.get_seq_length() + query_length, 0


class PagedModel:
    """Forward passes of one model with a paged key-value cache. Passes may run side by side in threads."""

    cached = True

    def __init__(self, model: PreTrainedModel, slots: Slots) -> None:
        self.model, self._slots = model, slots
        self._pages = [_Pages() for _ in range(_num_layers(model))]
        self._accepts = set(inspect.signature(model.forward).parameters)
        # Nobody needs the logits before the last position; over a whole prompt they are large.
        self._last = {"logits_to_keep": 1} if "logits_to_keep" in self._accepts else {}

    @property
    def has_room(self) -> bool:
        """Whether all slots in use have their place."""
        return all(self._slots.count <= len(pages) for own in self._pages for pages in own.tensors)

    def reserve(self) -> None:
        """Make room for all slots in use. No pass may be under way."""
        for pages in self._pages:
            if pages.tensors:
                pages.hold((pages.tensors[0], pages.tensors[1]), self._slots.count)

    def prefill(self, tokens: NDArray[np.int64], slots: NDArray[np.int64]) -> torch.Tensor:
        """Logits after a prompt, whose states go to ``slots``: [1, width]."""
        return self._forward(tokens[None], slots[None], None)

    def step(
        self, tokens: NDArray[np.int64], slots: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> torch.Tensor:
        """Logits after one more token of every row.

        Parameters
        ----------
        tokens : [num_rows], int. The new tokens.
        slots : [num_rows, num_positions], int. Prefixes, aligned to the right; the last is the new token's.
        lengths : [num_rows], int. Positions of each row without padding, the new one included.

        Returns
        -------
        [num_rows, width]
        """
        mask = np.arange(slots.shape[1]) >= slots.shape[1] - lengths[:, None]
        return self._forward(tokens[:, None], slots, mask)

    @torch.inference_mode()
    def _forward(
        self, tokens: NDArray[np.int64], slots: NDArray[np.int64], mask: NDArray[np.bool_] | None
    ) -> torch.Tensor:
        device, where = self.model.device, torch.from_numpy(slots).to(self.model.device)
        cache = DynamicCache()
        cache.layers = [_PassLayer(own, where, tokens.shape[1], self._slots.count) for own in self._pages]
        more: dict[str, Any] = dict(self._last)
        if mask is not None:
            more["attention_mask"] = torch.from_numpy(mask.astype(np.int64)).to(device)
            if "position_ids" in self._accepts:
                positions = mask.sum(axis=1, keepdims=True) - 1
                more["position_ids"] = torch.from_numpy(positions.astype(np.int64)).to(device)
        output = self.model(
            input_ids=torch.from_numpy(tokens).to(device), past_key_values=cache, use_cache=True, **more
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits


class WholeModel:
    """Forward passes of one model over whole prefixes: right for every causal model, and slow."""

    cached = False
    has_room = True

    def __init__(self, model: PreTrainedModel, slots: Slots) -> None:
        self.model, self._slots = model, slots
        accepts = inspect.signature(model.forward).parameters
        self._more = {"logits_to_keep": 1} if "logits_to_keep" in accepts else {}
        if "use_cache" in accepts:
            self._more["use_cache"] = False

    def reserve(self) -> None:
        """Nothing to make room for."""

    @torch.inference_mode()
    def prefill(self, tokens: NDArray[np.int64], slots: NDArray[np.int64]) -> torch.Tensor:
        """Logits after a prompt: [1, width]."""
        del slots
        logits: torch.Tensor = self.model(
            input_ids=torch.from_numpy(tokens[None]).to(self.model.device), **self._more
        ).logits[:, -1]
        return logits

    def step(
        self, tokens: NDArray[np.int64], slots: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> torch.Tensor:
        """Logits after every row's last token, one row after the other; parameters as in `PagedModel.step`."""
        del tokens
        rows = [
            self.prefill(self._slots.token[row[len(row) - length :]], row)
            for row, length in zip(slots, lengths.tolist(), strict=True)
        ]
        return torch.cat(rows)


def _num_layers(model: PreTrainedModel) -> int:
    config = model.config.get_text_config(decoder=True)
    return int(getattr(config, "num_hidden_layers", 0) or len(DynamicCache(config=model.config).layers))
