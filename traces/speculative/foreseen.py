"""What comes next at every node of a recorded forest: worked out once, and then followed by any number of policies.

In a replay a node belongs to one group and one position, and so do its draws: what the SLM drafts there, how unsure it is,
what the LLM makes of it do not depend on the policy. A policy says which drafts are sent, of all nodes at once, as it may:
its answer for one path depends on no other (`netsim.extend.check_policy`). What is left of a walk is to go from node to
node. The rounds are those of `traces.speculative.walk.walk`, to the bit (a test holds the two together); that one also
grows a forest, and knows uploads of other distributions, and rules that carry a number from draft to draft.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from traces.format.forest import Forest
from traces.speculative.blocks import Blocks
from traces.speculative.draws import TokenDraws
from traces.speculative.foreseen_blocks import KEPT, SENT, follow_blocks
from traces.speculative.rounds import Drafts, Measure, Policy, Rounds
from traces.speculative.step import Judged, Step
from traces.speculative.upload import Upload
from traces.speculative.walker import Stops, ends

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@njit(cache=True)
def places(parent: NDArray[np.int32]) -> tuple[IntArray, IntArray]:
    """Which tree each node belongs to, and how deep it lies in it, from 0: [num_nodes], int. Parents come first."""
    tree, depth = np.empty(len(parent), np.int64), np.zeros(len(parent), np.int64)
    trees = 0
    for node in range(len(parent)):
        if parent[node] < 0:
            tree[node] = trees
            trees += 1
        else:
            tree[node], depth[node] = tree[parent[node]], depth[parent[node]] + 1
    return tree, depth


@njit(cache=True)
def follow(
    roots: IntArray, choice: IntArray, child: IntArray, ends_here: BoolArray, fallback: IntArray
) -> tuple[IntArray, BoolArray, IntArray]:
    """Go from node to node.

    Parameters
    ----------
    roots : [num_groups], int
    choice : [num_nodes], int. What is chosen at each node.
    child, ends_here : [num_choices, num_nodes]. As in `Outcomes`.
    fallback : [num_groups, num_tokens], int. Nodes to follow off the tree; -1: the path ends there.

    Returns
    -------
    node : [num_groups, num_tokens], int. -1 past the end.
    on_tree : [num_groups, num_tokens], bool
    length : [num_groups], int
    """
    num_groups, num_tokens = fallback.shape
    node = np.full((num_groups, num_tokens), -1)
    on_tree = np.zeros((num_groups, num_tokens), np.bool_)
    length = np.zeros(num_groups, np.int64)
    for group in range(num_groups):
        here, recorded = roots[group], True
        for position in range(num_tokens):
            if here < 0:
                break
            node[group, position], on_tree[group, position] = here, recorded
            length[group] = position + 1
            chosen = choice[here]
            if ends_here[chosen, here] or position + 1 == num_tokens:
                break
            recorded = recorded and child[chosen, here] >= 0
            here = child[chosen, here] if recorded else fallback[group, position + 1]
    return node, on_tree, length


@dataclass(frozen=True)
class Outcomes:
    """What comes out at each node by what is chosen there: [num_choices, num_nodes + 1], the last for no node.

    Attributes
    ----------
    token, llm_nll : int and float. As in `Rounds`.
    child : int. Node that the token leads to; -1 where none is recorded.
    ends_here : bool. Whether the token ends its prompt.
    """

    token: IntArray
    llm_nll: FloatArray
    child: IntArray
    ends_here: BoolArray


@dataclass(frozen=True)
class DraftColumns:
    """Drafts of each node, as in `Rounds`: [num_nodes + 1], the last for no node."""

    draft: IntArray
    uncertainty: FloatArray
    accepted: BoolArray
    rejection: FloatArray


class Foreseen:
    """All that a policy can meet on recorded trees of which `traces.speculative.foreseen_blocks.foreseeable` holds.

    Parameters
    ----------
    forest : Forest. It grows no more.
    draws : TokenDraws. Of its trees, in their order.
    num_tokens : int. Most tokens of a path.
    measure, eos : as for `traces.speculative.walk.walk`.
    """

    def __init__(
        self, forest: Forest, draws: TokenDraws, num_tokens: int, measure: Measure, *, eos: Stops
    ) -> None:
        self._forest, self._eos, self._num_tokens = forest, eos, num_tokens
        self._step = Step(forest, draws, measure)
        tree, depth = places(forest.table.parent)
        # Nobody gets to the deeper ones, and they have no draws.
        self._nodes = np.flatnonzero(depth < num_tokens)
        self._at = tree[self._nodes], depth[self._nodes]

    def rounds(self, policy: Policy, fallback: IntArray | None) -> Rounds:
        """Rounds of every tree under a policy.

        Parameters
        ----------
        fallback : [num_trees, num_tokens], int, optional
            Of each tree, nodes of its own at these depths; otherwise as for `traces.speculative.walk.walk`.
        """
        if fallback is None:
            fallback = np.full((len(self._forest.roots), self._num_tokens), -1)
        if isinstance(policy, Blocks):
            return self._blocks(policy, fallback)
        if not policy.drafts:
            only = np.zeros(self._forest.table.num_nodes + 1, np.int64)
            rounds = self._followed(self._streamed, only, fallback)
            return replace(rounds, drafted=np.where(rounds.valid, 0, 1), bonus=rounds.valid)
        choice = self._by_node(np.where(policy.transmits(self._seen), SENT, KEPT), KEPT)
        rounds = self._followed(self._judged, choice, fallback)
        return replace(rounds, transmitted=choice[rounds.node] == SENT, **self._drafts_at(rounds.node))

    def _followed(self, outcomes: Outcomes, choice: IntArray, fallback: IntArray) -> Rounds:
        child, ends_here = outcomes.child, outcomes.ends_here
        node, on_tree, length = follow(self._forest.roots, choice, child, ends_here, fallback)
        at = choice[node], node
        return replace(
            Rounds.empty(*node.shape),
            length=length,
            node=node,
            on_tree=on_tree,
            token=outcomes.token[at],
            llm_nll=outcomes.llm_nll[at],
        )

    def _blocks(self, policy: Blocks, fallback: IntArray) -> Rounds:
        seen, outcomes = self._seen, self._judged
        start = np.full(len(self._nodes), policy.stop.start)
        stops = self._by_node(policy.stop.after(start, seen)[1], False)
        node, on_tree, length, exchange, drafted, bonus, unrecorded = follow_blocks(
            self._forest.roots,
            self._drafts.accepted,
            stops,
            outcomes.child,
            outcomes.ends_here,
            fallback,
            (policy.gamma, policy.bonus, policy.keeps, policy.stop.looks),
        )
        asked = (node >= 0) & (stops[node] | (not policy.keeps))
        choice = np.where(asked | bonus, SENT, KEPT)
        # Nothing was drafted where the bonus comes out.
        of_draft = self._drafts_at(np.where(bonus, -1, node))
        return replace(
            Rounds.empty(*node.shape),
            length=length,
            node=node,
            on_tree=on_tree,
            exchange=exchange,
            drafted=drafted,
            bonus=bonus,
            unrecorded=unrecorded,
            token=outcomes.token[choice, node],
            llm_nll=outcomes.llm_nll[choice, node],
            transmitted=asked & ~bonus,
            **of_draft,
        )

    def _drafts_at(self, node: IntArray) -> dict[str, NDArray[Any]]:
        """Columns of `Rounds` about the drafts of nodes; -1: there is none."""
        return {name: column[node] for name, column in vars(self._drafts).items()}

    @cached_property
    def _drafted(self) -> Judged:
        """Drafts at all nodes that can be reached."""
        return self._step.judge(Upload(), self._at, self._nodes)

    @cached_property
    def _seen(self) -> Drafts:
        """What a policy may look at of them."""
        return self._step.seen(self._drafted.look, self._drafted.accepted, self._at)

    @cached_property
    def _drafts(self) -> DraftColumns:
        own, ids = self._drafted, self._forest.table.ids
        return DraftColumns(
            draft=self._by_node(ids[own.look.draft], -1),
            uncertainty=self._by_node(own.look.uncertainty, np.nan),
            accepted=self._by_node(own.accepted, False),
            rejection=self._by_node(own.rejection, np.nan),
        )

    @cached_property
    def _judged(self) -> Outcomes:
        """Of drafts that are kept, and of those that are sent."""
        own, nodes = self._drafted, self._nodes
        replaced = self._step.replaced(own, np.flatnonzero(~own.accepted), self._at, nodes)
        return self._outcomes([own.look.draft, replaced])

    @cached_property
    def _streamed(self) -> Outcomes:
        """Of tokens that the LLM generates by itself."""
        return self._outcomes([self._step.streamed(self._at, self._nodes)])

    def _outcomes(self, entries: list[IntArray]) -> Outcomes:
        """By the entry of the forest that comes out at each node, for each choice."""
        forest, nodes = self._forest, self._nodes
        tokens = [forest.table.ids[output].astype(np.int64) for output in entries]
        return Outcomes(
            token=np.array([self._by_node(token, -1) for token in tokens]),
            llm_nll=np.array(
                [self._by_node(self._step.llm_nll(nodes, output), np.nan) for output in entries]
            ),
            child=np.array([self._by_node(forest.children(nodes, token), -1) for token in tokens]),
            ends_here=np.array([self._by_node(ends(token, self._eos), False) for token in tokens]),
        )

    def _by_node(self, values: NDArray[Any], otherwise: float) -> NDArray[Any]:
        """A column over all nodes, from values at those that can be reached."""
        kind = np.int64 if values.dtype.kind == "i" else values.dtype
        column = np.full(self._forest.table.num_nodes + 1, otherwise, kind)
        column[self._nodes] = values
        return column
