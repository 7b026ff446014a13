"""The array engine: one device meets no contention, so its time line is a sum.

Everything but the air time of an upload is known beforehand; `netsim.engines.air_times` works it out for all sessions of
a seed in one compiled call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Workload
from netsim.engines.air_times import AirTimes, Links, Uploads
from netsim.engines.timings import Timings

FloatArray = NDArray[np.float64]
#: ``core(seed, session)``: seconds of each exchange's request and response, [num_tokens] each.
Core = Callable[[int, int], tuple[FloatArray, FloatArray]]


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
    links: Links,
    num_seeds: int,
    grant_s: float,
    propagation_s: float,
    core: Core | None = None,
) -> list[Timings]:
    """Times of every round, for workloads (policies) that share their sessions and fading.

    Parameters
    ----------
    workloads : sequence of Workload. All of the same shape.
    links : Links. The radio of each seed's sessions.
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
    uploads = Uploads.of(workloads, grant_s, propagation_s)
    shape = num_seeds, len(workloads), *workloads[0].slm_s.shape
    air_s, prompt_air_s = np.zeros(shape), np.zeros(shape)
    crossings_s = None if core is None else _crossings(core, num_seeds, *workloads[0].slm_s.shape)
    beside = [_Beside.of(workload, crossings_s, propagation_s) for workload in workloads]
    moved = crossings_s is not None or any(own.saved_s.any() for own in beside)
    times = AirTimes(links, uploads)
    for seed in range(num_seeds):
        own = uploads.after(np.stack([one.later_s(seed) for one in beside], axis=1)) if moved else uploads
        times.send(seed, own, (air_s[seed].reshape(-1), prompt_air_s[seed].reshape(-1)))
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
