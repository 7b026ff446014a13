"""What the tokens of a walk came out of: exchanges between the device and the LLM, a table of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traces.speculative.rounds import Rounds

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Exchanges:
    """Exchanges of several groups: some drafts, at most one upload, at most one pass of the LLM, some tokens.

    A token that a device keeps without asking is an exchange that sends nothing; one that the LLM generates by
    itself is an exchange without drafts. Arrays are [num_groups, num_tokens], as there are at most as many
    exchanges as tokens; entries at and past ``length[group]`` are 0.

    Attributes
    ----------
    length : [num_groups], int. Exchanges of each group.
    first : int. Position of the first token.
    emitted : int. Tokens that came out.
    drafted : int. Drafts, those included that were lost.
    kept : int. Drafts that came out.
    rejected : bool. Whether the LLM replaced a draft.
    transmitted : bool. Whether drafts were sent.
    entries : int. Entries that the upload of a draft holds, ``ALL`` for the whole distribution.
    """

    length: IntArray
    first: IntArray
    emitted: IntArray
    drafted: IntArray
    kept: IntArray
    rejected: BoolArray
    transmitted: BoolArray
    entries: IntArray

    @property
    def valid(self) -> BoolArray:
        """[num_groups, num_tokens], bool. Exchanges that took place."""
        return np.arange(self.first.shape[1]) < self.length[:, None]


def exchanges_of(rounds: Rounds) -> Exchanges:
    """Gather tokens by the exchange that they came out of."""
    valid = rounds.valid
    num_groups, num_tokens = valid.shape
    place = (np.arange(num_groups)[:, None] * num_tokens + rounds.exchange)[valid]

    def total(of_token: IntArray | BoolArray) -> IntArray:
        """Sum over the tokens of each exchange."""
        sums = np.bincount(place, weights=of_token[valid], minlength=valid.size)
        return sums.astype(np.int64).reshape(valid.shape)

    emitted = total(valid)
    before = np.cumsum(emitted, axis=1) - emitted
    entries = np.zeros(valid.size, np.int64)
    np.maximum.at(entries, place, rounds.entries[valid])
    sent = rounds.transmitted & ~rounds.bonus
    return Exchanges(
        length=(emitted > 0).sum(axis=1),
        first=np.where(emitted > 0, before, 0),
        emitted=emitted,
        drafted=total(rounds.drafted),
        kept=total(~rounds.bonus & (~sent | rounds.accepted)),
        rejected=total(sent & ~rounds.accepted) > 0,
        transmitted=total(sent) > 0,
        entries=entries.reshape(valid.shape),
    )
