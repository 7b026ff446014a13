"""The air times of every upload of one device's sessions, many sessions in one compiled call.

Everything but the air time of an upload is known beforehand. So a loop goes over the uploads of a session, under one
capacity curve, for all policies at once (`netsim.engines.sending`); the cost of an upload grows little with the blocks that it crosses.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from channels.capacity import CapacityCurve
from channels.gains import MOST_BLOCKS
from netsim.engines.sending import Tables, room_for, send_session, send_sessions
from netsim.engines.uploads import Uploads

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SPARE_BLOCKS = 32
"""Blocks drawn beyond what a session is expected to need: little beside a generator's seeding."""

SPARE_SHARE = 0.1
"""The same, as a share of the air time that is expected. A session that needs more is drawn anew."""

BLOCKS_AT_ONCE = 2**17
"""Blocks of the sessions that are timed in one go, 1 MiB a table of rates: larger ones leave a processor's cache."""

MOST_BLOCKS_AT_ONCE = 2**21
"""A session of more, 16 MiB a table, is timed alone, block by block further."""

MOST_SESSIONS_LOOKED_AT = 1000
"""Sessions from whose first blocks the mean rate is guessed."""


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
        self._room = room_for(*uploads.most)
        #: Room for the prefix sums of a session.
        self._sums = np.empty(0)

    def _expect(self, seed: int) -> None:
        """Add the blocks in which something is sent, from the mean rate of a few."""
        self._expected = True
        sessions = np.arange(min(len(self._num_blocks), MOST_SESSIONS_LOOKED_AT))
        rates_bps = self._links.rates_bps(seed, sessions, SPARE_BLOCKS * np.arange(len(sessions) + 1))
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
        alone: list[int] = []
        while waiting.size:
            blocks = np.cumsum(self._num_blocks[waiting])
            count = max(1, int(np.searchsorted(blocks, BLOCKS_AT_ONCE, side="right")))
            together, waiting = waiting[:count], waiting[count:]
            again = self._send_together(seed, uploads, together, tables)
            if again is None:
                alone += together.tolist()
            else:
                waiting = np.concatenate([again, waiting])
        for session in alone:
            curve = self._links.curve(seed, session, min(int(self._num_blocks[session]), MOST_BLOCKS))
            used = self._send_alone(curve, uploads, session, tables)
            self._num_blocks[session] = max(self._num_blocks[session], used)

    def _send_together(
        self, seed: int, uploads: Uploads, sessions: IntArray, tables: Tables
    ) -> IntArray | None:
        """Time some sessions under every workload; those that were given too few blocks, or None if they are to be timed alone."""
        sizes = self._num_blocks[sessions]
        if sizes.sum() > MOST_BLOCKS_AT_ONCE:
            return None
        starts = np.concatenate([[0], np.cumsum(sizes)])
        rates_bps = self._links.rates_bps(seed, sessions, starts)
        if rates_bps is None:
            return None
        if self._sums.size < (most_sums := 2 * (int(sizes.max()) + 1)):
            self._sums = np.empty(most_sums)
        needed = send_sessions(
            rates_bps,
            starts,
            self._links.coherence_time_s,
            sessions,
            uploads.columns,
            self._count_prompt,
            self._room,
            self._sums,
            tables,
        )
        self._num_blocks[sessions] = np.maximum(sizes, needed)
        short: IntArray = sessions[needed > sizes]
        return short

    def _send_alone(self, curve: CapacityCurve, uploads: Uploads, session: int, tables: Tables) -> int:
        """Time one session under every workload; returns the blocks that it needed."""
        while True:
            end_s = send_session(
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
