"""The array engine: one device meets no contention, so its time line is a sum.

Everything but the air time of an upload is known beforehand; `netsim.engines.air_times` works it out for all sessions of
a seed in one compiled call.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Workload
from netsim.engines.air_times import AirTimes, Links
from netsim.engines.sending import Tables
from netsim.engines.timings import Timings
from netsim.engines.uploads import Uploads

FloatArray = NDArray[np.float64]


def timings_but_for_air(
    workload: Workload, grant_s: float, propagation_s: float, crossings_s: FloatArray | None = None
) -> Timings:
    """Times of every round as if uploads took no time on air.

    Parameters
    ----------
    grant_s, propagation_s : float. Seconds before every upload, and of its way.
    crossings_s : [2, num_seeds, num_sessions, num_tokens], float, optional
        Seconds of each exchange's request and response in the core network; by default they take none.

    Returns
    -------
    Timings
        [num_sessions, num_tokens]; with crossings, what they change is [num_seeds, num_sessions, num_tokens]. ``start_s`` is
        NaN: no clock is kept.
    """
    nothing: FloatArray = np.zeros(workload.shape)
    up_s, down_s = (nothing, nothing) if crossings_s is None else crossings_s * workload.asks
    saved_s: FloatArray = nothing
    vain_s: FloatArray = nothing
    if workload.ahead_s.any() or workload.vain_s.any():
        judged_s = workload.llm_s + workload.llm_prefill_s + workload.downlink_s
        wait_s = judged_s + propagation_s * workload.asks + up_s + down_s
        used_s = np.minimum(workload.ahead_s, wait_s)[..., :-1]
        saved_s = np.concatenate([np.zeros((*wait_s.shape[:-1], 1)), used_s], axis=-1)
        vain_s = np.minimum(workload.vain_s, wait_s)
    # A round that sends only the prompt's ids owes its whole upload to the prompt.
    prompt_alone = workload.carries_prompt & ~workload.uploads
    return Timings(
        grant_s=np.where(workload.uploads, grant_s, 0.0),
        uplink_s=np.where(workload.uploads, propagation_s, 0.0),
        core_up_s=up_s,
        core_down_s=down_s,
        saved_s=saved_s,
        vain_s=vain_s,
        queue_s=nothing,
        prompt_s=np.where(prompt_alone, grant_s + propagation_s, 0.0),
        start_s=np.full_like(nothing, np.nan),
        air_s=nothing,
        prompt_air_s=nothing,
        air_wait_s=nothing,
        server_wait_s=nothing,
        batch_s=nothing,
    )


class ArrayEngine:
    """Times the uploads of workloads (policies) that share their sessions, over links that share their fading.

    Parameters
    ----------
    workloads : sequence of Workload. All of the same shape.
    links : sequence of Links. The radio of the sessions, at one mean SNR each.
    grant_s, propagation_s : float. Seconds before every upload, and of its way.
    count_prompt : bool. Whether the upload of a prompt is a part of its round.
    """

    def __init__(
        self,
        workloads: Sequence[Workload],
        links: Sequence[Links],
        grant_s: float,
        propagation_s: float,
        *,
        count_prompt: bool,
    ) -> None:
        self._uploads = Uploads.of(workloads, grant_s, propagation_s)
        self._air_times = [AirTimes(one, self._uploads, count_prompt=count_prompt) for one in links]

    def uploads(self, but_for_air: Sequence[Timings], number: int) -> Uploads:
        """The uploads under one seed.

        Parameters
        ----------
        but_for_air : sequence of Timings. `timings_but_for_air` of each workload, of several seeds.
        number : int. Which of them it is.
        """
        later_s = np.stack([_later_s(own, number) for own in but_for_air])
        return self._uploads.after(later_s) if later_s.any() else self._uploads

    def send(self, link: int, seed: int, uploads: Uploads, tables: Tables) -> None:
        """Add the air times of all uploads over one link to tables; as `netsim.engines.air_times.AirTimes.send`."""
        self._air_times[link].send(seed, uploads, tables)


def _later_s(timings: Timings, seed: int) -> FloatArray:
    """How much later each exchange's upload begins than by the workload alone: [num_sessions, num_tokens]."""
    up_s, down_s, saved_s = (
        own if own.ndim == 2 else own[seed]
        for own in (timings.core_up_s, timings.core_down_s, timings.saved_s)
    )
    spent_s = np.cumsum(up_s + down_s, axis=1)
    before_s = np.concatenate([np.zeros((len(spent_s), 1)), spent_s[:, :-1]], axis=1)
    later_s: FloatArray = before_s - np.cumsum(saved_s, axis=1)
    return later_s
