"""Sampling distributions of ragged nodes against the nucleus as it is written down, ties included."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from traces.format.forest import ascending_rows, distributions
from traces.format.nodes import nucleus


def ragged(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets, shifted logits of few values, so that many tie, and log-partitions."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 12, 40))])
    logit = -rng.integers(0, 4, offsets[-1]).astype(np.float32)
    log_partition = np.array(
        [np.log(np.exp(logit[first:last].astype(float)).sum()) + 0.1 for first, last in pairwise(offsets)],
        np.float32,
    )
    return offsets, logit, log_partition


@pytest.mark.parametrize("top_p", [1e-13, 0.2, 0.5, 0.8, 1.0])
def test_a_distribution_is_the_renormalised_nucleus(top_p: float) -> None:
    for seed in range(20):
        offsets, logit, log_partition = ragged(seed)
        probability, outside = distributions(offsets, logit, log_partition, 1.0, top_p)
        for node, (first, last) in enumerate(pairwise(offsets)):
            full = np.exp(logit[first:last].astype(float) - log_partition[node])
            kept = nucleus(full, top_p)
            # Past the least that can be asked for nothing is kept.
            expected = np.where(kept, full, 0.0) / max(full[kept].sum(), 1e-300)
            # Exponentials of two libraries, and sums of a node's entries in two orders: some hundred units in the last place.
            np.testing.assert_allclose(probability[first:last], expected, rtol=1e-12)
            assert outside[node] == pytest.approx(1 - full[kept].sum(), abs=1e-12)


def test_a_node_is_the_same_alone_and_among_others() -> None:
    offsets, logit, log_partition = ragged(0)
    probability, outside = distributions(offsets, logit, log_partition, 0.7, 0.8)
    for node, (first, last) in enumerate(pairwise(offsets)):
        alone = distributions(
            np.array([0, last - first]), logit[first:last], log_partition[node : node + 1], 0.7, 0.8
        )
        np.testing.assert_array_equal(alone[0], probability[first:last])
        assert alone[1][0] == outside[node]


def test_rows_of_any_sizes_are_sorted_one_by_one() -> None:
    offsets, *_ = ragged(1)
    values = np.random.default_rng(2).random(offsets[-1])
    rows = pairwise(offsets)
    expected = np.concatenate([np.sort(values[first:last]) for first, last in rows])
    np.testing.assert_array_equal(ascending_rows(values, offsets), expected)
