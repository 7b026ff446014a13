"""Grow the tree of one group with forward passes of both models.

All passes of a group but the prompt's have the same padded batch shape, which depends on no other group:
float logits change in the last bits with the shape, and a recording must give the same bytes when it resumes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache, PreTrainedModel

from models.pair import Pair
from traces.forest import Forest
from traces.nodes import Sampler, compress
from traces.uncertainty import theta_rule


class _CachedModel:
    """One model and its key-value cache for the prefixes of the current depth."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.cache = DynamicCache(config=model.config)

    @torch.inference_mode()
    def forward(self, tokens: torch.Tensor) -> NDArray[np.float32]:
        """Logits after the last of the new tokens: [batch, vocabulary_size]."""
        output = self.model(tokens, past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        logits: NDArray[np.float32] = output.logits[:, -1].float().cpu().numpy()
        return logits

    @torch.inference_mode()
    def select(self, rows: torch.Tensor) -> None:
        """Keep (and repeat) these rows of the cache."""
        self.cache.batch_select_indices(rows)


@dataclass(frozen=True)
class TreeSettings:
    """What the nodes of a recording have in common."""

    sampler: Sampler
    theta_max: float
    theta_points: int
    batch: int


class GroupTree:
    """The growing tree of one prompt under one token seed.

    Parameters
    ----------
    prompt : sequence of int
        Token ids of the prompt.
    settings : TreeSettings
        ``batch`` is the padded number of paths; no position may need more new nodes.
    """

    def __init__(self, pair: Pair, prompt: tuple[int, ...], settings: TreeSettings) -> None:
        self.settings = settings
        self.theta, _ = theta_rule(settings.theta_max, settings.theta_points)
        self.device = pair.llm.device
        self.models = _CachedModel(pair.slm), _CachedModel(pair.llm)
        ids = torch.tensor([prompt], device=self.device)
        slm, llm = (model.forward(ids) for model in self.models)
        nowhere = np.array([-1], np.int32)
        root = compress(slm, llm, nowhere, nowhere, settings.sampler, self.theta)
        self.forest = Forest([root], settings.sampler, pair.vocabulary_size)
        self._row_of = {0: 0}

    def expand(self, parents: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Run both models on the prefixes one token longer; an ``Expand`` of ``traces.walk``."""
        count, batch = len(parents), self.settings.batch
        if count > batch:
            raise ValueError(f"{count} paths differ, the recording's batch is {batch}")
        rows = torch.zeros(batch, dtype=torch.long, device=self.device)
        rows[:count] = torch.tensor([self._row_of[parent] for parent in parents.tolist()])
        new = torch.zeros((batch, 1), dtype=torch.long, device=self.device)
        new[:count, 0] = torch.from_numpy(tokens)
        logits = []
        for model in self.models:
            model.select(rows)
            logits.append(model.forward(new)[:count])
        sampler = self.settings.sampler
        table = compress(
            logits[0], logits[1], parents.astype(np.int32), tokens.astype(np.int32), sampler, self.theta
        )
        nodes = self.forest.append(table)
        self._row_of = {node: row for row, node in enumerate(nodes.tolist())}
        return nodes
