"""The uploads of several policies over the same sessions, in the order in which a compiled loop meets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Workload

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: What a compiled loop goes over: `Uploads.columns`.
Columns = tuple[
    IntArray, IntArray, IntArray, NDArray[np.bool_], FloatArray, FloatArray, FloatArray, IntArray, IntArray, IntArray
]  # fmt: skip


@dataclass(frozen=True)
class Uploads:
    """All uploads of several workloads: session by session, and in a session turn by turn.

    In a turn every workload that has so many uploads in the session sends one: they wait for none of the others, so that a
    processor can work on all of a turn at once. As long as a workload has done the same as the one before it, as policies do whose
    thresholds lie close together, the two have their uploads in common.

    Attributes
    ----------
    last_known_s, all_bits : [num_sessions, num_workloads], float
        The time that is known at the last upload, and the bits of all.
    first_turns : [num_sessions + 1], int. First turn of each session, and the end.
    turns : [num_turns + 1], int. First upload of each turn, and the end.
    before : [num_uploads], int. Which upload of the turn before, counted from 0, each one waits for.
    with_prompts : [num_turns], bool. Whether any upload of the turn carries a prompt.
    known_s : [num_uploads], float
        Time since the session's start in which nothing is sent, crossings of the core network left out.
    prompt_bits, bits : [num_uploads], float. Sent one after the other.
    first_rounds : [num_sessions, num_workloads + 1], int. First round of each session and workload that uploads, and the end.
    rounds : [num_rounds], int. Those rounds, session by session and workload by workload: index into [num_sessions, num_tokens], flat.
    upload_of : [num_rounds], int. Upload of each.
    """

    last_known_s: FloatArray
    all_bits: FloatArray
    first_turns: IntArray
    turns: IntArray
    before: IntArray
    with_prompts: NDArray[np.bool_]
    known_s: FloatArray
    prompt_bits: FloatArray
    bits: FloatArray
    first_rounds: IntArray
    rounds: IntArray
    upload_of: IntArray
    #: Place of each upload in [num_workloads, num_sessions, num_tokens], flat.
    _place: IntArray

    @classmethod
    def of(cls, workloads: Sequence[Workload], grant_s: float, propagation_s: float) -> Uploads:
        """Those of workloads, with the seconds before every upload and of its way."""
        columns = zip(*(_columns(work, grant_s, propagation_s) for work in workloads), strict=True)
        sends, known_s, prompt_bits, bits, *others = (np.stack(column) for column in columns)
        num_workloads, num_sessions, num_tokens = sends.shape
        alike = np.zeros(sends.shape, bool)
        tables = (sends, known_s, prompt_bits, bits, *others)
        same = np.logical_and.reduce([table[1:] == table[:-1] for table in tables])
        alike[1:] = np.logical_and.accumulate(same, axis=2)

        counts = sends.sum(axis=2)
        first_turns = np.concatenate([[0], np.cumsum(counts.max(axis=0))])
        turn = np.cumsum(sends, axis=2) - 1 + first_turns[:-1, None]
        place = np.flatnonzero(sends & ~alike)
        place = place[np.argsort(turn.reshape(-1)[place], kind="stable")]
        own_turn, num_turns = turn.reshape(-1)[place], int(first_turns[-1])
        turns = np.concatenate([[0], np.cumsum(np.bincount(own_turn, minlength=num_turns))])

        # The upload of every round: its own, or that of the last workload before that is not like the one before it.
        number = np.zeros(sends.size, np.int64)
        number[place] = np.arange(place.size)
        owner = np.maximum.accumulate(np.where(alike, 0, np.arange(num_workloads)[:, None, None]), axis=0)
        number = np.take_along_axis(number.reshape(sends.shape), owner, axis=0)
        by_session = sends.transpose(1, 0, 2)
        session, workload, token = np.nonzero(by_session)
        upload_of = number[workload, session, token]
        # What a round waits for is the one before in its workload's session; of the first it is not looked at.
        waits_for = np.zeros(place.size, np.int64)
        waits_for[upload_of[1:]] = upload_of[:-1]
        first = own_turn == np.repeat(first_turns[:-1], np.diff(first_turns))[own_turn]
        own_prompt_bits = prompt_bits.reshape(-1)[place]
        ends = np.concatenate([[0], np.cumsum(by_session.sum(axis=2))])
        return cls(
            last_known_s=np.where(sends, known_s, 0.0).max(axis=2, initial=0.0).T,
            all_bits=np.where(sends, prompt_bits + bits, 0.0).sum(axis=2).T,
            first_turns=first_turns,
            turns=turns,
            before=np.where(first, 0, waits_for - turns[np.maximum(own_turn - 1, 0)]),
            with_prompts=np.bincount(own_turn, own_prompt_bits > 0.0, minlength=num_turns) > 0.0,
            known_s=known_s.reshape(-1)[place],
            prompt_bits=own_prompt_bits,
            bits=bits.reshape(-1)[place],
            first_rounds=ends[
                np.arange(num_sessions)[:, None] * num_workloads + np.arange(num_workloads + 1)
            ],
            rounds=session * num_tokens + token,
            upload_of=upload_of,
            _place=place,
        )

    @property
    def columns(self) -> Columns:
        """What a compiled loop goes over."""
        return (
            self.first_turns, self.turns, self.before, self.with_prompts,
            self.known_s, self.prompt_bits, self.bits, self.first_rounds, self.rounds, self.upload_of,
        )  # fmt: skip

    @property
    def most(self) -> tuple[int, int]:
        """Uploads of a turn and of a session, at most."""
        of_session = np.diff(self.turns[self.first_turns])
        return int(np.diff(self.turns).max(initial=0)), int(of_session.max(initial=0))

    def after(self, later_s: FloatArray) -> Uploads:
        """The same uploads, each later by [num_workloads, num_sessions, num_tokens], which follows from what was done so far."""
        return replace(self, known_s=self.known_s + later_s.reshape(-1)[self._place])


def _columns(workload: Workload, grant_s: float, propagation_s: float) -> tuple[NDArray[np.generic], ...]:
    """Which rounds upload, the seconds before each upload in which nothing is sent, its bits, and what else may move what follows."""
    sends = workload.asks
    judged_s = workload.llm_s + workload.llm_prefill_s + workload.downlink_s
    before_s = workload.slm_s + workload.slm_prefill_s + workload.uncertainty_s + grant_s * sends
    past_s = np.cumsum(before_s + propagation_s * sends + judged_s, axis=1)
    past_s = np.concatenate([np.zeros((len(past_s), 1)), past_s[:, :-1]], axis=1)
    return sends, past_s + before_s, workload.prompt_bits, workload.bits, judged_s, workload.ahead_s
