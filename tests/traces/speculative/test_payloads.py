"""What payloads send, what that does to the output, and that the classic mistakes show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

import traces.speculative.step
import traces.speculative.walker
from netsim.deciding.policies import Slm
from tests.trace_factory import TablePair, make_trace
from tests.traces.speculative.test_exactness import (
    DRAWS_PER_NODE,
    LEAST_P,
    hlm_nodes,
    one_round,
    pooled_p_value,
)
from traces.format.forest import Forest
from traces.format.nodes import Sampler
from traces.format.trace import Trace
from traces.speculative.bits import Code
from traces.speculative.blocks import Blocks
from traces.speculative.draws import TokenDraws
from traces.speculative.lattice import lattice_point
from traces.speculative.payloads import Coarse, ProbabilityOnly
from traces.speculative.rounds import ALL, Measure
from traces.speculative.upload import Payload, Upload
from traces.speculative.verify import resample_each
from traces.speculative.walk import walk

EXACT: list[Payload] = [
    Upload(), Upload(3, draft_from_sent=True), Coarse(4), Coarse(ALL, 20), Coarse(5, 12), ProbabilityOnly(),
]  # fmt: skip
CODE = Code(32_000, 8)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(tmp_path_factory.mktemp("table"), prompts=8, num_tokens=12, vocabulary_size=12)


@pytest.mark.parametrize("payload", EXACT)
def test_every_exact_payload_gives_the_output_the_law_of_y(trace: Trace, payload: Payload) -> None:
    forest, nodes = hlm_nodes(trace, 8)
    assert payload.exact
    assert pooled_p_value(forest, nodes, one_round(forest, nodes, Blocks(1, payload=payload), 1)) > LEAST_P


@pytest.mark.parametrize("payload", [Upload(3), ProbabilityOnly(2)])
def test_the_others_say_that_they_are_not_exact(trace: Trace, payload: Payload) -> None:
    forest, nodes = hlm_nodes(trace, 8)
    assert not payload.exact
    assert pooled_p_value(forest, nodes, one_round(forest, nodes, Blocks(1, payload=payload), 1)) < 1e-6


def test_the_distance_of_a_cut_answer_is_that_of_its_output(trace: Trace) -> None:
    """PicoSpec's ``output_tv`` against counted outputs: 4000 draws at each node, five standard errors."""
    forest, nodes = hlm_nodes(trace, 4)
    count = 4000
    rng = np.random.default_rng(5)
    draft, accept, resample, llm, skip = (rng.random((len(nodes) * count, 1)) for _ in range(5))
    draws = TokenDraws(draft, accept, resample, llm, skip, perturb=rng.random((len(nodes) * count, 1, 20)))
    policy = Blocks(1, payload=ProbabilityOnly(3))
    rounds = walk(forest, np.repeat(nodes, count), [policy], draws, 1, Measure())[0]
    for number, node in enumerate(nodes):
        row = slice(forest.starts[node], forest.ends[node])
        own = rounds.token[number * count : (number + 1) * count]
        shares = (own == forest.table.ids[row]).mean(axis=0)
        y = forest.y[row]
        # The mean of |share - p| adds at most half the sum of the standard errors of the shares.
        room = 2.5 * np.sqrt(np.maximum(shares * (1 - shares), 1 / count) / count).sum()
        assert abs(0.5 * np.abs(shares - y).sum() - rounds.output_tv[number * count, 0]) < room


def second_tokens(seed: int) -> tuple[Forest, NDArray[np.int64], NDArray[np.int64]]:
    """The second token of many rounds of one draft and a bonus, with the node that it has to follow."""
    pair, sampler, count = TablePair(12, 3), Sampler(1.0, 1.0), 200 * DRAWS_PER_NODE
    forest = Forest([pair.root(2, sampler)], sampler, 12)

    def expand(parents: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.int64]:
        return forest.append(pair.nodes(parents, new, new, sampler))

    rng = np.random.default_rng(seed)
    draft, accept, resample, llm, skip = (rng.random((count, 2)) for _ in range(5))
    draws = TokenDraws(draft, accept, resample, llm, skip, perturb=np.empty((count, 2, 20)))
    rounds = walk(forest, np.zeros(count, np.int64), [Blocks(1)], draws, 2, Measure(None), expand=expand)[0]
    bonus = rounds.bonus[:, 1]
    return forest, rounds.node[bonus, 1], rounds.token[bonus, 1]


def bonus_p_value(forest: Forest, node: NDArray[np.int64], token: NDArray[np.int64]) -> float:
    nodes, counts = np.unique(node, return_counts=True)
    nodes = nodes[counts >= DRAWS_PER_NODE]
    drawn = np.stack([token[node == one][:DRAWS_PER_NODE] for one in nodes])
    assert len(nodes) >= 5
    return pooled_p_value(forest, nodes, drawn)


def test_the_bonus_has_the_law_of_y() -> None:
    assert bonus_p_value(*second_tokens(4)) > LEAST_P


def test_a_bonus_from_the_small_model_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces.speculative.walker, "_Everything", Slm)
    assert bonus_p_value(*second_tokens(4)) < 1e-12


@pytest.mark.parametrize("payload", [Upload(), Coarse(ALL, 20)])
def test_the_ratio_upside_down_is_seen(
    trace: Trace, monkeypatch: pytest.MonkeyPatch, payload: Payload
) -> None:
    monkeypatch.setattr(traces.speculative.step, "accepts", lambda x, y, draws: draws * y < x)
    forest, nodes = hlm_nodes(trace, 8)
    assert pooled_p_value(forest, nodes, one_round(forest, nodes, Blocks(1, payload=payload), 1)) < 1e-12


def test_lost_drafts_that_are_kept_are_seen(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that goes on with its own draft where the LLM replaced it."""

    def kept(
        x: NDArray[np.float64],
        _y: NDArray[np.float64],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        draws: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        return resample_each(np.zeros_like(x), x, starts, ends, draws)

    monkeypatch.setattr(traces.speculative.step, "resample_each", kept)
    forest, nodes = hlm_nodes(trace, 8)
    assert pooled_p_value(forest, nodes, one_round(forest, nodes, Blocks(2), 1)) < 1e-12


def test_bits_by_hand() -> None:
    whole = np.array([ALL])
    assert Upload().draft_bits(whole, CODE, 15).tolist() == [32_000 * 23 + 15]
    assert Upload(30).draft_bits(np.array([30]), CODE, 0).tolist() == [690]
    for levels, bits in ((24, 281), (100, 973), (240, 2037)):
        assert Coarse(ALL, levels).draft_bits(whole, CODE, 15).tolist() == [bits + 15]
    # TK-SLT neglects the ids: K entries of 16 bits.
    assert Coarse(64).draft_bits(np.array([64]), CODE, 0).tolist() == [64 * 16]
    # DSSD: an id and a probability up; the LLM's distribution down after a rejection.
    assert ProbabilityOnly().draft_bits(whole, CODE, 15).tolist() == [23]
    assert ProbabilityOnly().rejection_bits(CODE, 15) == 32_000 * 8
    assert ProbabilityOnly(10).rejection_bits(CODE, 15) == 10 * 23
    assert Coarse(64).rejection_bits(CODE, 15) == 15


def plain_lattice(x: NDArray[np.float64], levels: int) -> list[int]:
    """The quantiser of arXiv 2507.00605, one entry after the other."""
    point = [int(np.floor(levels * value + 0.5)) for value in x]
    while sum(point) != levels:
        gaps = [own - levels * value for own, value in zip(point, x, strict=True)]
        # Each entry is put right at most once: after that it stands at the other end of the line.
        if sum(point) < levels:
            point[gaps.index(min(gaps))] += 1
        else:
            point[gaps.index(max(gaps))] -= 1
    return point


distributions = arrays.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1)).filter(
    lambda weights: weights.sum() > 1e-3
)


@given(weights=distributions, levels=st.integers(1, 300))
def test_the_lattice_is_that_of_the_plain_loop(weights: NDArray[np.float64], levels: int) -> None:
    x = weights / weights.sum()
    point = lattice_point(x, levels)
    assert point.sum() == levels
    assert (point >= 0).all()
    assert not point[x == 0].any()
    assert (np.abs(point - levels * x) < 1 + 1e-9).all()
    assert point.tolist() == plain_lattice(x, levels)


def test_nothing_is_left_to_say_of_a_payload_without_entries_and_levels() -> None:
    with pytest.raises(ValueError, match="whole distribution"):
        Coarse()


def test_a_trace_cut_to_its_nucleus_stays_in_it() -> None:
    trace = Trace.open(Path(__file__).resolve().parents[3] / "traces" / "tiny")
    forest = trace.forest([(trace.prompts[0], trace.manifest.token_seeds[0])])
    nodes = np.arange(20)
    rows = Coarse(ALL, 50).rows(forest, forest.starts[nodes], forest.ends[nodes])
    sums = [rows.sent[first:last].sum() for first, last in zip(rows.starts, rows.ends, strict=True)]
    np.testing.assert_allclose(sums, 1, atol=1e-12)
