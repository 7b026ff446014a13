"""What a trace stores of a prefix, and how it is made from two rows of logits.

A node holds, for the union of both models' ``top_p`` nuclei, token id and both logits minus their row's maximum
(float16), and of the full vocabulary only sums: log-sum-exps and entropies. Everything else is derived from
that, in recording as in replay, so that a replay cannot differ from the run it replays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sampler:
    """How both models sample: logits over ``temperature``, cut to the ``top_p`` nucleus and renormalised."""

    temperature: float
    top_p: float


@dataclass(frozen=True)
class NodeTable:
    """Columns of a ragged table of nodes; node ``n`` owns the entries ``offsets[n]:offsets[n + 1]``.

    Attributes
    ----------
    parent : [num_nodes], int32. Index in the same table, smaller than the node's own; -1 at a root.
    token : [num_nodes], int32. Token that leads here from the parent; -1 at a root.
    offsets : [num_nodes + 1], int64.
    ids : [num_entries], int32. Token ids, ascending within a node.
    slm_logit, llm_logit : [num_entries], float32
        Logit minus the row's maximum over the vocabulary, rounded to float16 as on disk.
    slm_log_partition : [num_nodes, num_points], float32
        Log-sum-exp over the full vocabulary of the SLM's shifted logits over ``T theta``, per point of theta.
    slm_sampling, llm_sampling : [num_nodes], float32. The same at the sampling temperature.
    slm_unit, llm_unit : [num_nodes], float32. The same at temperature 1.
    slm_entropy, llm_entropy : [num_nodes], float32. Nats, full vocabulary, temperature 1.
    score : [num_nodes], float32. What a function of the user's own made of the prefix; NaN where there is none.
    """

    parent: NDArray[np.int32]
    token: NDArray[np.int32]
    offsets: NDArray[np.int64]
    ids: NDArray[np.int32]
    slm_logit: NDArray[np.float32]
    llm_logit: NDArray[np.float32]
    slm_log_partition: NDArray[np.float32]
    slm_sampling: NDArray[np.float32]
    llm_sampling: NDArray[np.float32]
    slm_unit: NDArray[np.float32]
    llm_unit: NDArray[np.float32]
    slm_entropy: NDArray[np.float32]
    llm_entropy: NDArray[np.float32]
    score: NDArray[np.float32]

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.parent)


def columns() -> list[str]:
    """Names of the stored columns."""
    return [field.name for field in fields(NodeTable)]


def concatenate(tables: list[NodeTable]) -> NodeTable:
    """One table of all nodes, entries and parents renumbered. Trees stay apart."""
    nodes = np.cumsum([0, *(table.num_nodes for table in tables)])
    entries = np.cumsum([0, *(table.offsets[-1] for table in tables)])
    joined = {
        name: np.concatenate([getattr(table, name) for table in tables])
        for name in columns()
        if name not in ("parent", "offsets")
    }
    parents = [
        np.where(table.parent < 0, -1, table.parent + np.int32(first))
        for table, first in zip(tables, nodes, strict=False)
    ]
    offsets = [table.offsets[:-1] + first for table, first in zip(tables, entries, strict=False)]
    return NodeTable(
        parent=np.concatenate(parents).astype(np.int32),
        offsets=np.concatenate([*offsets, entries[-1:]]).astype(np.int64),
        **joined,
    )


def in_canonical_order(table: NodeTable) -> NodeTable:
    """The same tree, its nodes ordered by depth, parent and token: however it grew, the same bytes.

    Parameters
    ----------
    table : NodeTable
        One tree, parents before their children.
    """
    rank = np.zeros(table.num_nodes, np.int64)
    depth = np.zeros(table.num_nodes, np.int64)
    for node in range(1, table.num_nodes):
        depth[node] = depth[table.parent[node]] + 1
    order = [np.array([0])]
    for level in range(1, int(depth.max()) + 1):
        nodes = np.flatnonzero(depth == level)
        order.append(nodes[np.lexsort((table.token[nodes], rank[table.parent[nodes]]))])
        rank[order[-1]] = np.arange(len(nodes))
    nodes = np.concatenate(order)
    place = np.empty_like(nodes)
    place[nodes] = np.arange(len(nodes))
    counts = np.diff(table.offsets)[nodes]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    entries = np.repeat(table.offsets[nodes] - offsets[:-1], counts) + np.arange(offsets[-1])
    per_entry = {name: getattr(table, name)[entries] for name in ("ids", "slm_logit", "llm_logit")}
    per_node = {
        name: getattr(table, name)[nodes]
        for name in columns()
        if name not in ("parent", "offsets", *per_entry)
    }
    parents = table.parent[nodes]
    parents[1:] = place[parents[1:]]
    return NodeTable(parent=parents, offsets=offsets, **per_node, **per_entry)


def nucleus(probability: NDArray[np.float64], top_p: float) -> NDArray[np.bool_]:
    """Smallest set of likeliest entries that holds ``top_p`` of the mass; ties go to the lower id.

    Parameters
    ----------
    probability : [..., num_entries], float
        May sum to less than 1, where unlikely entries are not stored.

    Examples
    --------
    >>> nucleus(np.array([0.2, 0.5, 0.2, 0.1]), 0.7)
    array([ True,  True, False, False])
    """
    order = np.argsort(-probability, axis=-1, kind="stable")
    ranked = np.take_along_axis(probability, order, axis=-1)
    before = np.cumsum(ranked, axis=-1) - ranked
    # A sum that reaches top_p up to rounding has reached it; 1 means everything, however unlikely.
    needed = (before < top_p - 1e-12) | (top_p >= 1)
    result = np.empty(probability.shape, bool)
    np.put_along_axis(result, order, needed, axis=-1)
    return result


def log_sum_exp(shifted: NDArray[np.float64]) -> NDArray[np.float64]:
    """``log(sum(exp(shifted)))`` over the last axis, whose maximum is 0.

    Examples
    --------
    >>> float(log_sum_exp(np.zeros(2)).round(6))
    0.693147
    """
    result: NDArray[np.float64] = np.log(np.exp(shifted).sum(axis=-1))
    return result


@dataclass(frozen=True)
class _Row:
    """One model's row of logits less their maximum, its sums over the vocabulary, and the ids of its nucleus."""

    shifted: NDArray[np.float32]
    sampling: np.float32
    unit: np.float32
    entropy: np.float32
    inside: NDArray[np.int64]


def _row(logits: NDArray[np.float32], sampler: Sampler) -> _Row:
    shifted = logits - logits.max()
    weight = np.exp(shifted)
    mass = weight.sum(dtype=np.float64)
    weight *= shifted
    entropy = np.log(mass) - weight.sum(dtype=np.float64) / mass
    unit = np.float32(np.log(mass))
    sampling = unit if sampler.temperature == 1 else _log_sum_exp_at(shifted, sampler.temperature)
    inside = _nucleus_ids(shifted, sampling, sampler)
    return _Row(shifted, sampling, unit, np.float32(entropy), inside)


def _stored(shifted: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shifted logits as a trace keeps them: rounded to float16."""
    lowest = np.finfo(np.float16).min
    return np.maximum(shifted, lowest).astype(np.float16).astype(np.float32)


def _log_sum_exp_at(shifted: NDArray[np.float32], temperature: float) -> np.float32:
    """``log(sum(exp(shifted / temperature)))``, exponentials in single precision, their sum in double.

    Single precision is what is stored, and several times as fast over a vocabulary of 150 000.
    """
    scaled = shifted * np.float32(1 / temperature)
    return np.float32(np.log(np.exp(scaled, out=scaled).sum(dtype=np.float64)))


def _log_partitions(
    shifted: NDArray[np.float32], temperature: float, theta: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Log-sum-exp at ``temperature * theta`` for every theta; entries that can't count any more are left out."""
    result = np.empty(len(theta), np.float32)
    lowest = shifted.min()
    for index in np.argsort(-theta):
        own = temperature * theta[index]
        # A million entries of exp(-32) are less than the rounding of the maximum's 1.
        if lowest < -32 * own:
            # By their places: a mask of scattered entries takes ten times as long.
            shifted = shifted[np.flatnonzero(shifted > -32 * own)]
            lowest = shifted.min()
        result[index] = _log_sum_exp_at(shifted, own)
    return result


def _nucleus_ids(
    shifted: NDArray[np.float32], log_partition: np.float32, sampler: Sampler
) -> NDArray[np.int64]:
    """Ids of the nucleus of one row, unordered; sorts only entries that may be in it."""
    everything = np.arange(len(shifted))
    if sampler.top_p >= 1:
        return everything
    # All entries below this share together hold less than half of what is cut.
    least = 0.5 * (1 - sampler.top_p) / len(shifted)
    lowest = sampler.temperature * (np.log(least) + np.float64(log_partition))
    for likely in (np.flatnonzero(shifted >= lowest), everything):
        probability = sampling_probability(_stored(shifted[likely]), log_partition, sampler)
        if probability.sum() >= sampler.top_p:
            break
    return likely[nucleus(probability, sampler.top_p)]


def sampling_probability(
    logit: NDArray[np.float32], log_partition: NDArray[np.float32] | np.float32, sampler: Sampler
) -> NDArray[np.float64]:
    """Probability at the sampling temperature, over the full vocabulary, from stored values."""
    exponent = logit.astype(np.float64) / sampler.temperature - log_partition.astype(np.float64)
    return np.exp(exponent)


def compress(
    slm_logits: NDArray[np.float32],
    llm_logits: NDArray[np.float32],
    parent: NDArray[np.int32],
    token: NDArray[np.int32],
    sampler: Sampler,
    theta: NDArray[np.float64],
    true_next: NDArray[np.int64] | None = None,
    score: NDArray[np.float32] | None = None,
) -> NodeTable:
    """Stored form of nodes from both models' logits over the whole vocabulary.

    A row's stored form depends on no other row.

    Parameters
    ----------
    slm_logits, llm_logits : [num_nodes, vocabulary_size], float32. Finite.
    parent, token : [num_nodes], int. Where each node hangs.
    theta : [num_points], float. Points of the temperature integral.
    true_next : [num_nodes], int, optional
        Token that follows in a given text; stored even where it is in neither nucleus.
    score : [num_nodes], float32, optional. Of a function of the user's own.

    Raises
    ------
    ValueError
        If a logit is not finite.
    """
    if not (np.isfinite(slm_logits).all() and np.isfinite(llm_logits).all()):
        raise ValueError("a model returned logits that are not finite")
    slm = [_row(row.astype(np.float32, copy=False), sampler) for row in slm_logits]
    llm = [_row(row.astype(np.float32, copy=False), sampler) for row in llm_logits]
    extra = np.empty((len(slm), 0), np.int64) if true_next is None else true_next[:, None]
    ids = [
        np.unique(np.concatenate([small.inside, large.inside, more]))
        for small, large, more in zip(slm, llm, extra, strict=True)
    ]
    return NodeTable(
        parent=np.asarray(parent, np.int32),
        token=np.asarray(token, np.int32),
        offsets=np.cumsum([0, *(len(own) for own in ids)]).astype(np.int64),
        ids=np.concatenate(ids).astype(np.int32),
        slm_logit=np.concatenate([_stored(row.shifted[own]) for row, own in zip(slm, ids, strict=True)]),
        llm_logit=np.concatenate([_stored(row.shifted[own]) for row, own in zip(llm, ids, strict=True)]),
        slm_log_partition=np.stack([_log_partitions(row.shifted, sampler.temperature, theta) for row in slm]),
        slm_sampling=np.array([row.sampling for row in slm]),
        llm_sampling=np.array([row.sampling for row in llm]),
        slm_unit=np.array([row.unit for row in slm]),
        llm_unit=np.array([row.unit for row in llm]),
        slm_entropy=np.array([row.entropy for row in slm]),
        llm_entropy=np.array([row.entropy for row in llm]),
        score=np.full(len(slm), np.nan, np.float32) if score is None else score,
    )
