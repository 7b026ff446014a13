"""The growing tree of one group: what it needs of the models next, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.plan import Group, Plan
from traces.format.forest import Forest
from traces.format.nodes import NodeTable, concatenate, in_canonical_order
from traces.speculative.draws import token_draws
from traces.speculative.walk import Missing, Rounds, stepwise


@dataclass(frozen=True)
class PassRow:
    """One row of a forward pass: a prefix one token longer than that of a node.

    Attributes
    ----------
    tree : GroupTree
    parent, token : int
    slots : [num_positions], int. Those of the prefix, prompt included, without the new token's.
    depth : int. Tokens after the prompt, the new one included.
    node : int. -1, or the recorded node that this row computes the states of again.
    """

    tree: GroupTree
    parent: int
    token: int
    slots: NDArray[np.int64]
    depth: int
    node: int

    @property
    def length(self) -> int:
        """Positions, the new one included."""
        return len(self.slots) + 1

    @property
    def prefix(self) -> list[int]:
        """Tokens after the prompt, the new one included."""
        return [*self.tree.tokens(self.parent), self.token]

    @property
    def true_next(self) -> int | None:
        """Token that follows in the text of a teacher-forced recording."""
        text = self.tree.text
        return text[self.depth] if self.depth < len(text) else None


class GroupTree:
    """The growing tree of one prompt under one token seed.

    Parameters
    ----------
    plan, group : what it is.
    start : NodeTable
        The prompt's node, or a recorded tree to go on from.

    Attributes
    ----------
    prompt_slots : [num_tokens], int. Where the prompt's states are; to be set before `rows` is asked.
    """

    def __init__(self, plan: Plan, group: Group, start: NodeTable, vocabulary_size: int) -> None:
        self.group = group
        self.text = plan.prompts[group[0]].continuation
        self.forest = Forest([start], plan.sampler, vocabulary_size)
        self.prompt_slots = np.empty(0, np.int64)
        self._slot: dict[int, int] = {}
        self._missing: Missing | None = None
        self._answers: dict[tuple[int, int], tuple[int, NodeTable]] = {}
        self._outstanding = 0
        self._steps = self._follow(plan) if not plan.policies else self._walk(plan)
        self._proceed()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing any more."""
        return self._missing is None

    @property
    def table(self) -> NodeTable:
        """The tree, in an order that does not depend on how it grew."""
        return in_canonical_order(self.forest.table)

    @property
    def slots(self) -> NDArray[np.int64]:
        """Slots of its own nodes, to be freed when it is complete: [num_slots], int."""
        return np.array(list(self._slot.values()), np.int64)

    @property
    def depth(self) -> int:
        """Tokens after the prompt that its deepest path has."""
        return 0 if self._missing is None else len(self._path(int(self._missing[0][0])))

    def tokens(self, node: int) -> list[int]:
        """Tokens from the prompt's end to a node."""
        tokens: list[int] = self.forest.table.token[self._path(node)].tolist()
        return tokens

    def rows(self) -> list[PassRow]:
        """Rows that the models have to run now; none while others are under way."""
        if self._missing is None or self._outstanding:
            return []
        wanted = self._without_states() or [
            (parent, token, -1)
            for parent, token in zip(*(side.tolist() for side in self._missing), strict=True)
        ]
        self._outstanding = len(wanted)
        return [self._row(*own) for own in wanted]

    def answer(self, row: PassRow, slot: int, node: NodeTable) -> None:
        """Take what the models said of one row; goes on when it was the last."""
        self._outstanding -= 1
        if row.node >= 0:
            self._slot[row.node] = slot
            return
        self._answers[row.parent, row.token] = slot, node
        if self._outstanding == 0:
            self._append()
            self._proceed()

    def _append(self) -> None:
        assert self._missing is not None
        parents, tokens = self._missing
        answers = [self._answers[key] for key in zip(parents.tolist(), tokens.tolist(), strict=True)]
        joined = concatenate([node for _, node in answers])
        table = replace(joined, parent=parents.astype(np.int32), token=tokens.astype(np.int32))
        nodes = self.forest.append(table).tolist()
        self._slot |= {node: slot for node, (slot, _) in zip(nodes, answers, strict=True)}
        self._answers.clear()

    def _proceed(self) -> None:
        self._missing = next(self._steps, None)

    def _walk(self, plan: Plan) -> Generator[Missing, None, list[Rounds]]:
        draws = token_draws([self.group], plan.num_tokens, plan.measure.samples or 0)
        policies = list(plan.policies.values())
        return stepwise(
            self.forest, np.array([0]), policies, draws, plan.num_tokens, plan.measure, eos=plan.eos
        )

    def _follow(self, plan: Plan) -> Generator[Missing, None, None]:
        """The nodes of the given text, one below the other."""
        for token in self.text[: plan.num_tokens][:-1]:
            yield np.array([self.forest.table.num_nodes - 1]), np.array([token])

    def _row(self, parent: int, token: int, node: int) -> PassRow:
        path = self._path(parent)
        slots = np.array([self._slot[own] for own in path], np.int64)
        return PassRow(self, parent, token, np.concatenate([self.prompt_slots, slots]), len(path) + 1, node)

    def _path(self, node: int) -> list[int]:
        """Nodes from below the root to a node."""
        parent, path = self.forest.table.parent, list[int]()
        while parent[node] >= 0:
            path.append(node)
            node = int(parent[node])
        return path[::-1]

    def _without_states(self) -> list[tuple[int, int, int]]:
        """Recorded nodes on the way to the missing ones whose states have to be computed again, the topmost of each."""
        assert self._missing is not None
        table, found = self.forest.table, dict[int, None]()
        for parent in self._missing[0].tolist():
            lacking = [node for node in self._path(parent) if node not in self._slot]
            found.update(dict.fromkeys(lacking[:1]))
        return [(int(table.parent[node]), int(table.token[node]), node) for node in found]


def pending_depth(trees: Sequence[GroupTree], num_tokens: int) -> float:
    """Share of a group's positions that trees under way have behind them, summed."""
    return sum(tree.depth / num_tokens for tree in trees)
