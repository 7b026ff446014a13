"""A walk of one path, round by round, for a policy that looks at something besides the draft."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from traces.format.forest import Forest
from traces.speculative.draws import TokenDraws
from traces.speculative.rounds import Measure, Policy, Rounds
from traces.speculative.step import Step
from traces.speculative.walk import advance, running
from traces.speculative.walker import Stops, Walker


class Path:
    """One group of a walk; ``traces.speculative.walk.walk`` with one policy gives the same rounds.

    Parameters
    ----------
    forest : Forest
    group : int. Which of the forest's trees.
    draws : TokenDraws. Of all groups of the forest.
    num_tokens, measure, eos, fallback : as for ``traces.speculative.walk.walk``.

    Attributes
    ----------
    rounds : Rounds. Of this group alone: [1, num_tokens].
    going : bool. Whether there is a next token.
    """

    def __init__(
        self,
        forest: Forest,
        group: int,
        draws: TokenDraws,
        num_tokens: int,
        measure: Measure,
        *,
        eos: Stops,
        fallback: NDArray[np.int64],
    ) -> None:
        own = {field.name: getattr(draws, field.name)[group : group + 1] for field in fields(draws)}
        self._forest = forest
        self._fallback = fallback[group : group + 1]
        self._eos = eos
        self._position = 0
        self.rounds = Rounds.empty(1, num_tokens)
        step = Step(forest, TokenDraws(**own), measure)
        self._walker = Walker(step, self.rounds, eos=eos, grows=False, fallback=self._fallback)
        self.rounds.node[:, 0], self.rounds.on_tree[:, 0] = forest.roots[group], True
        self.going = num_tokens > 0

    @property
    def between(self) -> bool:
        """Whether the last token was the last of its exchange."""
        state = self._walker.state
        return not (state.count[0] or state.due[0])

    def step(self, policy: Policy) -> None:
        """Decide the next token under a policy, which may be another one each time an exchange begins."""
        group, position = np.array([0]), self._position
        # Nothing can be added to a recorded forest, so that a decision never stops midway.
        for _missing in self._walker.decide(policy, group, position):
            raise AssertionError
        self._position += 1
        self.going = self._position < self.rounds.token.shape[1]
        if self.going:
            left = running(self.rounds, group, position, self._eos)
            self.going = advance(self._forest, self.rounds, left, position, self._fallback).size > 0
