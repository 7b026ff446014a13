"""Open a trace: the manifest at once, the shards when they are walked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from traces.format.manifest import Manifest, Prompt, TraceError, digest_of, read_manifest
from traces.format.nodes import NodeTable, Sampler
from traces.format.shards import read_shard

if TYPE_CHECKING:
    from traces.format.forest import Forest

#: A group: (prompt's number, token seed).
Group = tuple[int, int]


@dataclass(frozen=True)
class Trace:
    """A recorded trace. Open one with ``Trace.open(folder)``."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Trace:
        """Read the manifest; shards are read and checked when they are walked.

        Raises
        ------
        TraceError
            If it can't be read, or no prompt of it is complete.
        """
        trace = cls(folder, read_manifest(folder))
        if not trace.prompts:
            raise TraceError(f"{folder}: no prompt is complete yet; run the recording again to finish it")
        return trace

    @property
    def vocabulary_size(self) -> int:
        """Tokens of both models."""
        return self.manifest.vocabulary_size

    @property
    def sampler(self) -> Sampler:
        """How both models sampled."""
        spec = self.manifest.sampler
        return Sampler(spec.temperature, spec.top_p)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the manifest, which holds the digest of every shard."""
        return digest_of(self.manifest.model_dump(mode="json", exclude_unset=True))

    @cached_property
    def prompts(self) -> list[int]:
        """Numbers of the prompts that are recorded for every token seed."""
        recorded = set(self._shards)
        seeds = self.manifest.token_seeds
        return [p for p in range(len(self.manifest.prompts)) if all((p, seed) in recorded for seed in seeds)]

    @property
    def is_complete(self) -> bool:
        """Whether every prompt is there."""
        return len(self.prompts) == len(self.manifest.prompts)

    @cached_property
    def _shards(self) -> dict[Group, int]:
        return {(shard.prompt, shard.token_seed): i for i, shard in enumerate(self.manifest.shards)}

    def prompt(self, number: int) -> Prompt:
        """Tokens, text and reference of one prompt."""
        return self.manifest.prompts[number]

    def verify(self) -> int:
        """Read and check every shard, one at a time; the number of nodes in all.

        Raises
        ------
        TraceError
            If a shard is damaged.
        """
        return sum(self._table(group).num_nodes for group in self._shards)

    def forest(self, groups: list[Group]) -> Forest:
        """Trees of the given groups, in their order: tree ``i`` is rooted at ``forest.roots[i]``.

        Raises
        ------
        TraceError
            If a group is not recorded or its shard is damaged.
        """
        from traces.format.forest import Forest  # noqa: PLC0415  (compiled: of no use before trees are walked)

        tables = [self._table(group) for group in groups]
        return Forest(tables, self.sampler, self.manifest.vocabulary_size)

    def _table(self, group: Group) -> NodeTable:
        if group not in self._shards:
            raise TraceError(f"{self.folder}: prompt {group[0]} is not recorded for token seed {group[1]}")
        shard = self.manifest.shards[self._shards[group]]
        return read_shard(self.folder, shard, self.manifest.vocabulary_size, self.manifest.measure)
