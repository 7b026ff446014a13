"""Cached and new tokens of the LLM's passes, against a KV cache that is kept by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from netsim.costs.latency import ConstantLatency
from netsim.costs.workload import Costs, Terms, build_workload
from traces.speculative.rounds import Rounds

FloatArray = NDArray[np.float64]


@dataclass
class Telling:
    """A latency from which context and positions can be read off: no two pairs take the same time."""

    seen: list[tuple[int, int]] = field(default_factory=list)

    def seconds(self, context: ArrayLike, positions: ArrayLike, batch: ArrayLike = 1) -> FloatArray:
        shape = np.broadcast_shapes(np.shape(context), np.shape(positions))
        return np.broadcast_to(np.asarray(context) * 1e-6 + np.asarray(positions) * 1e-2, shape).copy()


COSTS = Costs(Telling(), Telling(), 0.0, 0.0, 0.0, True, 16, 8, True, np.inf)
PROMPTS, TOKENS = np.array([3, 7]), 12


def rounds(*, drafts: bool = True) -> Rounds:
    made = Rounds.empty(2, TOKENS)
    made.length[:] = [TOKENS, 9]
    made.drafted[:] = drafts
    made.bonus[:] = not drafts
    made.transmitted[:] = drafts & (np.random.default_rng(0).random((2, TOKENS)) < 0.4)
    made.drafted[:] *= drafts
    return made


@pytest.mark.parametrize("drafts", [True, False])
def test_passes_are_those_of_a_cache_kept_by_hand(drafts: bool) -> None:
    decided = rounds(drafts=drafts)
    work = build_workload(decided, PROMPTS, COSTS, Terms(drafts=drafts))
    for session, prompt in enumerate(PROMPTS.tolist()):
        cached = 0  # tokens whose keys and values the LLM holds
        for position in range(int(decided.length[session])):
            at = session, position
            if drafts and not decided.transmitted[at]:
                assert not work.calls_llm[at]
                continue
            prefix = prompt + position  # tokens that are known when the round starts
            new = prefix - cached
            assert work.calls_llm[at]
            assert (work.llm_context[at], work.llm_positions[at]) == (cached, new)
            whole_s = float(work.llm_s[at] + work.llm_prefill_s[at])
            assert whole_s == pytest.approx(cached * 1e-6 + new * 1e-2, rel=1e-12)
            cached = prefix
    # Past the end there is nothing.
    assert not work.llm_positions[1, 9:].any()


def test_without_catching_up_a_pass_has_one_position() -> None:
    decided = rounds()
    work = build_workload(decided, PROMPTS, replace(COSTS, catch_up=False), Terms())
    for session, prompt in enumerate(PROMPTS.tolist()):
        calls = np.flatnonzero(work.calls_llm[session])
        # The first covers the prompt and what was skipped since; afterwards the prefix counts as seen but for one.
        assert work.llm_context[session, calls[0]] == 0
        assert work.llm_positions[session, calls[0]] == prompt + calls[0]
        assert (work.llm_positions[session, calls[1:]] == 1).all()
        assert (work.llm_context[session, calls[1:]] == prompt + calls[1:] - 1).all()


def test_a_constant_latency_makes_every_pass_alike() -> None:
    costs = replace(COSTS, llm=ConstantLatency(0.03))
    work = build_workload(rounds(drafts=False), PROMPTS, costs, Terms(drafts=False))
    assert set(np.unique(work.llm_s[work.calls_llm])) == {0.03}
    assert not work.llm_prefill_s.any()
