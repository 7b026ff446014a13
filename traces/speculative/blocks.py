"""Several drafts in a round: speculative decoding (arXiv 2211.17192) as a policy of a walk.

With exact verification the joint law of text and rounds is that of one draft a round, grouped: a round ends at the
first rejected draft, or after ``gamma`` accepted ones and one more token, the bonus, which has the law of ``y``. So a
walk decides position by position as it does for one draft, and this module says which round a token belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from traces.speculative.rounds import Drafts, Rounds
from traces.speculative.stops import Fixed, Stop
from traces.speculative.upload import Payload, Upload

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Blocks:
    """Drafts several tokens, sends them together, and has them judged together.

    Attributes
    ----------
    gamma : int. Most drafts of a round.
    bonus : bool. Whether a token of the LLM's own follows where all drafts were accepted.
    payload : Payload. What is sent of every draft.
    stop : Stop. When to draft no further, short of ``gamma``.
    keeps : bool
        What becomes of drafts at which the rule does not stop. They are judged with the others, so that the output is
        the LLM's; or they are kept without asking, one by one, and only the draft at which the rule stops is sent:
        with `Uncertain`, that is U-HLM (arXiv 2412.12687).
    overlap : bool
        Whether the next round is drafted while this one is judged, as if all of its drafts were accepted (SpecEdge,
        and PicoSpec of arXiv 2603.19133). It changes when things happen and never what comes out.
    """

    gamma: int
    bonus: bool = True
    payload: Payload = field(default_factory=Upload)
    stop: Stop = field(default_factory=Fixed)
    keeps: bool = False
    overlap: bool = False
    drafts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.gamma < 1:
            raise ValueError(f"gamma is at least 1, given {self.gamma}")
        if self.keeps and not self.stop.looks:
            raise ValueError("what is kept is said by a rule that looks at the drafts")
        if self.overlap and (self.bonus or self.keeps or self.stop.looks):
            raise ValueError(
                "who drafts ahead knows where the next round begins: no bonus, no rule, nothing kept"
            )

    def transmits(self, drafts: Drafts) -> BoolArray:
        """Which paths send their draft: [num_paths], bool."""
        start = np.full(drafts.accepted.shape, self.stop.start)
        return self.stop.after(start, drafts)[1] if self.keeps else np.ones(drafts.accepted.shape, bool)


class BlockState:
    """Which round every path is in: arrays over groups.

    Attributes
    ----------
    exchange : int. Number of the exchange.
    first : int. Position of its first token.
    count : int. Drafts of it so far; 0 before the first.
    level : float. The stop rule's number.
    due : bool. Whether the next token is the bonus.
    """

    def __init__(self, num_groups: int) -> None:
        self.exchange = np.zeros(num_groups, np.int64)
        self.first = np.zeros(num_groups, np.int64)
        self.count = np.zeros(num_groups, np.int64)
        self.level = np.zeros(num_groups)
        self.due = np.zeros(num_groups, bool)

    def open(self, policy: Blocks, groups: IntArray, position: int) -> None:
        """Begin an exchange in the groups that are in none."""
        new = groups[self.count[groups] == 0]
        self.first[new] = position
        self.level[new] = policy.stop.start

    def most(self, policy: Blocks, groups: IntArray, num_tokens: int) -> IntArray:
        """Most drafts of the exchange of each group: no more than there are tokens left."""
        most: IntArray = np.minimum(policy.gamma, num_tokens - self.first[groups])
        return most

    def drafted(
        self, rounds: Rounds, policy: Blocks, groups: IntArray, position: int, stops: BoolArray
    ) -> IntArray:
        """Take note of one more draft of each group, decided in ``rounds``.

        Returns
        -------
        [num_lost], int
            Groups whose draft was rejected while there were more, which are lost; their exchange is still open.
        """
        self.count[groups] += 1
        rounds.exchange[groups, position] = self.exchange[groups]
        rounds.drafted[groups, position] = 0
        rounds.drafted[groups, self.first[groups]] = self.count[groups]
        sent, accepted = rounds.transmitted[groups, position], rounds.accepted[groups, position]
        full = stops | (self.count[groups] >= self.most(policy, groups, rounds.token.shape[1]))
        rejected, passed = sent & ~accepted, sent & accepted & full
        lost: IntArray = groups[rejected & ~full]
        if policy.bonus:
            self.due[groups[passed]] = True
        # Where drafts are lost the exchange stays open, to count them.
        self.close(groups[~sent | (rejected & full) | (passed & (not policy.bonus))])
        return lost

    def bonus(self, rounds: Rounds, groups: IntArray, position: int) -> None:
        """Make the tokens at a position, decided in ``rounds``, the bonus of their exchange."""
        at = groups, position
        rounds.exchange[at], rounds.drafted[at], rounds.bonus[at] = self.exchange[groups], 0, True
        rounds.draft[at], rounds.uncertainty[at], rounds.rejection[at] = -1, np.nan, np.nan
        rounds.transmitted[at], rounds.accepted[at] = False, False
        self.close(groups)

    def alone(self, rounds: Rounds, groups: IntArray, position: int) -> None:
        """Make the tokens at a position exchanges of their own."""
        rounds.exchange[groups, position] = self.exchange[groups]
        self.close(groups)

    def close(self, groups: IntArray) -> None:
        """End the exchange of each group."""
        self.exchange[groups] += 1
        self.count[groups] = 0
        self.due[groups] = False
