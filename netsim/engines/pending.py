"""Uploads that are under way, as arrays that compiled loops go over: a column each, in the order in which they asked.

What a loop needs of a link is copied: a window of its rates. Where a window ends, the loop returns, and the
window is filled anew.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numba import njit
from numpy.typing import NDArray

from channels.drain import delivered, drain, locate
from channels.gains import ChannelEnded
from netsim.radio.link import Link

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Rows of the table of numbers; times are those of the simulation unless they say otherwise.
ASKED_S = 0
ELAPSED_S = 1  # of the session, when it asked
LEFT = 2  # bits of the prompt's ids that are left; those of the exchange in the next row
SPENT_S = 4  # seconds spent on either
AIR_S = 6  # the same at full transmit power
FIRST_WAIT_S = 8
RATE_BPS = 9  # lately
UNTIL_S = 10  # time of the session up to which it holds
AVERAGE_BPS = 11
FIRST_BLOCK = 12
NUM_BLOCKS = 13
ENDLESS = 14
COHERENCE_S = 15
PART = 16  # what is sent now: 0 the prompt's ids, 1 the exchange's bits
KNOWN_S = 17  # time of the session at which its window ends; infinite where the last block lasts for ever
MOST_BPS = 18  # largest rate of the window
NUM_ROWS = 19

DEVICE, WINDOW = 0, 1
"""Rows of the table of integers: number of the device, and place of its window."""

FIRST_UPLOADS, FIRST_BLOCKS = 16, 64
MOST_BLOCKS = 1024
"""Blocks that are copied of a curve, if they reach as far as they have to: 24 KiB an upload."""
FURTHEST_BLOCKS = MOST_BLOCKS - 4
"""Blocks that a window looks ahead at most, with those at either end."""

#: Numbers, integers, rates and prefix sums of `Pending`.
Tables = tuple[FloatArray, IntArray, FloatArray, FloatArray]


class Pending:
    """Columns of uploads; those of `numbers`, `integers` and `links` belong together.

    Attributes
    ----------
    count : int. Uploads under way.
    numbers : [NUM_ROWS, room], float. See the names of the rows.
    integers : [2, room], int. Device and window.
    rates_bps, prefix_bits : [room, num_blocks], [room, 2, num_blocks + 1], float. Windows.
    """

    def __init__(self) -> None:
        self.count = 0
        self.links: list[Link] = []
        self.numbers: FloatArray = np.zeros((NUM_ROWS, FIRST_UPLOADS))
        self.integers: IntArray = np.zeros((2, FIRST_UPLOADS), np.int64)
        self.rates_bps: FloatArray = np.zeros((FIRST_UPLOADS, FIRST_BLOCKS))
        self.prefix_bits: FloatArray = np.zeros((FIRST_UPLOADS, 2, FIRST_BLOCKS + 1))
        self._free = list(range(FIRST_UPLOADS))

    @property
    def tables(self) -> Tables:
        """What a compiled loop takes."""
        return self.numbers, self.integers, self.rates_bps, self.prefix_bits

    def add(
        self,
        device: int,
        link: Link,
        now_s: float,
        elapsed_s: float,
        left: tuple[float, float],
        alone_s: float,
    ) -> None:
        """Put an upload behind the others; alone it would take `alone_s`, and among ``n`` about ``n`` times as long."""
        if not self._free:
            self._make_room()
        at = self.count
        own = self.numbers[:, at]
        own[:] = 0.0
        own[ASKED_S], own[ELAPSED_S], own[LEFT], own[LEFT + 1] = now_s, elapsed_s, *left
        own[PART] = 0.0 if left[0] else 1.0
        self.integers[DEVICE, at], self.integers[WINDOW, at] = device, self._free.pop()
        self.links.append(link)
        self.count += 1
        self._load(at, elapsed_s, 0.0, alone_s * self.count)

    def remove(self, at: int) -> None:
        """Take an upload out; those behind it move up."""
        self._free.append(int(self.integers[WINDOW, at]))
        end = self.count
        self.numbers[:, at : end - 1] = self.numbers[:, at + 1 : end]
        self.integers[:, at : end - 1] = self.integers[:, at + 1 : end]
        del self.links[at]
        self.count -= 1

    def session_s(self, at: int, now_s: float) -> float:
        """Seconds of an upload's session at a time of the simulation."""
        return float(self.numbers[ELAPSED_S, at] + (now_s - self.numbers[ASKED_S, at]))

    def load(self, at: int, session_s: float, seconds: float) -> None:
        """Fill a window that is over, from a time of the session on, with rates for so many seconds at least."""
        num_blocks, coherence_s = (float(self.numbers[row, at]) for row in (NUM_BLOCKS, COHERENCE_S))
        self._load(at, session_s, seconds, 2 * num_blocks * coherence_s)

    def _load(self, at: int, session_s: float, seconds: float, ahead_s: float) -> None:
        """Fill a window with rates for some seconds, and further ahead where the channel doesn't end before."""
        window = self.links[at].window(session_s, session_s + seconds)
        ahead_s = max(min(ahead_s, FURTHEST_BLOCKS * window.coherence_time_s), seconds)
        if not window.covers(session_s + ahead_s):
            with suppress(ChannelEnded):
                window = self.links[at].window(session_s, session_s + ahead_s)
        window = window.cut(session_s, session_s + ahead_s, MOST_BLOCKS)
        size = window.rates_bps.size
        if size > self.rates_bps.shape[1]:
            self._lengthen(size)
        place, own = self.integers[WINDOW, at], self.numbers[:, at]
        self.rates_bps[place, :size] = window.rates_bps
        self.prefix_bits[place, :, : size + 1] = window.prefix_bits
        own[FIRST_BLOCK], own[NUM_BLOCKS] = window.first_block, size
        own[ENDLESS], own[COHERENCE_S] = window.endless, window.coherence_time_s
        own[KNOWN_S], own[MOST_BPS] = window.end_s, window.rates_bps.max()
        own[UNTIL_S] = -1.0

    def _make_room(self) -> None:
        room = self.numbers.shape[1]
        self._free = list(range(room, 2 * room))
        self.numbers = np.concatenate([self.numbers, np.zeros_like(self.numbers)], axis=1)
        self.integers = np.concatenate([self.integers, np.zeros_like(self.integers)], axis=1)
        self.rates_bps = np.concatenate([self.rates_bps, np.zeros_like(self.rates_bps)])
        self.prefix_bits = np.concatenate([self.prefix_bits, np.zeros_like(self.prefix_bits)])

    def _lengthen(self, num_blocks: int) -> None:
        room, before = self.rates_bps.shape
        width = 1 << (num_blocks - 1).bit_length()
        rates_bps, prefix_bits = np.zeros((room, width)), np.zeros((room, 2, width + 1))
        rates_bps[:, :before], prefix_bits[:, :, : before + 1] = self.rates_bps, self.prefix_bits
        self.rates_bps, self.prefix_bits = rates_bps, prefix_bits


@njit(cache=True)
def _window(tables: Tables, at: int) -> tuple[FloatArray, FloatArray, float, bool, int]:
    """An upload's window: rates, prefix sums, length of a block, whether the last is for ever, and the first one's number."""
    numbers, integers, rates_bps, prefix_bits = tables
    place, size = integers[WINDOW, at], int(numbers[NUM_BLOCKS, at])
    endless, first = numbers[ENDLESS, at] > 0.0, int(numbers[FIRST_BLOCK, at])
    return rates_bps[place, :size], prefix_bits[place], numbers[COHERENCE_S, at], endless, first


@njit(cache=True)
def bits_in_window(tables: Tables, at: int, start_s: float, end_s: float) -> float:
    """Bits that the whole band carries for an upload between two times of its session; `RAN_OUT` past its window."""
    rates, prefix_bits, coherence_s, endless, first = _window(tables, at)
    return float(delivered(rates, prefix_bits, coherence_s, endless, start_s, end_s, first))


@njit(cache=True)
def bits_known(tables: Tables, at: int, start_s: float, end_s: float) -> float:
    """The same for times in the window, or, added up another way, behind its end by a hair."""
    # Two sums of the same moments differ by few of the steps below 1, which are 1.1e-16: by four at most here.
    before_end_s = tables[0][KNOWN_S, at] * (1 - 4e-16)
    end_s = min(end_s, before_end_s)
    return bits_in_window(tables, at, min(start_s, end_s), end_s)


@njit(cache=True)
def seconds_in_window(tables: Tables, at: int, start_s: float, bits: float) -> float:
    """Seconds that the whole band takes for bits of an upload, as `channels.drain.drain`; `RAN_OUT` past its window."""
    rates, prefix_bits, coherence_s, endless, first = _window(tables, at)
    return float(drain(rates, prefix_bits, coherence_s, endless, start_s, bits, first))


@njit(cache=True)
def look_up_rate(
    numbers: FloatArray, integers: IntArray, rates_bps: FloatArray, at: int, session_s: float
) -> bool:
    """Bring the rate of an upload up to date; False where its window is over."""
    block = locate(session_s, numbers[COHERENCE_S, at])[0]
    index, last = int(block - numbers[FIRST_BLOCK, at]), int(numbers[NUM_BLOCKS, at]) - 1
    for_good = numbers[ENDLESS, at] > 0.0 and index >= last
    if for_good:
        index = last
    if not 0 <= index <= last:
        return False
    numbers[RATE_BPS, at] = rates_bps[integers[WINDOW, at], index]
    # A hair early: the quotient in `locate` may reach the edge before the time does.
    numbers[UNTIL_S, at] = np.inf if for_good else (block + 1) * numbers[COHERENCE_S, at] * (1 - 1e-15)
    return True
