from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from tests.trace_factory import THETA_POINTS, make_trace
from traces.format.forest import Forest
from traces.format.nodes import (
    NodeTable,
    Sampler,
    columns,
    compress,
    concatenate,
    in_canonical_order,
    nucleus,
)
from traces.format.shards import read_shard, write_shard
from traces.uncertainty import theta_rule

THETA, _ = theta_rule(2.0, THETA_POINTS)


def two_models(seed: int, rows: int, vocabulary: int, scale: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    slm = (scale * rng.standard_normal((rows, vocabulary))).astype(np.float32)
    return slm, (slm + rng.standard_normal((rows, vocabulary))).astype(np.float32)


def table_of(seed: int, rows: int, vocabulary: int, sampler: Sampler) -> NodeTable:
    slm, llm = two_models(seed, rows, vocabulary)
    parent = np.arange(-1, rows - 1, dtype=np.int32)
    return compress(slm, llm, parent, np.where(parent < 0, np.int32(-1), np.int32(3)), sampler, THETA)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.8, 0.97), (1.3, 0.5)])
def test_the_stored_node_gives_both_sampling_distributions(temperature: float, top_p: float) -> None:
    slm, llm = two_models(1, 20, 200)
    sampler = Sampler(temperature, top_p)
    forest = Forest([table_of(1, 20, 200, sampler)], sampler, 200)
    for logits, found in ((slm, forest.x), (llm, forest.y)):
        for node in range(20):
            full = special.softmax(logits[node].astype(float) / temperature)
            order = np.argsort(-full, kind="stable")
            kept = order[: int((np.cumsum(full[order]) < top_p).sum()) + 1]
            expected = np.zeros(200)
            expected[kept] = full[kept] / full[kept].sum()
            row = slice(forest.starts[node], forest.ends[node])
            given_back = np.zeros(200)
            given_back[forest.table.ids[row]] = found[row]
            # float16 keeps 11 bits of a logit of at most 32, so a probability to 2^-7 / temperature; where two
            # tokens at the nucleus's edge are that close, either may be in, so compare total variation.
            assert 0.5 * np.abs(given_back - expected).sum() < 0.01
            assert given_back.sum() == pytest.approx(1, abs=1e-12)


def test_sums_over_the_vocabulary_are_of_the_full_distribution() -> None:
    slm, llm = two_models(2, 5, 100)
    table = table_of(2, 5, 100, Sampler(0.8, 0.9))
    for logits, unit, entropy, sampling in (
        (slm, table.slm_unit, table.slm_entropy, table.slm_sampling),
        (llm, table.llm_unit, table.llm_entropy, table.llm_sampling),
    ):
        exact = logits.astype(float) - logits.max(axis=1, keepdims=True)
        # float32 holds seven digits.
        np.testing.assert_allclose(unit, special.logsumexp(exact, axis=1), rtol=1e-6)
        np.testing.assert_allclose(sampling, special.logsumexp(exact / 0.8, axis=1), rtol=1e-6)
        np.testing.assert_allclose(entropy, stats.entropy(special.softmax(exact, axis=1), axis=1), rtol=1e-6)
    exact = slm.astype(float) - slm.max(axis=1, keepdims=True)
    expected = special.logsumexp(exact[:, None, :] / (0.8 * THETA[:, None]), axis=2)
    np.testing.assert_allclose(table.slm_log_partition, expected, rtol=1e-5, atol=1e-7)


@given(st.integers(0, 10_000), st.floats(0.05, 1.0))
def test_the_nucleus_is_the_smallest_set_that_holds_top_p(seed: int, top_p: float) -> None:
    probability = np.random.default_rng(seed).dirichlet(np.full(12, 0.5))
    inside = nucleus(probability, top_p)
    assert probability[inside].sum() >= top_p - 1e-9
    if inside.sum() > 1:
        assert probability[inside].sum() - probability[inside].min() < top_p
        assert probability[inside].min() >= probability[~inside].max(initial=0.0)


def test_ties_go_to_the_lower_id() -> None:
    assert nucleus(np.array([0.25, 0.25, 0.25, 0.25]), 0.5).tolist() == [True, True, False, False]


def test_deriving_one_by_one_equals_deriving_all_at_once() -> None:
    sampler = Sampler(0.8, 0.95)
    slm, llm = two_models(4, 6, 80)
    parent = np.array([-1, 0, 0, 1, 2, 2])
    token = np.array([-1, 5, 6, 7, 8, 9])
    whole = Forest([compress(slm, llm, parent, token, sampler, THETA)], sampler, 80)
    grown = Forest([compress(slm[:1], llm[:1], parent[:1], token[:1], sampler, THETA)], sampler, 80)
    for n in range(1, 6):
        row = slice(n, n + 1)
        grown.append(compress(slm[row], llm[row], parent[row], token[row], sampler, THETA))
    np.testing.assert_array_equal(whole.x, grown.x)
    np.testing.assert_array_equal(whole.y, grown.y)
    for name in columns():
        np.testing.assert_array_equal(getattr(whole.table, name), getattr(grown.table, name))
    assert grown.children(np.array([0, 0, 2]), np.array([5, 7, 9])).tolist() == [1, -1, 5]


def test_trees_side_by_side_keep_their_children_apart() -> None:
    sampler = Sampler(1.0, 1.0)
    one, two = table_of(5, 3, 20, sampler), table_of(6, 4, 20, sampler)
    forest = Forest([one, two], sampler, 20)
    assert forest.roots.tolist() == [0, 3]
    assert forest.children(forest.roots, np.array([3, 3])).tolist() == [1, 4]
    assert concatenate([one, two]).parent.tolist() == [-1, 0, 1, -1, 3, 4, 5]


def test_a_shard_comes_back_as_it_was(tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "a", prompts=1, token_seeds=[0], vocabulary_size=30, top_p=0.9)
    shard = trace.manifest.shards[0]
    table = read_shard(trace.folder, shard, 30, trace.manifest.measure)
    again = write_shard(tmp_path, 0, 0, table, 30)
    assert again.sha256 == shard.sha256
    assert not list(tmp_path.glob("*.partial"))


def test_logits_that_are_not_finite_are_refused() -> None:
    slm, llm = two_models(0, 1, 10)
    llm[0, 3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        compress(slm, llm, np.array([-1]), np.array([-1]), Sampler(1.0, 1.0), THETA)


def shuffled(table: NodeTable, rng: np.random.Generator) -> NodeTable:
    """The same tree as if it had grown in another order, parents before their children."""
    left, order = set(range(1, table.num_nodes)), [0]
    while left:
        ready = sorted(node for node in left if table.parent[node] in order)
        order.append(int(rng.choice(ready)))
        left.remove(order[-1])
    place = np.argsort(order)
    entries = [np.arange(table.offsets[node], table.offsets[node + 1]) for node in order]
    per_entry = ("ids", "slm_logit", "llm_logit")
    moved = {
        name: getattr(table, name)[np.concatenate(entries) if name in per_entry else order]
        for name in columns()
        if name not in ("parent", "offsets")
    }
    parent = np.array([-1 if node == 0 else place[table.parent[node]] for node in order], np.int32)
    offsets = np.cumsum([0, *(len(own) for own in entries)])
    return NodeTable(parent=parent, offsets=offsets, **moved)


def by_path(table: NodeTable) -> dict[tuple[int, ...], tuple[object, ...]]:
    """What each node holds, by the tokens that lead to it, in the table's order."""
    paths: list[tuple[int, ...]] = []
    found: dict[tuple[int, ...], tuple[object, ...]] = {}
    for node in range(table.num_nodes):
        parent, own = int(table.parent[node]), slice(*table.offsets[node : node + 2])
        paths.append(() if parent < 0 else (*paths[parent], int(table.token[node])))
        found[paths[-1]] = (
            table.ids[own].tolist(), table.slm_logit[own].tolist(), table.llm_logit[own].tolist(),
            float(table.slm_entropy[node]), table.slm_log_partition[node].tolist(),
        )  # fmt: skip
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_tree_has_one_order_however_it_grew(tmp_path: Path, seed: int) -> None:
    """By depth, and within one depth by the tokens that lead there."""
    table = make_trace(tmp_path / "trace", num_tokens=6, top_p=0.7).forest([(0, 0)]).table
    assert table.num_nodes > 15
    nodes = by_path(table)
    found = by_path(in_canonical_order(shuffled(table, np.random.default_rng(seed))))
    assert list(found) == sorted(nodes, key=lambda path: (len(path), path))
    assert found == nodes
