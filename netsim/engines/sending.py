"""The compiled loops over the uploads of many sessions, for `netsim.engines.air_times`.

What an upload takes is ``channels.drain.drain``, as in the event engine; uploads of a turn are drained side by side.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from channels import drains
from channels.drain import drain, write_prefix_sums
from channels.drains import drain_each
from netsim.engines.uploads import Columns

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: What the air times of a seed are added to: seconds of every round, [num_workloads, num_sessions * num_tokens], and seconds on
#: air of each session, [num_workloads, num_sessions], of drafts and of prompts.
Tables = tuple[FloatArray, FloatArray, FloatArray]
#: To work in: air times of a session's uploads and of their prompts; of a turn the starts, and what was sent until then in this turn and
#: the one before; and what `channels.drains.drain_each` works in.
Room = tuple[FloatArray, FloatArray, FloatArray, FloatArray, drains.Room]

FEW = 2
"""Uploads of a turn that gain nothing by being drained side by side, fewer than so many."""

MORE = 32
"""Blocks, beside a quarter more, for a session that was given too few."""


def room_for(of_turn: int, of_session: int) -> Room:
    """Room for turns and sessions of so many uploads."""
    return (
        np.empty(of_session),
        np.empty(of_session),
        np.empty(of_turn),
        np.empty((2, of_turn)),
        (np.empty(of_turn), np.empty(of_turn, np.int64), np.empty(of_turn, np.int64)),
    )


@njit(cache=True)
def send_sessions(
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
        end_s = send_session(
            own, prefix_bits, coherence_time_s, False, sessions[number], uploads, count_prompt, room, tables
        )
        more = own.size + own.size // 4 + MORE
        needed[number] = more if end_s < 0.0 else np.int64(end_s / coherence_time_s) + 1
    return needed


@njit(cache=True, error_model="numpy")  # as `drain_each`, which is put in its place
def send_session(
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
