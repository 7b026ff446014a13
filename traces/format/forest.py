"""Trees of nodes with both models' sampling distributions, ready to walk."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from traces.format.nodes import NodeTable, Sampler, concatenate

#: Entries that are sorted in one go: memory that stays in a processor's cache, and is not asked for anew.
SORTED_AT_ONCE = 2**13


@njit(cache=True)
def masses(
    offsets: NDArray[np.int64],
    logit: NDArray[np.float32],
    log_partition: NDArray[np.float32],
    temperature: float,
) -> NDArray[np.float64]:
    """Probability of every entry over the full vocabulary: [num_entries]."""
    full = np.empty(len(logit))
    for node in range(len(offsets) - 1):
        for entry in range(offsets[node], offsets[node + 1]):
            full[entry] = np.exp(np.float64(logit[entry]) / temperature - np.float64(log_partition[node]))
    return full


def ascending_rows(values: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each node's values in ascending order: [num_entries]. Nodes of one size are sorted together, which is far faster.

    Examples
    --------
    >>> ascending_rows(np.array([2.0, 1.0, 5.0, 4.0, 3.0]), np.array([0, 2, 3, 5])).tolist()
    [1.0, 2.0, 5.0, 3.0, 4.0]
    >>> ascending_rows(np.empty(0), np.array([0])).tolist(), ascending_rows(np.array([1.0]), np.array([0, 0, 1])).tolist()
    ([], [1.0])
    """
    result = np.empty_like(values)
    counts = np.diff(offsets)
    by_count = np.argsort(counts, kind="stable")
    # Nodes without entries, and no nodes at all, have nothing to be sorted.
    by_count = by_count[counts[by_count] > 0]
    for nodes in np.split(by_count, 1 + np.flatnonzero(np.diff(counts[by_count]))) if by_count.size else ():
        width = counts[nodes[0]]
        at_once = max(1, SORTED_AT_ONCE // width)
        for first in range(0, len(nodes), at_once):
            entries = offsets[nodes[first : first + at_once], None] + np.arange(width)
            rows = values[entries]
            rows.sort(axis=1)
            result[entries] = rows
    return result


@njit(cache=True)
def cut(
    offsets: NDArray[np.int64], full: NDArray[np.float64], ascending: NDArray[np.float64], top_p: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What `distributions` returns, from ``full`` probabilities, which are overwritten, and ``ascending_rows`` of them."""
    outside = np.empty(len(offsets) - 1)
    for node in range(len(offsets) - 1):
        first, last = offsets[node], offsets[node + 1]
        # Summed from the largest on; of those as large as the last one the lower ids are in.
        mass, rank, alike = 0.0, last, 0
        while rank > first and (top_p >= 1 or mass < top_p - 1e-12):
            rank -= 1
            mass += ascending[rank]
            alike = alike + 1 if rank + 1 < last and ascending[rank] == ascending[rank + 1] else 1
        least = ascending[rank] if rank < last else np.inf
        for entry in range(first, last):
            tied = full[entry] == least
            if full[entry] > least or (tied and alike > 0):
                full[entry] /= mass
                alike -= tied
            else:
                full[entry] = 0.0
        outside[node] = max(0.0, 1.0 - mass)
    return full, outside


def distributions(
    offsets: NDArray[np.int64],
    logit: NDArray[np.float32],
    log_partition: NDArray[np.float32],
    temperature: float,
    top_p: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nucleus-cut, renormalised distribution of every node.

    The same values come out whatever other nodes are in the table, so that nodes can be expanded one by one
    or opened all at once. The nucleus is that of ``traces.format.nodes.nucleus``.

    Returns
    -------
    probability : [num_entries], float. Sums to 1 over each node; 0 outside the nucleus.
    outside : [num_nodes], float. Mass of the full vocabulary outside the nucleus.
    """
    full = masses(offsets, logit, log_partition, temperature)
    return cut(offsets, full, ascending_rows(full, offsets), top_p)


@njit(cache=True)
def find_entries(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], nodes: NDArray[np.int64], tokens: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Entry of each (node, token), -1 where the token is not stored."""
    result = np.full(len(nodes), -1, np.int64)
    for path in range(len(nodes)):
        first, last = offsets[nodes[path]], offsets[nodes[path] + 1]
        at = first + np.searchsorted(ids[first:last], tokens[path])
        if at < last and ids[at] == tokens[path]:
            result[path] = at
    return result


class Forest:
    """Several trees in one table, each with its root; grows when nodes are appended.

    Attributes
    ----------
    table : NodeTable
    x, y : [num_entries], float64. The SLM's and the LLM's sampling distribution.
    roots : [num_trees], int
    """

    def __init__(self, tables: list[NodeTable], sampler: Sampler, vocabulary_size: int) -> None:
        self.sampler = sampler
        self.vocabulary_size = vocabulary_size
        self.table = concatenate(tables) if len(tables) != 1 else tables[0]
        self.x, self.y = self._derive(self.table)
        self._index()

    @property
    def starts(self) -> NDArray[np.int64]:
        """First entry of each node: [num_nodes], int."""
        return self.table.offsets[:-1]

    @property
    def ends(self) -> NDArray[np.int64]:
        """Past the last entry of each node: [num_nodes], int."""
        return self.table.offsets[1:]

    def append(self, nodes: NodeTable) -> NDArray[np.int64]:
        """Add nodes whose ``parent`` counts in this forest's table; returns their indices."""
        first = self.table.num_nodes
        x, y = self._derive(nodes)
        parents = nodes.parent
        self.table = concatenate([self.table, nodes])
        self.table.parent[first:] = parents
        self.x, self.y = np.concatenate([self.x, x]), np.concatenate([self.y, y])
        self._index()
        return np.arange(first, self.table.num_nodes)

    def children(self, nodes: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Node reached from each node by each token, -1 where none is recorded."""
        wanted = nodes * self.vocabulary_size + tokens
        at = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        return np.where(self._keys[at] == wanted, self._by_key[at], -1)

    def _derive(self, table: NodeTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rule = self.sampler.temperature, self.sampler.top_p
        x, _ = distributions(table.offsets, table.slm_logit, table.slm_sampling, *rule)
        y, _ = distributions(table.offsets, table.llm_logit, table.llm_sampling, *rule)
        return x, y

    def _index(self) -> None:
        parent = self.table.parent.astype(np.int64)
        self.roots = np.flatnonzero(parent < 0)
        keys = np.where(parent < 0, -1, parent * self.vocabulary_size + self.table.token)
        self._by_key = np.argsort(keys, kind="stable")
        self._keys = keys[self._by_key]
