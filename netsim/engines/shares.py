"""An uplink that all uploads share: compiled loops bring all of them up to date and find the next that is through."""

from __future__ import annotations

import numpy as np
import simpy
from numba import njit

from channels.gains import LinkNeverSends
from netsim.engines.pending import (
    AIR_S,
    COHERENCE_S,
    DEVICE,
    ELAPSED_S,
    KNOWN_S,
    LEFT,
    MOST_BPS,
    PART,
    RATE_BPS,
    SPENT_S,
    UNTIL_S,
    Pending,
    Tables,
    bits_known,
    look_up_rate,
    seconds_in_window,
)
from netsim.engines.uplink import Sent
from netsim.radio.link import Link


@njit(cache=True)
def send_all(tables: Tables, count: int, seconds: float) -> None:
    """Let all uploads send for a while, each with its share of the band."""
    numbers, integers, rates_bps, _ = tables
    for at in range(count):
        end_s = numbers[ELAPSED_S, at] + seconds
        if end_s < numbers[UNTIL_S, at]:  # in the block of fading whose rate was looked up last
            bits = numbers[RATE_BPS, at] * seconds
        else:
            bits = bits_known(tables, at, numbers[ELAPSED_S, at], end_s)
            look_up_rate(numbers, integers, rates_bps, at, end_s)
        part = int(numbers[PART, at])
        numbers[LEFT + part, at] = max(numbers[LEFT + part, at] - bits / count, 0.0)
        numbers[ELAPSED_S, at] = end_s
        numbers[SPENT_S + part, at] += seconds
        numbers[AIR_S + part, at] += seconds / count


@njit(cache=True)
def next_end(tables: Tables, count: int) -> tuple[int, float, bool]:
    """Which upload's part is over first if nobody comes until then; of equals, that of the upload that came first.

    At a rate of ``R / n``, ``B`` bits take as long as ``n B`` bits at ``R``. Most uploads need more than the largest
    rate of their window could carry until the best end found so far, and are not looked at any closer.

    Returns
    -------
    int, float, bool
        Its upload, the seconds until then, and True; or an upload whose window ends before that, the seconds until
        then, and False. Infinite seconds where no upload will ever be through.
    """
    numbers = tables[0]
    guess, least_s = 0, np.inf
    for at in range(count):
        bits = numbers[LEFT + int(numbers[PART, at]), at]
        if bits < least_s * numbers[MOST_BPS, at]:
            guess, least_s = at, bits / numbers[MOST_BPS, at]
    best, best_s, ends = guess, np.inf, False
    for turn in range(-1, count):
        at = guess if turn < 0 else turn
        bits = numbers[LEFT + int(numbers[PART, at]), at] * count
        start_s = numbers[ELAPSED_S, at]
        known_s = max(numbers[KNOWN_S, at] - start_s, 0.0)
        # By more than the digits of a float, so that equal ends are found.
        if best_s <= known_s and bits > numbers[MOST_BPS, at] * best_s * (1 + 1e-12):
            continue
        seconds = seconds_in_window(tables, at, start_s, bits)
        is_end = seconds >= 0.0
        if not is_end:
            seconds = known_s
        earlier = seconds < best_s or (
            seconds == best_s and is_end and seconds < np.inf and (not ends or at < best)
        )
        if earlier:
            best, best_s, ends = at, seconds, is_end
    return best, best_s, ends


class EqualSplitUplink:
    """All uploads at once, each with an equal share of the band: processor sharing.

    With the band split by ``n``, every device sends at ``1 / n`` of its rate, at the same SNR. At every arrival and
    end the others are brought up to date, which costs some nanoseconds each.
    """

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._pending = Pending()
        self._done: list[simpy.Event] = []
        self._since_s = 0.0
        self._plan: simpy.Event | None = None
        self._next: tuple[int, float, bool]

    def send(self, device: int, link: Link, elapsed_s: float, prompt_bits: float, bits: float) -> simpy.Event:
        """Send an upload; see `netsim.engines.uplink.Uplink.send`."""
        # Refuses a link that can never send, instead of going through its blocks for ever.
        alone_s = link.duration(elapsed_s, prompt_bits + bits)
        done = self._env.event()
        self._go_on(self._env.now - self._since_s)
        self._pending.add(device, link, self._env.now, elapsed_s, (prompt_bits, bits), alone_s)
        self._done.append(done)
        self._plan_ahead()
        return done

    def _go_on(self, seconds: float) -> None:
        if self._pending.count and seconds:
            send_all(self._pending.tables, self._pending.count, seconds)
        self._since_s = self._env.now

    def _plan_ahead(self) -> None:
        """Plan the next end of a part, or of a window, as if nobody came until then."""
        self._plan = None
        pending = self._pending
        if pending.count:
            self._next = next_end(pending.tables, pending.count)
            at, seconds, _ = self._next
            if seconds == np.inf:
                raise LinkNeverSends(f"device {pending.integers[DEVICE, at]}: the rate is 0 for good")
            self._plan = self._env.timeout(seconds)
            self._plan.callbacks.append(self._wake)

    def _wake(self, plan: simpy.Event) -> None:
        if plan is not self._plan:  # somebody came in the meantime, and the plan was changed
            return
        at, seconds, ends = self._next
        self._go_on(seconds)
        if ends:
            self._end_part(at)
        else:
            self._fill_windows()
        self._plan_ahead()

    def _end_part(self, at: int) -> None:
        own = self._pending.numbers[:, at]
        own[LEFT + int(own[PART])] = 0.0
        own[PART] = 1.0
        if not own[LEFT + 1]:
            sent = _sent(own.tolist())
            self._pending.remove(at)
            self._done.pop(at).succeed(sent)

    def _fill_windows(self) -> None:
        """Fill the windows that are over now, or nearly: sessions that began together need it together."""
        pending = self._pending
        elapsed_s, known_s, coherence_s = (
            pending.numbers[row, : pending.count] for row in (ELAPSED_S, KNOWN_S, COHERENCE_S)
        )
        for at in np.flatnonzero(known_s - elapsed_s < coherence_s / 2).tolist():
            pending.load(at, float(known_s[at]), 0.0)


def _sent(own: list[float]) -> Sent:
    """What became of an upload, of its column."""
    return {
        "queued_s": 0.0,
        "first_wait_s": 0.0,
        "prompt_s": own[SPENT_S],
        "own_s": own[SPENT_S + 1],
        "prompt_air_s": own[AIR_S],
        "air_s": own[AIR_S + 1],
    }
