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
    """One model's rows of logits, shifted, with their stored form and sums over the vocabulary."""

    shifted: NDArray[np.float64]
    stored: NDArray[np.float32]
    sampling: NDArray[np.float32]
    unit: NDArray[np.float32]
    entropy: NDArray[np.float32]
    inside: NDArray[np.bool_]


def _row(logits: NDArray[np.float32], sampler: Sampler) -> _Row:
    exact = logits.astype(np.float64)
    shifted = exact - exact.max(axis=-1, keepdims=True)
    stored = np.maximum(shifted, np.finfo(np.float16).min).astype(np.float16).astype(np.float32)
    sampling = log_sum_exp(shifted / sampler.temperature).astype(np.float32)
    unit = log_sum_exp(shifted)
    entropy = unit - (np.exp(shifted - unit[:, None]) * shifted).sum(axis=-1)
    probability = sampling_probability(stored, sampling[:, None], sampler)
    inside = nucleus(probability, sampler.top_p)
    return _Row(shifted, stored, sampling, unit.astype(np.float32), entropy.astype(np.float32), inside)


def sampling_probability(
    logit: NDArray[np.float32], log_partition: NDArray[np.float32], sampler: Sampler
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
) -> NodeTable:
    """Stored form of nodes from both models' logits over the whole vocabulary.

    Parameters
    ----------
    slm_logits, llm_logits : [num_nodes, vocabulary_size], float. Finite.
    parent, token : [num_nodes], int. Where each node hangs.
    theta : [num_points], float. Points of the temperature integral.
    true_next : [num_nodes], int, optional
        Token that follows in a given text; stored even where it is in neither nucleus.

    Raises
    ------
    ValueError
        If a logit is not finite.
    """
    if not (np.isfinite(slm_logits).all() and np.isfinite(llm_logits).all()):
        raise ValueError("a model returned logits that are not finite")
    slm, llm = _row(slm_logits, sampler), _row(llm_logits, sampler)
    partitions = [log_sum_exp(slm.shifted / (sampler.temperature * point)) for point in theta]
    union = slm.inside | llm.inside
    if true_next is not None:
        union[np.arange(len(union)), true_next] = True
    rows, ids = np.nonzero(union)
    return NodeTable(
        parent=np.asarray(parent, np.int32),
        token=np.asarray(token, np.int32),
        offsets=np.concatenate([[0], np.cumsum(union.sum(axis=1))]).astype(np.int64),
        ids=ids.astype(np.int32),
        slm_logit=slm.stored[rows, ids],
        llm_logit=llm.stored[rows, ids],
        slm_log_partition=np.stack(partitions, axis=1).astype(np.float32),
        slm_sampling=slm.sampling,
        llm_sampling=llm.sampling,
        slm_unit=slm.unit,
        llm_unit=llm.unit,
        slm_entropy=slm.entropy,
        llm_entropy=llm.entropy,
    )
