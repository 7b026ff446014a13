"""Grow many trees at once with full batches of forward passes.

Rows of any prompt, token seed and branch share a pass. What a row gives must depend on nothing else in it: a row's
padded length follows from its own length alone, and `models.check` has verified that neither companions nor place nor
the number of rows (a few are allowed) change a row's bits. Where they do, trees grow one after the other.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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
class Prefill:
    """A pass over a prompt, and the slots that its states go to."""

    number: int
    slots: NDArray[np.int64]


#: Rows of a pass, each with the slot of its new token; or a prompt.
Job = list[tuple[PassRow, int]] | Prefill


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
        self._waiting, self._recorded = dict.fromkeys(groups), recorded
        self._left = Counter(prompt for prompt, _ in groups)
        #: None while a worker is at it.
        self._prompts: dict[int, Prefilled | None] = {}
        self._trees: list[GroupTree] = []
        self._pending: dict[int, list[PassRow]] = {}
        self._workers = workers if passes.side_by_side else 1
        self._under_way: dict[Future[list[NodeTable]], Job] = {}
        self._nodes, self._done = 0, 0

    def __iter__(self) -> Iterator[tuple[Group, NodeTable] | Advance]:
        """Yield complete trees, and whenever a worker is done how far it is."""
        with ThreadPoolExecutor(self._workers) as threads:
            while self._waiting or self._trees:
                self._employ(threads)
                done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take_in(self._under_way.pop(future), future.result())
                yield from self._complete()
                yield Advance(self._nodes, self._done + pending_depth(self._trees, self.plan.num_tokens))

    def _employ(self, threads: ThreadPoolExecutor) -> None:
        """Give every free worker something to do, as far as there is."""
        while len(self._under_way) < self._workers and (job := self._next_job()):
            if not self.passes.has_room:
                wait(self._under_way)
                self.passes.reserve()
            self._under_way[threads.submit(self._run, job)] = job

    def _run(self, job: Job) -> list[NodeTable]:
        """What a worker does: nodes, each a table of its own without a parent."""
        return self._prefill(job) if isinstance(job, Prefill) else self._evaluate(job)

    def _next_job(self) -> Job | None:
        """A full pass, else a prompt that more rows come from, else what rows there are."""
        lacking = self._begin_more()
        if lacking is None:
            return self._take()
        tokens = np.array(self.plan.prompts[lacking].tokens, np.int64)
        self._prompts[lacking] = None
        return Prefill(lacking, self.passes.slots.take(tokens))

    def _begin_more(self) -> int | None:
        """Begin groups until a pass is full; a prompt without states, if that takes one, and no worker has it yet."""
        for group in list(self._waiting):
            if self._is_full() or (self._trees and not self.passes.side_by_side):
                break
            number = group[0]
            if number in self._prompts and self._prompts[number] is None:
                continue
            tree = self._begun(group)
            if tree is None:
                return number
            del self._waiting[group]
            self._trees.append(tree)
            self._queue(tree)
        return None

    def _begun(self, group: Group) -> GroupTree | None:
        """The tree of a group; None where it needs the states of its prompt first."""
        start, prompt = self._recorded(group), self._prompts.get(group[0])
        if start is None and prompt is not None:
            start = prompt.node
        if start is None:
            return None
        tree = GroupTree(self.plan, group, start, self.pair.vocabulary_size)
        if prompt is not None:
            tree.prompt_slots = prompt.slots
        # A recorded tree that already holds the plan's paths needs no pass, not even over its prompt.
        return tree if prompt is not None or tree.is_complete else None

    def _is_full(self) -> bool:
        return any(len(rows) >= self.plan.batch for rows in self._pending.values())

    def _queue(self, tree: GroupTree) -> None:
        for row in tree.rows():
            self._pending.setdefault(row.length // PADDED_TO, []).append(row)

    def _take(self) -> list[tuple[PassRow, int]] | None:
        """Rows of the next pass, from the fullest length, each with the slot of its new token."""
        length = max(self._pending, key=lambda own: len(self._pending[own]), default=None)
        if length is None:
            return None
        rows = self._pending.pop(length)
        taken, left = rows[: self.plan.batch], rows[self.plan.batch :]
        if left:
            self._pending[length] = left
        slots = self.passes.slots.take(np.array([row.token for row in taken]))
        return list(zip(taken, slots.tolist(), strict=True))

    def _take_in(self, job: Job, nodes: list[NodeTable]) -> None:
        """Let trees grow by what a worker found."""
        if isinstance(job, Prefill):
            self._prompts[job.number] = Prefilled(job.slots, nodes[0])
            return
        for (row, slot), node in zip(job, nodes, strict=True):
            row.tree.answer(row, slot, node)
        self._nodes += len(job)
        for tree in {id(row.tree): row.tree for row, _ in job}.values():
            self._queue(tree)

    def _evaluate(self, chunk: list[tuple[PassRow, int]]) -> list[NodeTable]:
        """Nodes of one pass."""
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

    def _prefill(self, prompt: Prefill) -> list[NodeTable]:
        """The node of a prompt."""
        own = self.plan.prompts[prompt.number]
        slm, llm = self.passes.prefill(np.array(own.tokens, np.int64), prompt.slots)
        return [self._node(slm, llm, prompt.number, own.continuation[0] if own.continuation else None)]

    def _complete(self) -> Iterator[tuple[Group, NodeTable]]:
        for tree in [own for own in self._trees if own.is_complete]:
            self._trees.remove(tree)
            self.passes.slots.free(tree.slots)
            self._done += 1
            number = tree.group[0]
            self._left[number] -= 1
            prompt = self._prompts.get(number)
            if not self._left[number] and prompt is not None:
                self.passes.slots.free(prompt.slots)
                del self._prompts[number]
            yield tree.group, tree.table
