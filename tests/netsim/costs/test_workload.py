"""Exchanges of several drafts: passes against caches that are kept by hand, and what an exchange is billed for."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from netsim.costs.passes import llm_passes, slm_seconds
from netsim.costs.workload import Costs, Terms, Workload, build_workload, response_bits
from tests.netsim.costs.test_passes import Telling
from traces.speculative.exchanges import Exchanges
from traces.speculative.rounds import Rounds

ROOM = 12
PROMPTS = np.array([3, 7, 5])
COSTS = Costs(Telling(), Telling(), 0.001, 0.0, 0.0, True, 16, 8, True, np.inf)


def exchanges(seed: int, *, bonus: bool) -> Exchanges:
    """Up to twelve of each session: without drafts, kept without asking, replaced at a draft, and all accepted."""
    rng = np.random.default_rng(seed)
    shape = len(PROMPTS), ROOM
    numbers = {name: np.zeros(shape, np.int64) for name in ("first", "emitted", "drafted", "kept", "entries")}
    rejections, sent = np.zeros(shape, bool), np.zeros(shape, bool)
    length = np.array([ROOM, ROOM - 3, ROOM])
    for session in range(len(PROMPTS)):
        first = 0
        for at in range(length[session]):
            drafted, kept, asks = int(rng.integers(0, 5)), 0, True
            if drafted == 1 and rng.random() < 0.5:
                asks, kept = False, 1
            elif drafted:
                kept = int(rng.integers(0, drafted + 1))
            rejected = asks and 0 < drafted != kept
            own = rejected or (asks and (bonus or not drafted))
            place = session, at
            numbers["first"][place], numbers["emitted"][place] = first, kept + own
            numbers["drafted"][place], numbers["kept"][place] = drafted, kept
            rejections[place], sent[place] = rejected, asks and drafted > 0
            first += kept + own
    return Exchanges(length=length, rejected=rejections, transmitted=sent, **numbers)


def taken_s(context: int, positions: int) -> float:
    return float(Telling().seconds(context, positions))


@pytest.mark.parametrize("bonus", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_passes_of_several_drafts_are_those_of_caches_kept_by_hand(seed: int, bonus: bool) -> None:
    made = exchanges(seed, bonus=bonus)
    slm_s, slm_prefill_s = slm_seconds(Telling(), made, PROMPTS)
    llm = llm_passes(Telling(), made, PROMPTS, bonus=bonus, catch_up=True)
    for session, prompt in enumerate(PROMPTS.tolist()):
        small = large = 0  # tokens whose keys and values each model holds
        for at in range(int(made.length[session])):
            place = session, at
            prefix, drafted = prompt + int(made.first[place]), int(made.drafted[place])
            spent_s = 0.0
            for number in range(drafted):
                # A pass covers all that the SLM has not seen up to its last draft.
                spent_s += taken_s(small, prefix + number - small)
                small = prefix + number
            assert slm_s[place] + slm_prefill_s[place] == pytest.approx(spent_s, rel=1e-12)
            # What follows a rejection is no part of the text.
            small = min(small, prefix + int(made.kept[place]))
            assert llm.calls[place] == (made.transmitted[place] or not drafted)
            if not llm.calls[place]:
                continue
            new = prefix - large + (drafted - 1 + bonus if drafted else 0)
            assert (llm.context[place], llm.positions[place]) == (large, new)
            assert llm.seconds[place] + llm.prefill_s[place] == pytest.approx(taken_s(large, new), rel=1e-12)
            large = prefix + int(made.emitted[place]) - 1
    assert not slm_s[1, -3:].any()
    assert not llm.positions[1, -3:].any()


def test_a_response_says_how_many_drafts_were_accepted_where_that_is_not_clear() -> None:
    """A token id is 4 bit of 16; one draft and a bonus: none or one accepted, 1 bit; four drafts: one of five, 3 bit."""
    made = exchanges(0, bonus=True)
    for bonus in (True, False):
        bits = response_bits(made, COSTS, Terms(bonus=bonus))
        for drafted, count_bits in ((0, 0), (1, int(bonus)), (2, 2), (3, 2), (4, 3)):
            chosen = (made.drafted == drafted) & made.valid
            assert chosen.any()
            assert set(bits[chosen]) == {4.0 + count_bits}


def workload() -> Workload:
    rounds = Rounds.empty(3, ROOM)
    rounds.length[:] = [ROOM, 5, 9]
    rounds.transmitted[:] = np.random.default_rng(1).random((3, ROOM)) < 0.5
    return build_workload(rounds, PROMPTS, COSTS, Terms())


def test_a_session_asks_for_the_sum_of_its_parts() -> None:
    work = workload()
    for session in range(3):
        for first in (0, 2):
            own = slice(first, int(work.length[session]))
            asked = work.asked(session, first)
            device_s = (work.slm_s + work.slm_prefill_s + work.uncertainty_s)[session, own]
            assert asked.device_s == device_s.tolist()
            assert asked.llm_s == (work.llm_s + work.llm_prefill_s)[session, own].tolist()
            for name in ("uploads", "bits", "carries_prompt", "prompt_bits", "calls_llm", "downlink_s"):
                assert getattr(asked, name) == getattr(work, name)[session, own].tolist()
    assert (work.slm_prefill_s[:, 0] > 0).all()
    assert (work.llm_prefill_s > 0).any()


def test_what_is_cut_is_nothing_past_its_end() -> None:
    work = workload()
    length = np.array([4, 5, 0])
    cut = work.cut(length)
    assert cut.length.tolist() == length.tolist()
    kept = np.arange(ROOM) < length[:, None]
    for field in fields(work):
        if field.name != "length":
            whole, part = getattr(work, field.name), getattr(cut, field.name)
            assert (part[kept] == whole[kept]).all()
            assert not part[~kept].any()
