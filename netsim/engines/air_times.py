"""The air times of every upload of one device's sessions, many sessions in one compiled call.

Everything but the air time of an upload is known beforehand. So a loop goes over the uploads of a session, under one
capacity curve, for all policies at once; the cost of an upload grows with the logarithm of the blocks that it crosses.
What an upload takes is ``channels.drain.drain``, as in the event engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from channels.capacity import CapacityCurve
from channels.drain import drain, write_prefix_sums
from channels.gains import MOST_BLOCKS
from netsim.costs.workload import Workload

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SPARE_BLOCKS = 32
"""Blocks drawn beyond what a session is expected to need: little beside a generator's seeding."""

SPARE_SHARE = 0.1
"""The same, as a share of the air time that is expected. A session that needs more is drawn anew."""

MOST_BLOCKS_AT_ONCE = 2**21
"""16 MiB a table of rates. A session for which that is too little is timed alone, block by block further."""


class Links(Protocol):
    """The links of each seed's sessions, as ``netsim.radio.sessions.SessionLinks``."""

    @property
    def coherence_time_s(self) -> float:
        """Length of a block of fading, in seconds."""

    def curve(self, seed: int, session: int, num_blocks: int) -> CapacityCurve:
        """Capacity of one session over time."""

    def rates_bps(self, seed: int, sessions: IntArray, starts: IntArray) -> FloatArray | None:
        """Rates of the blocks of many sessions, or None."""


@dataclass(frozen=True)
class Uploads:
    """All uploads of several workloads over the same sessions: session by session, workload by workload.

    Attributes
    ----------
    starts : [num_sessions, num_workloads + 1], int. First upload of each session and workload, and the end.
    sends : [num_sessions, num_workloads, num_tokens], bool. Where the uploads are, in their order.
    known_s : [num_uploads], float
        Time since the session's start in which nothing is sent, crossings of the core network left out.
    prompt_bits, bits : [num_uploads], float. Sent one after the other.
    place : [num_uploads], int. Round: index into [num_workloads, num_sessions, num_tokens], flat.
    """

    starts: NDArray[np.int64]
    sends: NDArray[np.bool_]
    known_s: FloatArray
    prompt_bits: FloatArray
    bits: FloatArray
    place: NDArray[np.int64]

    @classmethod
    def of(cls, workloads: Sequence[Workload], grant_s: float, propagation_s: float) -> Uploads:
        """Those of workloads, with the seconds before every upload and of its way."""
        sends, known_s, prompt_bits, bits = (
            np.stack(columns, axis=1)
            for columns in zip(
                *(_columns(workload, grant_s, propagation_s) for workload in workloads), strict=True
            )
        )
        num_sessions, num_workloads, num_tokens = sends.shape
        counts = np.concatenate([[0], sends.sum(axis=2).reshape(-1)])
        starts = np.cumsum(counts)[
            np.arange(num_sessions)[:, None] * num_workloads + np.arange(num_workloads + 1)
        ]
        session, workload, position = np.nonzero(sends)
        place = (workload * num_sessions + session) * num_tokens + position
        return cls(starts, sends, known_s[sends], prompt_bits[sends], bits[sends], place)

    @property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        """Of each session and workload the time known at its last upload, and the bits of all.

        Returns
        -------
        known_s, bits : [num_sessions, num_workloads], float
        """
        before = np.concatenate([[0.0], np.cumsum(self.prompt_bits + self.bits)])
        first, end = self.starts[:, :-1], self.starts[:, 1:]
        last = np.concatenate([[0.0], self.known_s])[end]
        return np.where(end > first, last, 0.0), before[end] - before[first]

    @property
    def columns(self) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
        """What a compiled loop goes over, upload by upload."""
        return self.known_s, self.prompt_bits, self.bits, self.place

    def after(self, later_s: FloatArray) -> Uploads:
        """The same uploads, each later by [num_sessions, num_workloads, num_tokens]."""
        return replace(self, known_s=self.known_s + later_s[self.sends])


class AirTimes:
    """Times the uploads of one seed after the other, and remembers how many blocks they needed.

    Parameters
    ----------
    links : Links
    uploads : Uploads
        Of the longest seed, or of any: from them follows how many blocks are drawn at first.
    """

    def __init__(self, links: Links, uploads: Uploads) -> None:
        self._links = links
        self._known_s, self._bits = uploads.ends
        self._num_blocks = (self._known_s.max(axis=1) / links.coherence_time_s).astype(
            np.int64
        ) + SPARE_BLOCKS
        self._expected = False

    def _expect(self, seed: int) -> None:
        """Add the blocks in which something is sent, from the mean rate of a few."""
        self._expected = True
        sessions = np.arange(len(self._num_blocks))
        few = SPARE_BLOCKS * np.arange(len(sessions) + 1)
        rates_bps = self._links.rates_bps(seed, sessions, few) if few[-1] <= MOST_BLOCKS_AT_ONCE else None
        if rates_bps is None or not rates_bps.any():
            return
        air_s = (1 + SPARE_SHARE) * self._bits / rates_bps.mean()
        blocks = (self._known_s + air_s).max(axis=1) / self._links.coherence_time_s
        # What is beyond is timed alone, a few blocks at a time.
        self._num_blocks = np.minimum(blocks, MOST_BLOCKS_AT_ONCE).astype(np.int64) + SPARE_BLOCKS

    def send(self, seed: int, uploads: Uploads, results: tuple[FloatArray, FloatArray]) -> None:
        """Write the air times of a seed's uploads, and of their prompts, into flat arrays.

        Raises
        ------
        LinkNeverSends, ChannelEnded
            As ``channels.capacity.CapacityCurve.extend``.
        """
        if not self._expected:
            self._expect(seed)
        waiting = np.flatnonzero(uploads.starts[:, 0] < uploads.starts[:, -1])
        while waiting.size:
            starts = np.concatenate([[0], np.cumsum(self._num_blocks[waiting])])
            rates_bps = (
                self._links.rates_bps(seed, waiting, starts) if starts[-1] <= MOST_BLOCKS_AT_ONCE else None
            )
            if rates_bps is None:
                break
            needed = _send_sessions(
                rates_bps,
                starts,
                self._links.coherence_time_s,
                waiting,
                uploads.starts,
                *uploads.columns,
                *results,
            )
            self._num_blocks[waiting] = np.maximum(self._num_blocks[waiting], needed)
            waiting = waiting[needed > np.diff(starts)]
        for session in waiting.tolist():
            curve = self._links.curve(seed, session, min(int(self._num_blocks[session]), MOST_BLOCKS))
            used = _send_alone(curve, uploads, session, results)
            self._num_blocks[session] = max(self._num_blocks[session], used)


def _send_alone(
    curve: CapacityCurve, uploads: Uploads, session: int, results: tuple[FloatArray, FloatArray]
) -> int:
    """Write the air times of one session under every workload; returns the blocks that it needed."""
    while True:
        end_s = _send_all(
            curve.rates_bps,
            curve.prefix_bits,
            curve.coherence_time_s,
            curve.endless,
            uploads.starts[session],
            *uploads.columns,
            *results,
        )
        if end_s >= 0:
            return int(end_s / curve.coherence_time_s) + 2
        curve.extend()


@njit(cache=True)
def _send_sessions(
    rates_bps: FloatArray,
    blocks: IntArray,
    coherence_time_s: float,
    sessions: IntArray,
    starts: IntArray,
    known_s: FloatArray,
    prompt_bits: FloatArray,
    bits: FloatArray,
    place: IntArray,
    air_s: FloatArray,
    prompt_air_s: FloatArray,
) -> IntArray:
    """Blocks that each session needed, or more than it was given where they were too few."""
    needed = np.empty(sessions.size, np.int64)
    room = np.empty(2 * (np.diff(blocks).max() + 1))
    for number in range(sessions.size):
        own = rates_bps[blocks[number] : blocks[number + 1]]
        prefix_bits = room[: 2 * (own.size + 1)].reshape(2, own.size + 1)
        write_prefix_sums(own, coherence_time_s, prefix_bits)
        end_s = _send_all(
            own, prefix_bits, coherence_time_s, False, starts[sessions[number]],
            known_s, prompt_bits, bits, place, air_s, prompt_air_s,
        )  # fmt: skip
        more = own.size + own.size // 4 + SPARE_BLOCKS
        needed[number] = more if end_s < 0.0 else np.int64(end_s / coherence_time_s) + 1
    return needed


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


@njit(cache=True)
def _send_all(
    rates_bps: FloatArray,
    prefix_bits: FloatArray,
    coherence_time_s: float,
    endless: bool,
    starts: NDArray[np.int64],
    known_s: FloatArray,
    prompt_bits: FloatArray,
    bits: FloatArray,
    place: NDArray[np.int64],
    air_s: FloatArray,
    prompt_air_s: FloatArray,
) -> float:
    """Seconds until the last upload of any workload is over; -1 where the curve is too short.

    One upload of every workload after the other: each waits for the one before of its own workload, and a processor works on
    several at once.
    """
    num_workloads = len(starts) - 1
    sent_s = np.zeros(num_workloads)
    end_s = 0.0
    for turn in range(np.diff(starts).max()):
        for workload in range(num_workloads):
            upload = starts[workload] + turn
            if upload >= starts[workload + 1]:
                continue
            start_s = known_s[upload] + sent_s[workload]
            if prompt_bits[upload] > 0.0:
                prompt_s = drain(
                    rates_bps, prefix_bits, coherence_time_s, endless, start_s, prompt_bits[upload]
                )
                if not 0.0 <= prompt_s < np.inf:
                    return -1.0
                prompt_air_s[place[upload]] = prompt_s
                start_s += prompt_s
                sent_s[workload] += prompt_s
            own_s = drain(rates_bps, prefix_bits, coherence_time_s, endless, start_s, bits[upload])
            if not 0.0 <= own_s < np.inf:
                return -1.0
            air_s[place[upload]] = own_s
            sent_s[workload] += own_s
            end_s = max(end_s, start_s + own_s)
    return end_s
