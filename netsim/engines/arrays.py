"""The array engine: one device meets no contention, so its time line is a sum.

Everything but the air time of an upload is known beforehand. So a compiled loop goes over the uploads of a session,
under one capacity curve, for all policies at once; the cost of an upload grows with the logarithm of the blocks
that it crosses. What an upload takes is ``channels.drain.drain``, as in the event engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from channels.capacity import FIRST_BLOCKS, CapacityCurve
from channels.drain import drain
from netsim.costs.workload import Workload
from netsim.engines.timings import Timings

FloatArray = NDArray[np.float64]
#: ``curves(seed, session, num_blocks)``: seeds and sessions count from 0; a curve may hold more or fewer blocks.
Curves = Callable[[int, int, int], CapacityCurve]
#: ``core(seed, session)``: seconds of each exchange's request and response, [num_tokens] each.
Core = Callable[[int, int], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class _Uploads:
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

    def after(self, later_s: FloatArray) -> _Uploads:
        """The same uploads, each later by [num_sessions, num_workloads, num_tokens]."""
        return replace(self, known_s=self.known_s + later_s[self.sends])


@dataclass(frozen=True)
class _Beside:
    """What happens beside the radio, and depends on the seed where there is a core network.

    All are [num_seeds, num_sessions, num_tokens], or [num_sessions, num_tokens] where all seeds agree; as in `Timings`.
    """

    core_up_s: FloatArray
    core_down_s: FloatArray
    saved_s: FloatArray
    vain_s: FloatArray

    @classmethod
    def of(cls, workload: Workload, crossings_s: FloatArray | None, propagation_s: float) -> _Beside:
        """Of a workload; ``crossings_s`` is [2, num_seeds, num_sessions, num_tokens]."""
        nothing = np.zeros(workload.slm_s.shape)
        up_s, down_s = (nothing, nothing) if crossings_s is None else crossings_s * workload.asks
        if not (workload.ahead_s.any() or workload.vain_s.any()):
            return cls(up_s, down_s, nothing, nothing)
        judged_s = workload.llm_s + workload.llm_prefill_s + workload.downlink_s
        wait_s = judged_s + propagation_s * workload.asks + up_s + down_s
        saved_s = np.zeros(wait_s.shape)
        saved_s[..., 1:] = np.minimum(workload.ahead_s, wait_s)[..., :-1]
        return cls(up_s, down_s, saved_s, np.minimum(workload.vain_s, wait_s))

    def later_s(self, seed: int) -> FloatArray:
        """How much later each exchange's upload begins than without: [num_sessions, num_tokens]."""
        of_seed = [
            own if own.ndim == 2 else own[seed] for own in (self.core_up_s, self.core_down_s, self.saved_s)
        ]
        spent_s = np.cumsum(of_seed[0] + of_seed[1], axis=1)
        before_s = np.concatenate([np.zeros((len(spent_s), 1)), spent_s[:, :-1]], axis=1)
        later_s: FloatArray = before_s - np.cumsum(of_seed[2], axis=1)
        return later_s


def time_sessions(
    workloads: Sequence[Workload],
    curves: Curves,
    num_seeds: int,
    grant_s: float,
    propagation_s: float,
    core: Core | None = None,
) -> list[Timings]:
    """Times of every round, for workloads (policies) that share their sessions and fading.

    Parameters
    ----------
    workloads : sequence of Workload. All of the same shape.
    curves : callable. Capacity of each seed's sessions.
    num_seeds : int
    grant_s, propagation_s : float. Seconds before every upload, and of its way.
    core : callable, optional. Crossings of each seed's sessions; by default they take no time.

    Returns
    -------
    list of Timings, one per workload
        ``uplink_s``, ``air_s``, ``prompt_s``, ``prompt_air_s`` and, with a core network, ``core_up_s`` and
        ``core_down_s`` are [num_seeds, num_sessions, num_tokens]; the others, the same for every seed,
        [num_sessions, num_tokens]. ``start_s`` is NaN: no clock is kept.

    Raises
    ------
    LinkNeverSends, ChannelEnded
        As ``channels.capacity.CapacityCurve.extend``.
    """
    uploads = _uploads(workloads, grant_s, propagation_s)
    shape = num_seeds, len(workloads), *workloads[0].slm_s.shape
    air_s, prompt_air_s = np.zeros(shape), np.zeros(shape)
    crossings_s = None if core is None else _crossings(core, num_seeds, *workloads[0].slm_s.shape)
    beside = [_Beside.of(workload, crossings_s, propagation_s) for workload in workloads]
    moved = crossings_s is not None or any(own.saved_s.any() for own in beside)
    num_blocks = FIRST_BLOCKS
    for seed in range(num_seeds):
        results = air_s[seed].reshape(-1), prompt_air_s[seed].reshape(-1)
        own = uploads.after(np.stack([one.later_s(seed) for one in beside], axis=1)) if moved else uploads
        for session, starts in enumerate(uploads.starts):
            curve = curves(seed, session, num_blocks)
            used = _time_session(curve, starts, own, results)
            num_blocks = max(num_blocks, used)
    return [
        _timings(workload, air_s[:, number], prompt_air_s[:, number], beside[number], grant_s, propagation_s)
        for number, workload in enumerate(workloads)
    ]


def _crossings(core: Core, num_seeds: int, num_sessions: int, num_tokens: int) -> FloatArray:
    """Seconds of every request and response: [2, num_seeds, num_sessions, num_tokens]."""
    table = np.empty((2, num_seeds, num_sessions, num_tokens))
    for seed in range(num_seeds):
        for session in range(num_sessions):
            table[:, seed, session] = core(seed, session)
    return table


def _uploads(workloads: Sequence[Workload], grant_s: float, propagation_s: float) -> _Uploads:
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
    return _Uploads(starts, sends, known_s[sends], prompt_bits[sends], bits[sends], place)


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


def _time_session(
    curve: CapacityCurve, starts: NDArray[np.int64], uploads: _Uploads, results: tuple[FloatArray, FloatArray]
) -> int:
    """Write the air times of one session under every workload; returns the blocks that it needed."""
    while True:
        end_s = _send_all(
            curve.rates_bps,
            curve.prefix_bits,
            curve.coherence_time_s,
            curve.endless,
            starts,
            uploads.known_s,
            uploads.prompt_bits,
            uploads.bits,
            uploads.place,
            *results,
        )
        if end_s >= 0:
            return int(end_s / curve.coherence_time_s) + 2
        curve.extend()


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
    """Seconds until the last upload of any workload is over; -1 where the curve is too short."""
    end_s = 0.0
    for workload in range(len(starts) - 1):
        sent_s = 0.0
        for upload in range(starts[workload], starts[workload + 1]):
            start_s = known_s[upload] + sent_s
            if prompt_bits[upload] > 0.0:
                prompt_s = drain(
                    rates_bps, prefix_bits, coherence_time_s, endless, start_s, prompt_bits[upload]
                )
                if not 0.0 <= prompt_s < np.inf:
                    return -1.0
                prompt_air_s[place[upload]] = prompt_s
                start_s += prompt_s
                sent_s += prompt_s
            own_s = drain(rates_bps, prefix_bits, coherence_time_s, endless, start_s, bits[upload])
            if not 0.0 <= own_s < np.inf:
                return -1.0
            air_s[place[upload]] = own_s
            sent_s += own_s
            end_s = max(end_s, start_s + own_s)
    return end_s


def _timings(
    workload: Workload,
    air_s: FloatArray,
    prompt_air_s: FloatArray,
    beside: _Beside,
    grant_s: float,
    propagation_s: float,
) -> Timings:
    nothing = np.zeros(workload.slm_s.shape)
    # A round that sends only the prompt's ids owes its whole upload to the prompt.
    prompt_alone = workload.carries_prompt & ~workload.uploads
    uplink_s, prompt_s = air_s, prompt_air_s
    # These arrays are large: they are copied only where there is something to add.
    if propagation_s:
        uplink_s = air_s + propagation_s * workload.uploads
    if (grant_s + propagation_s) and prompt_alone.any():
        prompt_s = prompt_air_s + (grant_s + propagation_s) * prompt_alone
    return Timings(
        grant_s=np.where(workload.uploads, grant_s, 0.0),
        uplink_s=uplink_s,
        core_up_s=beside.core_up_s,
        core_down_s=beside.core_down_s,
        saved_s=beside.saved_s,
        vain_s=beside.vain_s,
        queue_s=nothing,
        prompt_s=prompt_s,
        start_s=np.full_like(nothing, np.nan),
        air_s=air_s,
        prompt_air_s=prompt_air_s,
        air_wait_s=nothing,
        server_wait_s=nothing,
        batch_s=nothing,
    )
