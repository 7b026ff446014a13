"""Decides the positions of a walk one after the other, whatever number of drafts a round has."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from traces.speculative.blocks import Blocks, BlockState
from traces.speculative.rounds import Drafts, Policy, Rounds
from traces.speculative.step import Step
from traces.speculative.upload import Compressed

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
#: ``expand(parents, tokens)`` appends the missing nodes to the forest and returns them; -1 where it has none.
Expand = Callable[[IntArray, IntArray], IntArray]
#: Nodes that a walk needs next: (parents, tokens), each pair once.
Missing = tuple[IntArray, IntArray]
#: Tokens that end a prompt; None ignores them.
Stops = int | Sequence[int] | None


def ends(tokens: IntArray, eos: Stops) -> BoolArray:
    """Whether each token ends its prompt."""
    return np.zeros(tokens.shape, bool) if eos is None else np.isin(tokens, eos)


def refuse(parents: IntArray, _tokens: IntArray) -> IntArray:
    """An ``expand`` that has no further nodes."""
    return np.full(len(parents), -1, np.int64)


@dataclass(frozen=True)
class _Everything:
    """Every draft is judged by the whole distribution: what comes out has the law of ``y``."""

    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> BoolArray:
        return np.ones(drafts.accepted.shape, bool)


class _Watched:
    """A block's policy for one draft, which keeps what its stop rule said."""

    drafts: ClassVar[bool] = True

    def __init__(self, policy: Blocks, level: NDArray[np.float64]) -> None:
        self._policy = policy
        self.level, self.stops = level, np.zeros(level.shape, bool)

    def transmits(self, drafts: Drafts) -> BoolArray:
        self.level, self.stops = self._policy.stop.after(self.level, drafts)
        return self.stops if self._policy.keeps else np.ones(self.stops.shape, bool)


@dataclass(frozen=True)
class _Lost:
    """Paths of the SLM behind a rejected draft: arrays over those that still draft.

    Attributes
    ----------
    groups, first, most : Group, first position of its exchange, and the most drafts of that.
    node, token : Where the last draft was drawn, and the draft.
    recorded : Whether the node lies on the tree.
    level : The stop rule's number.
    """

    groups: IntArray
    first: IntArray
    most: IntArray
    node: IntArray
    token: IntArray
    recorded: BoolArray
    level: NDArray[np.float64]

    def take(self, some: BoolArray) -> _Lost:
        """Some of the paths."""
        return _Lost(**{field.name: getattr(self, field.name)[some] for field in fields(self)})


class Walker:
    """One policy's walk over all its paths, or a walk whose policy changes from round to round.

    Parameters
    ----------
    step : Step
    rounds : Rounds. Filled in; nodes of the next position are there already.
    eos : int or sequence of int, optional. Tokens that end a prompt.
    grows : bool. Whether missing nodes can be had: a decision then stops at what it lacks, and goes on when that is in
        the forest.
    fallback : as for `traces.speculative.walk.walk`.

    Attributes
    ----------
    state : BlockState
    """

    def __init__(
        self, step: Step, rounds: Rounds, *, eos: Stops, grows: bool, fallback: IntArray | None
    ) -> None:
        self._step = step
        self._rounds = rounds
        self._eos = eos
        self._grows = grows
        self._fallback = fallback
        self.state = BlockState(len(rounds.length))

    def decide(self, policy: Policy, groups: IntArray, position: int) -> Generator[Missing, None, None]:
        """Decide one position of some groups; stops wherever nodes are missing that can be had."""
        if not isinstance(policy, Blocks):
            self._step.decide(self._rounds, policy, groups, position)
            self.state.alone(self._rounds, groups, position)
            return
        due = self.state.due[groups]
        if due.any():
            self._step.decide(self._rounds, _Everything(), groups[due], position)
            self.state.bonus(self._rounds, groups[due], position)
        if not due.all():
            yield from self._draft(policy, groups[~due], position)

    def _draft(self, policy: Blocks, groups: IntArray, position: int) -> Generator[Missing, None, None]:
        state = self.state
        state.open(policy, groups, position)
        watched = _Watched(policy, state.level[groups])
        self._step.decide(self._rounds, Compressed(watched, policy.payload), groups, position)
        state.level[groups] = watched.level
        lost = state.drafted(self._rounds, policy, groups, position, watched.stops)
        if len(lost):
            yield from self._lose(policy, lost, position)
            state.close(lost)

    def _lose(self, policy: Blocks, groups: IntArray, position: int) -> Generator[Missing, None, None]:
        """Count the drafts behind a rejected one. They cost time and bits, and never change what comes out."""
        rounds, state = self._rounds, self.state
        first, most = state.first[groups], state.most(policy, groups, rounds.token.shape[1])
        if not policy.stop.looks:
            # Nobody drafts behind the end of a text.
            ended = ends(rounds.draft[groups, position], self._eos)
            rounds.drafted[groups, first] = np.where(ended, state.count[groups], most)
            return
        lost = _Lost(
            groups=groups,
            first=first,
            most=most,
            node=rounds.node[groups, position],
            token=rounds.draft[groups, position],
            recorded=rounds.on_tree[groups, position],
            level=state.level[groups],
        )
        while True:
            going = rounds.drafted[lost.groups, lost.first] < lost.most
            lost = lost.take(going & ~ends(lost.token, self._eos))
            if not len(lost.groups):
                return
            position += 1
            lost = yield from self._behind(lost, position)
            rounds.unrecorded[lost.groups, lost.first] += ~lost.recorded
            lost = lost.take(lost.node >= 0)
            at = lost.groups, position
            look = self._step.look(policy.payload, at, lost.node)
            seen = self._step.seen(look, np.zeros(len(lost.groups), bool), at)
            level, stops = policy.stop.after(lost.level, seen)
            token = self._step.forest.table.ids[look.draft].astype(np.int64)
            rounds.drafted[lost.groups, lost.first] += 1
            lost = replace(lost, level=level, token=token).take(~stops)

    def _behind(self, lost: _Lost, position: int) -> Generator[Missing, None, _Lost]:
        """Move to the nodes behind the last drafts; where none is recorded, to those of the recorded path."""
        forest = self._step.forest
        child = forest.children(lost.node, lost.token)
        missing = lost.recorded & (child < 0)
        if missing.any() and self._grows:
            pairs = np.unique(np.stack([lost.node[missing], lost.token[missing]], axis=1), axis=0)
            yield pairs[:, 0], pairs[:, 1]
            child = forest.children(lost.node, lost.token)
        recorded = lost.recorded & (child >= 0)
        elsewhere = -1 if self._fallback is None else self._fallback[lost.groups, position]
        return replace(lost, node=np.where(recorded, child, elsewhere), recorded=recorded)
