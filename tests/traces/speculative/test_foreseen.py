"""What is worked out at all nodes at once gives the rounds of the walk, to the bit."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.deciding.policies import ChannelAware, Hlm, Llm, Oracle, RandHlm, Scored, Slm, UHlm
from netsim.deciding.recorded import Decider
from tests.trace_factory import SAMPLES, make_trace
from traces.format.trace import Trace
from traces.speculative.blocks import Blocks
from traces.speculative.draws import token_draws
from traces.speculative.foreseen import Foreseen
from traces.speculative.foreseen_blocks import foreseeable
from traces.speculative.payloads import ProbabilityOnly
from traces.speculative.rounds import ALL, Drafts, Measure, Policy, Rounds
from traces.speculative.stops import Probability, Product, Uncertain
from traces.speculative.upload import Compressed, Upload
from traces.speculative.walk import walk
from traces.speculative.walker import Stops

RECORDED = 10
POLICIES: list[Policy] = [
    Slm(),
    Llm(),
    Hlm(),
    Oracle(),
    RandHlm(0.4),
    UHlm(0.3),
    ChannelAware(0.5),
    Scored(2.0, 0.4, "and"),
    Compressed(UHlm(0.6), Upload()),
    *(Blocks(gamma, bonus=bonus) for gamma in (1, 3, 20) for bonus in (False, True)),
    Blocks(3, payload=ProbabilityOnly()),
    Blocks(2, bonus=False, overlap=True),
    *(Blocks(gamma, stop=stop) for gamma in (2, 6) for stop in (Uncertain(0.9), Probability(0.1))),
    *(Blocks(4, bonus=bonus, stop=Uncertain(0.5), keeps=True) for bonus in (False, True)),
]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    folder = tmp_path_factory.mktemp("foreseen")
    policies: dict[str, Policy] = {"hlm": Hlm(), "u-hlm": UHlm(0.3)}
    return make_trace(
        folder, prompts=5, num_tokens=RECORDED, vocabulary_size=12, top_p=0.9, policies=policies, scored=True
    )


def both(
    trace: Trace,
    policy: Policy,
    measure: Measure,
    *,
    num_tokens: int = RECORDED,
    eos: Stops = None,
    token_seed: int = 0,
    follow: bool = True,
) -> tuple[Rounds, Rounds]:
    """Foreseen and walked rounds, both of the trees of token seed 0."""
    assert foreseeable(policy)
    forest = trace.forest([(prompt, 0) for prompt in trace.prompts])
    draws = token_draws([(prompt, token_seed) for prompt in trace.prompts], num_tokens, measure.samples or 0)
    hlm = walk(forest, forest.roots, [Hlm()], draws, num_tokens, measure, eos=eos)[0]
    fallback = hlm.node if follow else None
    foreseen = Foreseen(forest, draws, num_tokens, measure, eos=eos).rounds(policy, fallback)
    [walked] = walk(forest, forest.roots, [policy], draws, num_tokens, measure, eos=eos, fallback=fallback)
    return foreseen, walked


def assert_same(one: Rounds, other: Rounds) -> None:
    for field in fields(Rounds):
        own, its = getattr(one, field.name), getattr(other, field.name)
        assert own.dtype == its.dtype, field.name
        np.testing.assert_array_equal(own, its, field.name)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize(
    "measure",
    [Measure(SAMPLES), Measure(None), Measure(None, name="margin"), Measure(None, name="entropy")],
    ids=str,
)
def test_foreseen_rounds_are_those_of_the_walk(trace: Trace, policy: Policy, measure: Measure) -> None:
    for token_seed in (0, 7):
        assert_same(*both(trace, policy, measure, token_seed=token_seed))


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_also_where_a_path_ends_early(trace: Trace, policy: Policy) -> None:
    measure = Measure(SAMPLES)
    for eos in (3, (3, 5)):
        assert_same(*both(trace, policy, measure, eos=eos, token_seed=7))
    assert_same(*both(trace, policy, measure, follow=False, token_seed=7))
    assert_same(*both(trace, policy, measure, num_tokens=6))


def test_paths_of_these_tests_do_leave_the_tree_and_end_early(trace: Trace) -> None:
    foreseen, _ = both(trace, Slm(), Measure(SAMPLES), token_seed=7)
    assert not foreseen.on_tree.all()
    cut, _ = both(trace, Slm(), Measure(SAMPLES), token_seed=7, follow=False)
    ended, _ = both(trace, Slm(), Measure(SAMPLES), token_seed=7, eos=(3, 5))
    assert (cut.length < RECORDED).any()
    assert (ended.length < RECORDED).any()
    looking, _ = both(trace, Blocks(6, stop=Uncertain(0.9)), Measure(SAMPLES), token_seed=7)
    assert looking.unrecorded[looking.valid].any()
    assert looking.bonus[looking.valid].any()


def test_a_policy_is_asked_once_for_all_nodes_and_not_for_every_position(trace: Trace) -> None:
    asked: list[int] = []

    class Counting(Hlm):
        def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
            asked.append(len(drafts.accepted))
            return super().transmits(drafts)

    decider = Decider(trace, Measure(SAMPLES), RECORDED)
    decider.rounds(Hlm(), 0)
    decider.rounds(Counting(), 0)
    assert asked == [decider.forest(0).table.num_nodes]


@pytest.mark.parametrize(
    "policy",
    [
        Compressed(Hlm(), Upload(3)),
        Compressed(Blocks(2), Upload()),
        Blocks(2, payload=Upload(3)),
        Blocks(2, payload=ProbabilityOnly(4)),
        Blocks(4, stop=Product(0.2)),
    ],
    ids=str,
)
def test_other_policies_are_walked(policy: Policy) -> None:
    assert not foreseeable(policy)


def test_a_decider_tells_them_apart(trace: Trace) -> None:
    decider = Decider(trace, Measure(SAMPLES), RECORDED)
    assert decider.rounds(Compressed(Hlm(), Upload(3)), 0).entries[0, 0] == 3
    assert decider.rounds(Compressed(Hlm(), Upload()), 0).entries[0, 0] == ALL
