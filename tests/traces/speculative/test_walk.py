from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.deciding.policies import Hlm, Llm, Oracle, RandHlm, Slm, UHlm
from tests.trace_factory import SAMPLES, TablePair, make_trace
from traces.format.forest import Forest
from traces.format.trace import Trace
from traces.speculative.draws import token_draws
from traces.speculative.walk import Drafts, Measure, Policy, Rounds, refuse, walk

TOKENS = 10


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(
        tmp_path_factory.mktemp("walk"), prompts=6, num_tokens=TOKENS, vocabulary_size=12, top_p=0.95
    )


def replay(trace: Trace, policy: Policy, **options: object) -> Rounds:
    groups = [(prompt, seed) for seed in trace.manifest.token_seeds for prompt in trace.prompts]
    forest = trace.forest(groups)
    draws = token_draws(groups, TOKENS, SAMPLES)
    return walk(forest, forest.roots, [policy], draws, TOKENS, Measure(), **options)[0]  # type: ignore[arg-type]


def by_hand(
    trace: Trace, group: tuple[int, int], threshold: float
) -> list[tuple[int, int, bool, bool, float]]:
    """One path of u-hlm, written out token by token in plain Python from the definitions."""
    forest = trace.forest([group])
    table, draws = forest.table, token_draws([group], TOKENS, SAMPLES)
    points, weights = np.polynomial.legendre.leggauss(table.slm_log_partition.shape[1])
    theta, weights = points + 1, weights / 2
    node, path = 0, []
    for t in range(TOKENS):
        row = range(int(forest.starts[node]), int(forest.ends[node]))

        def pick(mass: dict[int, float], draw: float) -> int:
            total, reached = sum(mass.values()), 0.0
            for token, share in mass.items():
                reached += share / total
                if share > 0 and reached > draw:
                    return token
            raise AssertionError

        x = {int(table.ids[e]): float(forest.x[e]) for e in row}
        y = {int(table.ids[e]): float(forest.y[e]) for e in row}
        z = {int(table.ids[e]): float(table.slm_logit[e]) for e in row}
        draft = pick(x, draws.draft[0, t])
        q = 1 - sum(weights * np.exp(z[draft] / theta - table.slm_log_partition[node]))
        u = float((draws.perturb[0, t] < q).mean())
        accepted = bool(draws.accept[0, t] < min(1.0, y[draft] / x[draft]))
        sent = round(u * SAMPLES) > round(threshold * SAMPLES)
        token = draft
        if sent and not accepted:
            token = pick({v: max(0.0, y[v] - x[v]) for v in y}, draws.resample[0, t])
        path.append((draft, token, sent, accepted, u))
        children = np.flatnonzero((table.parent == node) & (table.token == token))
        if t + 1 < TOKENS:
            node = int(children[0])
    return path


@pytest.mark.parametrize("threshold", [0.0, 0.15, 0.3, 0.65])
def test_u_hlm_is_what_the_definitions_say(trace: Trace, threshold: float) -> None:
    groups = [(prompt, seed) for seed in trace.manifest.token_seeds for prompt in trace.prompts]
    rounds = replay(trace, UHlm(threshold))
    for index, group in enumerate(groups):
        found = zip(
            *(
                getattr(rounds, name)[index]
                for name in ("draft", "token", "transmitted", "accepted", "uncertainty")
            ),
            strict=True,
        )
        assert list(found) == by_hand(trace, group, threshold)


def test_policies_relate_as_they_must(trace: Trace) -> None:
    hlm, oracle, slm = replay(trace, Hlm()), replay(trace, Oracle()), replay(trace, Slm())
    np.testing.assert_array_equal(hlm.token, oracle.token)
    np.testing.assert_array_equal(oracle.transmitted, ~hlm.accepted)
    np.testing.assert_array_equal(hlm.llm_nll, oracle.llm_nll)
    always = replay(trace, UHlm(1.0))
    np.testing.assert_array_equal(always.token, slm.token)
    assert not always.transmitted.any()
    never = replay(trace, UHlm(0.0))
    same = never.transmitted | (never.uncertainty == 0)
    assert same.all()


def test_every_threshold_replays_exactly(trace: Trace) -> None:
    for count in range(SAMPLES + 1):
        assert replay(trace, UHlm(count / SAMPLES)).on_tree.all()
    assert replay(trace, Llm()).on_tree.all()
    # An unrecorded coin leaves the tree somewhere; without a fallback the path ends there.
    coin = replay(trace, RandHlm(0.4))
    assert (coin.length < TOKENS).any()


def test_off_the_tree_a_path_follows_the_fallback(trace: Trace) -> None:
    hlm = replay(trace, Hlm())
    coin = replay(trace, RandHlm(0.4), fallback=hlm.node)
    off = ~coin.on_tree
    assert (coin.length == TOKENS).all()
    assert off.any()
    np.testing.assert_array_equal(coin.node[off], hlm.node[off])
    # Once off, off for good.
    assert (np.diff(off.astype(int), axis=1) >= 0).all()


def test_walks_side_by_side_equal_walks_alone(trace: Trace) -> None:
    groups = [(prompt, 0) for prompt in trace.prompts]
    policies: list[Policy] = [Hlm(), Slm(), UHlm(0.3), Llm()]
    forest, draws = trace.forest(groups), token_draws(groups, TOKENS, SAMPLES)
    together = walk(forest, forest.roots, policies, draws, TOKENS, Measure())
    for policy, rounds in zip(policies, together, strict=True):
        for index, group in enumerate(groups):
            single = trace.forest([group])
            alone = walk(
                single, single.roots, [policy], token_draws([group], TOKENS, SAMPLES), TOKENS, Measure()
            )[0]
            np.testing.assert_array_equal(rounds.token[index], alone.token[0])


def test_the_end_of_sequence_ends_a_prompt(trace: Trace) -> None:
    plain = replay(trace, Hlm())
    eos = int(plain.token[0, 3])
    stopped = replay(trace, Hlm(), eos=eos)
    for index in range(len(plain.token)):
        hits = np.flatnonzero(plain.token[index] == eos)
        assert stopped.length[index] == (hits[0] + 1 if len(hits) else TOKENS)
    np.testing.assert_array_equal(stopped.token[stopped.valid], plain.token[stopped.valid])


def test_a_live_walk_equals_its_replay(tmp_path: Path) -> None:
    """Growing the tree while walking and replaying what was stored give the same rounds."""
    trace = make_trace(tmp_path, prompts=1, token_seeds=[4], num_tokens=TOKENS, vocabulary_size=12, seed=3)
    pair, sampler = TablePair(12, 3), trace.sampler
    forest = Forest([pair.root(trace.prompt(0).tokens[-1], sampler)], sampler, 12)

    def expand(parents: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        return forest.append(pair.nodes(parents, tokens, tokens, sampler))

    draws = token_draws([(0, 4)], TOKENS, SAMPLES)
    live = walk(forest, forest.roots, [UHlm(0.35)], draws, TOKENS, Measure(), expand=expand)[0]
    stored = trace.forest([(0, 4)])
    again = walk(stored, stored.roots, [UHlm(0.35)], draws, TOKENS, Measure(), expand=refuse)[0]
    for name in ("token", "draft", "uncertainty", "transmitted", "accepted", "llm_nll"):
        np.testing.assert_array_equal(getattr(live, name), getattr(again, name))


def test_thresholds_are_compared_as_counts() -> None:
    # 0.3 * 20 is 5.999… in binary; a count of 6 must still pass a threshold of 0.3.
    count = np.arange(21)
    nothing = np.zeros(21, bool)
    drafts = Drafts(
        count / 20, count, 20, nothing, np.zeros(21), np.zeros(21), lambda: np.zeros(21), np.zeros(21)
    )
    for wanted in range(21):
        np.testing.assert_array_equal(drafts.at_most(wanted / 20), count <= wanted)


def test_llm_nll_is_of_the_full_distribution_at_temperature_one(trace: Trace) -> None:
    pair = TablePair(12, 0)
    rounds = replay(trace, Hlm())
    groups = [(prompt, seed) for seed in trace.manifest.token_seeds for prompt in trace.prompts]
    for index, (prompt, _) in enumerate(groups):
        last = trace.prompt(prompt).tokens[-1]
        for t in range(TOKENS):
            logits = pair.llm[last].astype(float)
            expected = (
                np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[rounds.token[index, t]]
            )
            # float16 rounds a shifted logit of at most 16 to 2^-8, float32 the log-sum-exp to far less.
            assert abs(rounds.llm_nll[index, t] - expected) < 2**-7
            last = int(rounds.token[index, t])


def test_a_policy_that_reads_nothing_but_its_drafts_can_be_anybodys(trace: Trace) -> None:
    class EveryOther:
        drafts = True

        def __init__(self) -> None:
            self.round = 0

        def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
            self.round += 1
            return np.full(drafts.accepted.shape, self.round % 2 == 0)

    rounds = replay(trace, EveryOther(), fallback=replay(trace, Hlm()).node)
    assert (rounds.transmitted == (np.arange(TOKENS) % 2 == 1)).all()
