"""Rounds of several drafts on trees where what comes next at every node is known (`traces.speculative.foreseen`).

What `traces.speculative.blocks` and `traces.speculative.walker` say of groups in lockstep, one group after the other.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from traces.speculative.blocks import Blocks
from traces.speculative.payloads import ProbabilityOnly
from traces.speculative.rounds import Policy
from traces.speculative.stops import Fixed, Probability, Uncertain
from traces.speculative.upload import Compressed, Upload

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
#: What a policy chooses between at a node; where the LLM streams its tokens, there is only one.
KEPT, SENT = 0, 1
#: Payloads by which a draft comes from ``x``, and is judged and replaced by all of ``x`` and ``y``.
WHOLE = (Upload(), ProbabilityOnly())
#: Rules that carry no number from draft to draft: where they stop depends on the node alone.
AT_A_NODE = (Fixed, Uncertain, Probability)


def foreseeable(policy: Policy) -> bool:
    """Whether what a policy does at a node depends on nothing but the node, and whole distributions decide."""
    if isinstance(policy, Compressed):
        return policy.upload in WHOLE and not isinstance(policy.policy, (Blocks, Compressed))
    return not isinstance(policy, Blocks) or (policy.payload in WHOLE and isinstance(policy.stop, AT_A_NODE))


@njit(cache=True)
def lost_drafts(
    here: int,
    position: int,
    recorded: bool,
    drafts: int,
    most: int,
    looks: bool,
    stops: BoolArray,
    child: IntArray,
    ends_here: BoolArray,
    fallback: IntArray,
) -> tuple[int, int]:
    """Go on drafting behind a rejected draft until the rule stops; one that does not look never does.

    Parameters
    ----------
    here, position, recorded : Node of the rejected draft, its position, and whether it lies on the tree.
    drafts, most : Drafts of the exchange up to it, and at most.
    looks, stops, child, ends_here : as for `follow_blocks`.
    fallback : [num_tokens], int. Of this group.

    Returns
    -------
    drafts, unrecorded : int. Drafts of the exchange, and those behind the rejected one that are not recorded.
    """
    if not looks:
        return (drafts if ends_here[KEPT, here] else most), 0
    unrecorded = 0
    # Nobody drafts behind the end of a text.
    while drafts < most and not ends_here[KEPT, here]:
        position += 1
        recorded = recorded and child[KEPT, here] >= 0
        here = child[KEPT, here] if recorded else fallback[position]
        if not recorded:
            unrecorded += 1
        if here < 0:
            break
        drafts += 1
        if stops[here]:
            break
    return drafts, unrecorded


@njit(cache=True)
def judged(
    accepted: bool, stops: bool, full: bool, with_bonus: bool, keeps: bool
) -> tuple[int, bool, bool, bool]:
    """What becomes of a draft, from what the LLM and the rule say of it and whether it is the exchange's last.

    Returns
    -------
    chosen : int. ``KEPT`` or ``SENT``.
    due, closes, lost : bool
        Whether the next token is the bonus, whether the exchange is over, and whether drafts behind this one are lost.
    """
    if keeps and not stops:
        return KEPT, False, True, False
    if accepted:
        return SENT, full and with_bonus, full and not with_bonus, False
    return SENT, False, True, not full


@njit(cache=True)
def follow_blocks(
    roots: IntArray,
    accepted: BoolArray,
    stops: BoolArray,
    child: IntArray,
    ends_here: BoolArray,
    fallback: IntArray,
    rule: tuple[int, bool, bool, bool],
) -> tuple[IntArray, BoolArray, IntArray, IntArray, IntArray, BoolArray, IntArray]:
    """Go from node to node, and note which exchange each token comes out of.

    Parameters
    ----------
    roots : [num_groups], int
    accepted, stops : [num_nodes], bool. Whether the draft is accepted, and whether the rule stops at it.
    child, ends_here : [2, num_nodes]. Node that the token leads to, -1 where none is recorded, and whether the token ends
        its prompt; of a draft that is kept, and of one that is sent.
    fallback : [num_groups, num_tokens], int. Nodes to follow off the tree; -1: the path ends there.
    rule : (int, bool, bool, bool)
        Of the policy: ``gamma``, ``bonus``, ``keeps``, and whether its stop rule ``looks``.

    Returns
    -------
    node, on_tree, length, exchange, drafted, bonus, unrecorded : as in `traces.speculative.rounds.Rounds`
    """
    gamma, with_bonus, keeps, looks = rule
    shape = fallback.shape
    num_groups, num_tokens = shape
    node, on_tree, length = np.full(shape, -1), np.zeros(shape, np.bool_), np.zeros(num_groups, np.int64)
    exchange, drafted = np.empty(shape, np.int64), np.ones(shape, np.int64)
    bonus, unrecorded = np.zeros(shape, np.bool_), np.zeros(shape, np.int64)
    for group in range(num_groups):
        exchange[group] = np.arange(num_tokens)
        here, recorded = roots[group], True
        number, first, count, most, due = 0, 0, 0, 0, False
        for position in range(num_tokens):
            if here < 0:
                break
            node[group, position], on_tree[group, position] = here, recorded
            exchange[group, position], drafted[group, position] = number, 0
            length[group] = position + 1
            if due:
                bonus[group, position] = True
                chosen, due, closes, lost = SENT, False, True, False
            else:
                first = position if count == 0 else first
                count += 1
                drafted[group, first] = count
                most = min(gamma, num_tokens - first)
                full = stops[here] or count >= most
                chosen, due, closes, lost = judged(accepted[here], stops[here], full, with_bonus, keeps)
            if lost:
                drafted[group, first], unrecorded[group, first] = lost_drafts(
                    here, position, recorded, count, most, looks, stops, child, ends_here, fallback[group]
                )
            if closes:
                number, count = number + 1, 0
            if ends_here[chosen, here] or position + 1 == num_tokens:
                break
            recorded = recorded and child[chosen, here] >= 0
            here = child[chosen, here] if recorded else fallback[group, position + 1]
    return node, on_tree, length, exchange, drafted, bonus, unrecorded
