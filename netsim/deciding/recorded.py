"""Decide the rounds of a scenario from its trace: what is sent and what comes out, no radio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache, cachedmethod
from numpy.typing import NDArray

from netsim.deciding.policies import Hlm
from traces.format.trace import Trace
from traces.speculative.draws import TokenDraws, token_draws, visit_key
from traces.speculative.rounds import Measure, Policy, Rounds

if TYPE_CHECKING:
    from traces.format.forest import Forest
    from traces.speculative.foreseen import Foreseen
    from traces.speculative.path import Path
    from traces.speculative.walk import Stops


class OffTree(ValueError):  # noqa: N818  (says what happened)
    """A path left the recorded tree, and the scenario says ``off_tree: refuse``."""


#: Token seeds whose paths off the tree are kept: a number a round.
MOST_FALLBACKS = 256


@dataclass
class Decider:
    """Rounds of all complete prompts of a trace.

    Parameters
    ----------
    trace : Trace
    measure : Measure
    num_tokens : int. At most what the trace recorded.
    eos : int or sequence of int, optional. Tokens that end a prompt.
    fresh : bool
        Draw new tokens for every seed; the tree is then that of the recorded seed that the seed cycles to.
    follow : bool
        Where the tree ends, follow the hlm path of the recorded token seed; otherwise refuse.
    """

    trace: Trace
    measure: Measure
    num_tokens: int
    eos: Stops = None
    fresh: bool = False
    follow: bool = True
    # The last are kept, since policies come one after the other: forests are large.
    _forests: LRUCache[int, Forest] = field(default_factory=partial(LRUCache, 1), repr=False)
    _draws: LRUCache[tuple[int, int], TokenDraws] = field(default_factory=partial(LRUCache, 1), repr=False)
    _foreseen: LRUCache[tuple[int, tuple[int, int]], Foreseen] = field(
        default_factory=partial(LRUCache, 1), repr=False
    )
    _fallbacks: LRUCache[int, NDArray[np.int64]] = field(
        default_factory=partial(LRUCache, MOST_FALLBACKS), repr=False
    )

    def token_seed(self, seed: int) -> int:
        """Token seed of a row: the recorded ones in turn, or the seed itself if draws are fresh."""
        return seed if self.fresh else self.tree_seed(seed)

    def draws_key(self, seed: int, visit: int) -> tuple[int, int]:
        """What the draws of a row's visit to the prompts depend on: its token seed, and the visit where they are fresh.

        Recorded draws are those of the row's own token seed at every visit, so that rows of different token seeds
        have nothing in common.
        """
        return self.token_seed(seed), visit if self.fresh else 0

    def tree_seed(self, seed: int) -> int:
        """Recorded token seed whose trees a row walks."""
        recorded = self.trace.manifest.token_seeds
        if self.fresh and seed in recorded:
            return seed
        return recorded[seed % len(recorded)]

    @property
    def prompt_tokens(self) -> NDArray[np.int64]:
        """Length of each complete prompt: [num_prompts], int."""
        return np.array([len(self.trace.prompt(number).tokens) for number in self.trace.prompts])

    def rounds(self, policy: Policy, seed: int, visit: int = 0) -> Rounds:
        """Rounds of every complete prompt under one seed; ``visit`` counts how often they were met before.

        Raises
        ------
        OffTree
            If a path leaves the tree and that is refused.
        TraceError
            If a shard is missing or damaged.
        """
        tree_seed = self.tree_seed(seed)
        fallback = self._fallback(tree_seed)
        rounds = self._decide(tree_seed, policy, self.draws_key(seed, visit), fallback)
        self.check_on_tree(rounds, range(len(self.trace.prompts)), policy, seed)
        return rounds

    def path(self, place: int, seed: int, visit: int = 0) -> Path:
        """Walk of one prompt, to be decided round by round; ``place`` counts among the complete prompts."""
        from traces.speculative.path import Path  # noqa: PLC0415  (compiled: of no use before a round)

        tree_seed = self.tree_seed(seed)
        return Path(
            self.forest(tree_seed),
            place,
            self._draws_of(*self.draws_key(seed, visit)),
            self.num_tokens,
            self.measure,
            eos=self.eos,
            fallback=self._fallback(tree_seed),
        )

    def check_on_tree(self, rounds: Rounds, places: Sequence[int], policy: Policy, seed: int) -> None:
        """Refuse rounds off the tree where the scenario does; ``places`` are their groups' prompts.

        Raises
        ------
        OffTree
            With the first such round.
        """
        if not self.follow and not rounds.on_tree[rounds.valid].all():
            place = np.argwhere(rounds.valid & ~rounds.on_tree)[0]
            prompt = self.trace.prompts[places[place[0]]]
            raise OffTree(
                f"{self.trace.folder}: {policy} leaves the recorded tree at prompt {prompt}, position {place[1]}, "
                f"token seed {self.token_seed(seed)}: record this policy, or set off_tree: follow"
            )

    def _decide(
        self, tree_seed: int, policy: Policy, draws: tuple[int, int], fallback: NDArray[np.int64] | None
    ) -> Rounds:
        from traces.speculative.foreseen_blocks import foreseeable  # noqa: PLC0415  (compiled: of no use before a round)

        if foreseeable(policy):
            return self._foresee(tree_seed, draws).rounds(policy, fallback)
        from traces.speculative.walk import walk  # noqa: PLC0415  (as above)

        forest = self.forest(tree_seed)
        rounds = walk(
            forest,
            forest.roots,
            [policy],
            self._draws_of(*draws),
            self.num_tokens,
            self.measure,
            eos=self.eos,
            fallback=fallback,
        )
        return rounds[0]

    @cachedmethod(lambda self: self._foreseen)
    def _foresee(self, tree_seed: int, draws: tuple[int, int]) -> Foreseen:
        """What foreseeable policies have in common."""
        from traces.speculative.foreseen import Foreseen  # noqa: PLC0415  (as above)

        forest, drawn = self.forest(tree_seed), self._draws_of(*draws)
        return Foreseen(forest, drawn, self.num_tokens, self.measure, eos=self.eos)

    @cachedmethod(lambda self: self._draws)
    def _draws_of(self, token_seed: int, visit: int) -> TokenDraws:
        """Draws of one visit to every prompt."""
        groups = [(visit_key(number, visit, self.trace.prompts), token_seed) for number in self.trace.prompts]
        return token_draws(groups, self.num_tokens, self.measure.samples or 0)

    @cachedmethod(lambda self: self._forests)
    def forest(self, tree_seed: int) -> Forest:
        """Trees of all complete prompts under one recorded token seed."""
        return self.trace.forest([(number, tree_seed) for number in self.trace.prompts])

    @cachedmethod(lambda self: self._fallbacks)
    def _fallback(self, tree_seed: int) -> NDArray[np.int64]:
        """Nodes to follow off the tree: hlm's, or in a teacher-forced trace the text's."""
        if not self.trace.manifest.teacher_forced:
            rounds = self._decide(tree_seed, Hlm(), (tree_seed, 0), None)
            return np.where(rounds.valid, rounds.node, -1)
        forest = self.forest(tree_seed)
        # A text is a chain: its nodes lie one behind the other from their root.
        depth = np.arange(self.num_tokens)
        length = np.diff(forest.roots, append=forest.table.num_nodes)
        return np.where(depth < length[:, None], forest.roots[:, None] + depth, -1)
