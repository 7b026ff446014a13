"""The air times of every upload of one device's sessions, many sessions in one compiled call.

Everything but the air time of an upload is known beforehand. So a loop goes over the uploads of a session, under one
capacity curve, for all policies at once; the cost of an upload grows little with the blocks that it crosses.
What an upload takes is ``channels.drain.drain``, as in the event engine.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from channels import drains
from channels.capacity import CapacityCurve
from channels.drain import drain, write_prefix_sums
from channels.drains import drain_each
from channels.gains import MOST_BLOCKS
from netsim.engines.uploads import Columns, Uploads

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: What the air times of a seed are added to: seconds of every round, [num_workloads, num_sessions * num_tokens], and seconds on
#: air of each session, [num_workloads, num_sessions], of drafts and of prompts.
Tables = tuple[FloatArray, FloatArray, FloatArray]
#: To work in: air times of a session's uploads and of their prompts; of a turn the starts, and what was sent until then in this turn and
#: the one before; and what `channels.drains.drain_each` works in.
Room = tuple[FloatArray, FloatArray, FloatArray, FloatArray, drains.Room]
SPARE_BLOCKS = 32
"""Blocks drawn beyond what a session is expected to need: little beside a generator's seeding."""

SPARE_SHARE = 0.1
"""The same, as a share of the air time that is expected. A session that needs more is drawn anew."""

MOST_BLOCKS_AT_ONCE = 2**21
"""16 MiB a table of rates. A session for which that is too little is timed alone, block by block further."""

FEW = 4
"""Uploads of a turn that gain nothing by being drained side by side, fewer than so many."""


class Links(Protocol):
    """The links of each seed's sessions, as ``netsim.radio.sessions.SessionLinks``."""

    @property
    def coherence_time_s(self) -> float:
        """Length of a block of fading, in seconds."""

    def curve(self, seed: int, session: int, num_blocks: int) -> CapacityCurve:
        """Capacity of one session over time."""

    def rates_bps(self, seed: int, sessions: IntArray, starts: IntArray) -> FloatArray | None:
        """Rates of the blocks of many sessions, or None."""


class AirTimes:
    """Times the uploads of one seed after the other, and remembers how many blocks they needed.

    Parameters
    ----------
    links : Links
    uploads : Uploads
        Of the longest seed, or of any: from them follows how many blocks are drawn at first.
    count_prompt : bool. Whether the air time of prompts is a part of their rounds.
    """

    def __init__(self, links: Links, uploads: Uploads, *, count_prompt: bool) -> None:
        self._links = links
        self._known_s, self._bits = uploads.last_known_s, uploads.all_bits
        self._num_blocks = (self._known_s.max(axis=1) / links.coherence_time_s).astype(
            np.int64
        ) + SPARE_BLOCKS
        self._expected = False
        self._count_prompt = count_prompt
        #: Room for the prefix sums of a session.
        self._sums = np.empty(0)
        of_turn, of_session = uploads.most
        self._room: Room = (
            np.empty(of_session),
            np.empty(of_session),
            np.empty(of_turn),
            np.empty((2, of_turn)),
            (np.empty(of_turn), np.empty(of_turn, np.int64), np.empty(of_turn, np.int64)),
        )

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

    def send(self, seed: int, uploads: Uploads, tables: Tables) -> None:
        """Add the air times of a seed's uploads, and of their prompts, to the tables.

        Raises
        ------
        LinkNeverSends, ChannelEnded
            As ``channels.capacity.CapacityCurve.extend``.
        """
        if not self._expected:
            self._expect(seed)
        waiting = np.flatnonzero(np.diff(uploads.first_turns))
        while waiting.size:
            starts = np.concatenate([[0], np.cumsum(self._num_blocks[waiting])])
            rates_bps = (
                self._links.rates_bps(seed, waiting, starts) if starts[-1] <= MOST_BLOCKS_AT_ONCE else None
            )
            if rates_bps is None:
                break
            if self._sums.size < (most_sums := 2 * (int(np.diff(starts).max()) + 1)):
                self._sums = np.empty(most_sums)
            needed = _send_sessions(
                rates_bps,
                starts,
                self._links.coherence_time_s,
                waiting,
                uploads.columns,
                self._count_prompt,
                self._room,
                self._sums,
                tables,
            )
            self._num_blocks[waiting] = np.maximum(self._num_blocks[waiting], needed)
            waiting = waiting[needed > np.diff(starts)]
        for session in waiting.tolist():
            curve = self._links.curve(seed, session, min(int(self._num_blocks[session]), MOST_BLOCKS))
            used = self._send_alone(curve, uploads, session, tables)
            self._num_blocks[session] = max(self._num_blocks[session], used)

    def _send_alone(self, curve: CapacityCurve, uploads: Uploads, session: int, tables: Tables) -> int:
        """Time one session under every workload; returns the blocks that it needed."""
        while True:
            end_s = _send_session(
                curve.rates_bps,
                curve.prefix_bits,
                curve.coherence_time_s,
                curve.endless,
                session,
                uploads.columns,
                self._count_prompt,
                self._room,
                tables,
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
    uploads: Columns,
    count_prompt: bool,
    room: Room,
    sums: FloatArray,
    tables: Tables,
) -> IntArray:
    """Blocks that each session needed, or more than it was given where they were too few."""
    needed = np.empty(sessions.size, np.int64)
    for number in range(sessions.size):
        own = rates_bps[blocks[number] : blocks[number + 1]]
        prefix_bits = sums[: 2 * (own.size + 1)].reshape(2, own.size + 1)
        write_prefix_sums(own, coherence_time_s, prefix_bits)
        end_s = _send_session(
            own, prefix_bits, coherence_time_s, False, sessions[number], uploads, count_prompt, room, tables
        )
        more = own.size + own.size // 4 + SPARE_BLOCKS
        needed[number] = more if end_s < 0.0 else np.int64(end_s / coherence_time_s) + 1
    return needed


@njit(cache=True, error_model="numpy")  # as `drain_each`, which is put in its place
def _send_session(
    rates_bps: FloatArray,
    prefix_bits: FloatArray,
    coherence_time_s: float,
    endless: bool,
    session: int,
    uploads: Columns,
    count_prompt: bool,
    room: Room,
    tables: Tables,
) -> float:
    """Seconds until the last upload of any workload is over; -1 where the curve is too short, and then nothing is written."""
    first_turns, turns, before, with_prompts, known_s, prompt_bits, bits, _, _, _ = uploads
    first_turn, end_turn = first_turns[session], first_turns[session + 1]
    begin = turns[first_turn]
    drafts_s, prompts_s, start_s, sent_s, of_drains = room
    prompts_s[: turns[end_turn] - begin] = 0.0
    sent_s[0] = 0.0
    end_s = 0.0
    for turn in range(first_turn, end_turn):
        first, count = turns[turn], turns[turn + 1] - turns[turn]
        past, own = (turn - first_turn) % 2, (turn - first_turn + 1) % 2
        for i in range(count):
            sent_s[own, i] = sent_s[past, before[first + i]]
            start_s[i] = known_s[first + i] + sent_s[own, i]
        if with_prompts[turn]:
            if not _drain_in_turn(
                rates_bps,
                prefix_bits,
                coherence_time_s,
                endless,
                start_s,
                prompt_bits,
                first,
                count,
                prompts_s,
                begin,
            ):
                return -1.0
            for i in range(count):
                start_s[i] += prompts_s[first - begin + i]
                sent_s[own, i] += prompts_s[first - begin + i]
        if endless or count < FEW:
            if not _drain_in_turn(
                rates_bps,
                prefix_bits,
                coherence_time_s,
                endless,
                start_s,
                bits,
                first,
                count,
                drafts_s,
                begin,
            ):
                return -1.0
        else:
            seconds, own_bits = drafts_s[first - begin : first - begin + count], bits[first : first + count]
            if not drain_each(
                rates_bps, prefix_bits, coherence_time_s, start_s, own_bits, of_drains, seconds
            ):
                return -1.0
        for i in range(count):
            sent_s[own, i] += drafts_s[first - begin + i]
            end_s = max(end_s, start_s[i] + drafts_s[first - begin + i])
    _write(session, begin, uploads, drafts_s, prompts_s, count_prompt, tables)
    return end_s


@njit(cache=True, inline="always")
def _drain_in_turn(
    rates_bps: FloatArray,
    prefix_bits: FloatArray,
    coherence_time_s: float,
    endless: bool,
    start_s: FloatArray,
    bits: FloatArray,
    first: int,
    count: int,
    seconds: FloatArray,
    begin: int,
) -> bool:
    """Drain uploads of any curve one after the other, so many from ``first`` on; ``seconds`` begin with the upload ``begin``."""
    over = True
    for i in range(count):
        own_s = drain(rates_bps, prefix_bits, coherence_time_s, endless, start_s[i], bits[first + i])
        over &= 0.0 <= own_s < np.inf
        seconds[first - begin + i] = own_s
    return over


@njit(cache=True)
def _write(
    session: int,
    begin: int,
    uploads: Columns,
    drafts_s: FloatArray,
    prompts_s: FloatArray,
    count_prompt: bool,
    tables: Tables,
) -> None:
    """Add a session's air times to the tables."""
    _, _, _, _, _, _, _, first_rounds, rounds, upload_of = uploads
    round_s, air_s, prompt_air_s = tables
    for workload in range(len(round_s)):
        air, prompt_air = 0.0, 0.0
        for number in range(first_rounds[session, workload], first_rounds[session, workload + 1]):
            draft_s, prompt_s = drafts_s[upload_of[number] - begin], prompts_s[upload_of[number] - begin]
            round_s[workload, rounds[number]] += draft_s + prompt_s if count_prompt else draft_s
            air += draft_s
            prompt_air += prompt_s
        air_s[workload, session] += air
        prompt_air_s[workload, session] += prompt_air
