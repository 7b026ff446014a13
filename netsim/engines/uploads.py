"""The uploads of several policies over the same sessions, in the order in which a compiled loop meets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Workload

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: What a compiled loop goes over: the arrays of `Uploads` from ``first_turns`` to ``rounds``.
Columns = tuple[IntArray, IntArray, IntArray, NDArray[np.bool_], FloatArray, FloatArray, FloatArray, IntArray]


@dataclass(frozen=True)
class Uploads:
    """All uploads of several workloads: session by session, and in a session turn by turn.

    In a turn every workload that has so many uploads in the session sends one: they wait for their own workload alone, so that a
    processor can work on all of a turn at once. The workloads of a session are in the order of their number of uploads, most first: a
    turn is then the first few of them, its *lanes*.

    Attributes
    ----------
    last_known_s, all_bits : [num_sessions, num_workloads], float
        The time that is known at the last upload, and the bits of all.
    first_turns : [num_sessions + 1], int. First turn of each session, and the end.
    turns : [num_turns + 1], int. First upload of each turn, and the end.
    lanes : [num_sessions, num_workloads], int. Workload of each lane.
    with_prompts : [num_turns], bool. Whether any upload of the turn carries a prompt.
    known_s : [num_uploads], float
        Time since the session's start in which nothing is sent, crossings of the core network left out.
    prompt_bits, bits : [num_uploads], float. Sent one after the other.
    rounds : [num_uploads], int. Round: index into [num_sessions, num_tokens], flat.
    workloads : [num_uploads], int. Workload.
    """

    last_known_s: FloatArray
    all_bits: FloatArray
    first_turns: IntArray
    turns: IntArray
    lanes: IntArray
    with_prompts: NDArray[np.bool_]
    known_s: FloatArray
    prompt_bits: FloatArray
    bits: FloatArray
    rounds: IntArray
    workloads: IntArray

    @classmethod
    def of(cls, workloads: Sequence[Workload], grant_s: float, propagation_s: float) -> Uploads:
        """Those of workloads, with the seconds before every upload and of its way."""
        sends, known_s, prompt_bits, bits = (
            np.stack(columns)
            for columns in zip(
                *(_columns(workload, grant_s, propagation_s) for workload in workloads), strict=True
            )
        )
        num_sessions = sends.shape[1]
        counts = sends.sum(axis=2).T
        lanes = np.argsort(-counts, axis=1, kind="stable")
        place = np.flatnonzero(sends)
        workload, session, _ = np.nonzero(sends)
        turn = (np.cumsum(sends, axis=2) - 1).reshape(-1)[place]
        num_turns = counts.max(axis=1)
        first_turns = np.concatenate([[0], np.cumsum(num_turns)])
        turn += first_turns[session]
        lane = np.argsort(lanes, axis=1)[session, workload]
        order = np.lexsort((lane, turn))
        place, turn = place[order], turn[order]
        own_prompt_bits = prompt_bits.reshape(-1)[place]
        return cls(
            last_known_s=np.where(sends, known_s, 0.0).max(axis=2, initial=0.0).T,
            all_bits=np.where(sends, prompt_bits + bits, 0.0).sum(axis=2).T,
            first_turns=first_turns,
            turns=np.concatenate([[0], np.cumsum(np.bincount(turn, minlength=first_turns[-1]))]),
            lanes=np.broadcast_to(lanes, (num_sessions, len(workloads))),
            with_prompts=np.bincount(turn, own_prompt_bits > 0.0, minlength=first_turns[-1]) > 0.0,
            known_s=known_s.reshape(-1)[place],
            prompt_bits=own_prompt_bits,
            bits=bits.reshape(-1)[place],
            rounds=place % sends[0].size,
            workloads=place // sends[0].size,
        )

    @property
    def columns(self) -> Columns:
        """What a compiled loop goes over."""
        return (
            self.first_turns, self.turns, self.lanes, self.with_prompts,
            self.known_s, self.prompt_bits, self.bits, self.rounds,
        )  # fmt: skip

    def after(self, later_s: FloatArray) -> Uploads:
        """The same uploads, each later by [num_workloads, num_sessions, num_tokens]."""
        by_round_s = later_s.reshape(len(later_s), -1)
        return replace(self, known_s=self.known_s + by_round_s[self.workloads, self.rounds])


def _columns(
    workload: Workload, grant_s: float, propagation_s: float
) -> tuple[NDArray[np.bool_], FloatArray, FloatArray, FloatArray]:
    """Which rounds upload, the seconds before each upload in which nothing is sent, and its bits."""
    sends = workload.asks
    before_s = workload.slm_s + workload.slm_prefill_s + workload.uncertainty_s + grant_s * sends
    after_s = propagation_s * sends + workload.llm_s + workload.llm_prefill_s + workload.downlink_s
    past_s = np.cumsum(before_s + after_s, axis=1)
    past_s = np.concatenate([np.zeros((len(past_s), 1)), past_s[:, :-1]], axis=1)
    return sends, past_s + before_s, workload.prompt_bits, workload.bits
