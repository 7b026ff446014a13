"""Grow many trees at once with full batches of forward passes.

Rows of any prompt, token seed and branch share a pass. What a row gives must depend on nothing else in it: a row's
padded length follows from its own length alone, and `models.check` has verified that neither companions nor place nor
the number of rows (a few are allowed) change a row's bits. Where they do, trees grow one after the other.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.paged import NOWHERE
from models.pair import Pair, PairError
from models.passes import Passes
from models.plan import Group, Plan
from models.tree import GroupTree, PassRow, pending_depth
from traces.format.nodes import NodeTable, compress
from traces.uncertainty import THETA_POINTS, theta_rule

#: A row's prefix is padded to the next multiple of this that leaves at least one position of padding: a mask
#: without any would send it through another kernel.
PADDED_TO = 64


def default_workers(device: str) -> int:
    """Passes side by side: one for each core of the processor, but one alone on any other device."""
    return min(os.cpu_count() or 1, 8) if device == "cpu" else 1


@dataclass(frozen=True)
class Prefilled:
    """A prompt whose states are in the cache, and its node."""

    slots: NDArray[np.int64]
    node: NodeTable


@dataclass(frozen=True)
class Advance:
    """How far a recording is: nodes evaluated by this run, and groups in equivalents, partial ones included."""

    nodes: int
    groups: float


class Batches:
    """Grows the trees of groups.

    Parameters
    ----------
    pair, plan : what is recorded.
    passes : Passes
    groups : sequence of Group
        In the order in which they are begun.
    recorded : callable
        Tree of a group to go on from; None where it begins anew.
    workers : int
        Passes side by side, each on its own thread; the bytes don't depend on it.
    """

    def __init__(
        self,
        pair: Pair,
        plan: Plan,
        passes: Passes,
        groups: Sequence[Group],
        recorded: Callable[[Group], NodeTable | None],
        workers: int = 1,
    ) -> None:
        self.pair, self.plan, self.passes = pair, plan, passes
        self.theta, _ = theta_rule(plan.measure.theta_max, THETA_POINTS)
        self._waiting, self._recorded = deque(groups), recorded
        self._left = Counter(prompt for prompt, _ in groups)
        self._prompts: dict[int, Prefilled] = {}
        self._trees: list[GroupTree] = []
        self._pending: dict[int, list[PassRow]] = {}
        self._workers = workers if passes.side_by_side else 1
        self._nodes, self._done = 0, 0

    def __iter__(self) -> Iterator[tuple[Group, NodeTable] | Advance]:
        """Yield complete trees, and after every pass how far it is."""
        with ThreadPoolExecutor(self._workers) as threads:
            while self._waiting or self._trees:
                self._begin_more()
                chunks = self._take()
                for chunk, nodes in zip(chunks, threads.map(self._evaluate, chunks), strict=True):
                    for (row, slot), node in zip(chunk, nodes, strict=True):
                        row.tree.answer(row, slot, node)
                    self._nodes += len(chunk)
                yield from self._complete()
                yield Advance(self._nodes, self._done + pending_depth(self._trees, self.plan.num_tokens))

    def _begin_more(self) -> None:
        """Begin groups until the next passes are full."""
        enough = self.plan.batch * self._workers
        for tree in self._trees:
            self._queue(tree)
        while self._waiting and (not self._trees or (self.passes.side_by_side and self._ready() < enough)):
            tree = self._begun(self._waiting.popleft())
            self._trees.append(tree)
            self._queue(tree)

    def _begun(self, group: Group) -> GroupTree:
        recorded = self._recorded(group)
        start = self._prefilled(group[0]).node if recorded is None else recorded
        tree = GroupTree(self.plan, group, start, self.pair.vocabulary_size)
        # A recorded tree that already holds the plan's paths needs no pass, not even over its prompt.
        if not tree.is_complete:
            tree.prompt_slots = self._prefilled(group[0]).slots
        return tree

    def _ready(self) -> int:
        """Rows of the passes that could run now."""
        batch = self.plan.batch
        return sum(len(rows) // batch * batch for rows in self._pending.values())

    def _queue(self, tree: GroupTree) -> None:
        for row in tree.rows():
            self._pending.setdefault(row.length // PADDED_TO, []).append(row)

    def _take(self) -> list[list[tuple[PassRow, int]]]:
        """Rows of the next passes, from the fullest lengths, each with the slot of its new token."""
        chunks = []
        for _ in range(self._workers):
            length = max(self._pending, key=lambda own: len(self._pending[own]), default=None)
            if length is None:
                break
            rows = self._pending[length]
            taken, self._pending[length] = rows[: self.plan.batch], rows[self.plan.batch :]
            if not self._pending[length]:
                del self._pending[length]
            slots = self.passes.slots.take(np.array([row.token for row in taken]))
            chunks.append(list(zip(taken, slots.tolist(), strict=True)))
        self.passes.reserve()
        return chunks

    def _evaluate(self, chunk: list[tuple[PassRow, int]]) -> list[NodeTable]:
        """Nodes of one pass, each a table of its own without a parent."""
        batch = self.passes.size(len(chunk))
        positions = (chunk[0][0].length // PADDED_TO + 1) * PADDED_TO
        slots = np.full((batch, positions), NOWHERE, np.int64)
        tokens, lengths = np.zeros(batch, np.int64), np.ones(batch, np.int64)
        for place, (row, slot) in enumerate(chunk):
            slots[place, positions - row.length : -1] = row.slots
            slots[place, -1] = slot
            tokens[place], lengths[place] = row.token, row.length
        logits = self.passes.step(tokens, slots, lengths, len(chunk))
        return [
            self._node(slm, llm, row.tree.group[0], row.true_next, row.prefix)
            for slm, llm, (row, _) in zip(*logits, chunk, strict=True)
        ]

    def _node(
        self,
        slm: NDArray[np.float32],
        llm: NDArray[np.float32],
        prompt: int,
        true_next: int | None,
        after: Sequence[int] = (),
    ) -> NodeTable:
        for name, logits in (("small", slm), ("large", llm)):
            if not np.isfinite(logits).all():
                raise PairError(
                    f"prompt '{self.plan.prompts[prompt].id}': the {name} model's logits are not finite in "
                    f"{str(self.pair.llm.dtype).removeprefix('torch.')}: use --dtype float32 or bfloat16"
                )
        nowhere = np.array([-1], np.int32)
        following = None if true_next is None else np.array([true_next])
        score = self._score(prompt, after, slm)
        return compress(
            slm[None], llm[None], nowhere, nowhere, self.plan.sampler, self.theta, following, score
        )

    def _score(
        self, prompt: int, after: Sequence[int], slm: NDArray[np.float32]
    ) -> NDArray[np.float32] | None:
        """What the user's own function makes of a prefix: [1]."""
        if self.plan.score is None:
            return None
        spec, function = self.plan.score
        own = self.plan.prompts[prompt]
        try:
            value = float(function([*own.tokens, *after], slm.copy()))
        except Exception as error:  # noqa: BLE001  (whatever the function does)
            raise PairError(
                f"{spec.function}: fails at prompt '{own.id}': {type(error).__name__}: {error}"
            ) from None
        with np.errstate(over="ignore"):
            score = np.array([value], np.float32)
        if not np.isfinite(score).all():
            raise PairError(f"{spec.function}: gives {value} at prompt '{own.id}', allowed: a finite number")
        return score

    def _prefilled(self, number: int) -> Prefilled:
        if number not in self._prompts:
            prompt = self.plan.prompts[number]
            slots, slm, llm = self.passes.prefill(np.array(prompt.tokens, np.int64))
            following = prompt.continuation[0] if prompt.continuation else None
            self._prompts[number] = Prefilled(slots, self._node(slm, llm, number, following))
        return self._prompts[number]

    def _complete(self) -> Iterator[tuple[Group, NodeTable]]:
        for tree in [own for own in self._trees if own.is_complete]:
            self._trees.remove(tree)
            self.passes.slots.free(tree.slots)
            self._done += 1
            number = tree.group[0]
            self._left[number] -= 1
            if not self._left[number] and number in self._prompts:
                self.passes.slots.free(self._prompts.pop(number).slots)
            yield tree.group, tree.table
