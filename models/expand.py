"""Grow the tree of one group with forward passes of both models.

All passes of a group but the prompt's have the same padded batch, which depends on no other group: float logits
change in the last bits with the shape, and a recording must give the same bytes when it resumes.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache, PreTrainedModel

from models.pair import Pair
from traces.format.forest import Forest
from traces.format.nodes import NodeTable, Sampler, compress
from traces.uncertainty import theta_rule


class _CachedModel:
    """One model and its key-value cache for the prefixes of the current depth."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        # Nobody needs the logits before the last position; over a whole prompt they are large.
        keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        self.last = {"logits_to_keep": 1} if keeps else {}
        self.forget()

    def forget(self) -> None:
        """Begin with an empty cache."""
        self.cache = DynamicCache(config=self.model.config)

    @torch.inference_mode()
    def forward(self, tokens: torch.Tensor) -> NDArray[np.float32]:
        """Logits after the last of the new tokens: [batch, vocabulary_size]."""
        output = self.model(tokens, past_key_values=self.cache, use_cache=True, **self.last)
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
    prompt : [num_tokens], int
        Token ids of the prompt.
    settings : TreeSettings
        ``batch`` is the padded number of paths; no position may need more new nodes.
    recorded : NodeTable, optional
        A tree to go on from. The models run again over the prefixes of new branches only.
    text : sequence of int
        What follows the prompt in a given text: the true next tokens are stored at their positions.
    """

    def __init__(
        self,
        pair: Pair,
        prompt: tuple[int, ...],
        settings: TreeSettings,
        *,
        recorded: NodeTable | None = None,
        text: tuple[int, ...] = (),
    ) -> None:
        self.prompt, self.settings, self.text = prompt, settings, text
        self.theta, _ = theta_rule(settings.theta_max, settings.theta_points)
        self.device = pair.llm.device
        self.models = _CachedModel(pair.slm), _CachedModel(pair.llm)
        self._row_of: dict[int, int] = {}
        root = recorded if recorded is not None else self._root()
        self.forest = Forest([root], settings.sampler, pair.vocabulary_size)
        if recorded is None:
            self._row_of = {0: 0}

    def expand(self, parents: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Run both models on the prefixes one token longer; an ``Expand`` of ``traces.speculative.walk``."""
        if len(parents) > self.settings.batch:
            raise ValueError(f"{len(parents)} paths differ, the recording's batch is {self.settings.batch}")
        prefixes = [self._path(parent) for parent in parents.tolist()]
        if all(parent in self._row_of for parent in parents.tolist()):
            rows = self._padded([[self._row_of[parent]] for parent in parents.tolist()])[:, 0]
            for model in self.models:
                model.select(rows)
            new = self._padded([[token] for token in tokens.tolist()])
        else:
            for model in self.models:
                model.forget()
            new = self._padded(
                [[*self.prompt, *path, token] for path, token in zip(prefixes, tokens.tolist(), strict=True)]
            )
        table = self._stored(
            [model.forward(new)[: len(parents)] for model in self.models],
            parents.astype(np.int32),
            tokens.astype(np.int32),
            depth=len(prefixes[0]) + 1,
        )
        nodes = self.forest.append(table)
        self._row_of = {node: row for row, node in enumerate(nodes.tolist())}
        return nodes

    def follow_text(self, num_tokens: int) -> None:
        """Add the nodes of the given text, one below the other."""
        node = np.array([0])
        for token in self.text[:num_tokens][:-1]:
            node = self.expand(node, np.array([token]))

    def _root(self) -> NodeTable:
        prompt = torch.tensor([self.prompt], device=self.device)
        nowhere = np.array([-1], np.int32)
        return self._stored([model.forward(prompt) for model in self.models], nowhere, nowhere, depth=0)

    def _stored(
        self,
        logits: list[NDArray[np.float32]],
        parents: NDArray[np.int32],
        tokens: NDArray[np.int32],
        *,
        depth: int,
    ) -> NodeTable:
        true_next = np.full(len(parents), self.text[depth]) if depth < len(self.text) else None
        return compress(logits[0], logits[1], parents, tokens, self.settings.sampler, self.theta, true_next)

    def _padded(self, rows: list[list[int]]) -> torch.Tensor:
        """Rows of equal length, with rows of zeros up to the batch."""
        padded = torch.zeros((self.settings.batch, len(rows[0])), dtype=torch.long)
        padded[: len(rows)] = torch.tensor(rows)
        return padded.to(self.device)

    def _path(self, node: int) -> list[int]:
        """Tokens from the prompt's end to a node."""
        table, path = self.forest.table, []
        while table.parent[node] >= 0:
            path.append(int(table.token[node]))
            node = int(table.parent[node])
        return path[::-1]
