"""One row per token: what was decided, what was sent, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netsim.engines.network import DeviceRun
from netsim.results.columns import STAGES
from netsim.results.stages import stage_seconds
from traces.speculative.exchanges import exchanges_of

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
#: Columns of a token log.
COLUMNS = (
    "seed", "device", "prompt", "position", "token", "draft", "uncertainty", "transmitted", "accepted", "bits",
    "start_s", "end_s", *STAGES, "snr_db", "energy_queue_j",
)  # fmt: skip


def token_log(runs: Sequence[DeviceRun], prompts: Sequence[int], seed: int) -> pd.DataFrame:
    """Every token of a point under one seed.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, by device, session and position. Times count from the simulation's start. The stages hold
        everything, prompt upload and prefill included, and add up to ``end_s - start_s``; ``bits`` those of
        the prompt's ids. ``snr_db`` is that of the link when the exchange's first bit is sent, NaN where nothing
        is. Of the tokens of one exchange the first has its bits and stages; the others appear with it. ``draft`` is -1 and ``uncertainty`` NaN where there is no draft.
    """
    import pandas as pd  # noqa: PLC0415  (checking a scenario needs none of it)

    parts = [_device_log(run, seed, number, prompts) for number, run in enumerate(runs)]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _device_log(run: DeviceRun, seed: int, number: int, prompts: Sequence[int]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  (checking a scenario needs none of it)

    rounds, workload, timings = run.rounds, run.workload, run.timings
    valid = rounds.valid
    seconds = stage_seconds(workload, timings, count_prompt=True)
    session, position = np.nonzero(valid)
    of_exchange = session, rounds.exchange[valid]
    # The first token of an exchange carries it; the others appear with it, and cost nothing more.
    first = exchanges_of(rounds).first[of_exchange] == position
    end_s = (timings.start_s + seconds.round_s)[of_exchange]
    numbers = np.array([prompts[own.place] for own in run.sessions], np.int64)
    return pd.DataFrame(
        {
            "seed": seed,
            "device": number,
            "prompt": numbers[session],
            "position": position,
            "token": rounds.token[valid],
            "draft": rounds.draft[valid],
            "uncertainty": rounds.uncertainty[valid],
            "transmitted": rounds.transmitted[valid],
            "accepted": rounds.accepted[valid],
            "bits": (workload.bits + workload.prompt_bits)[of_exchange] * first,
            "start_s": np.where(first, timings.start_s[of_exchange], end_s),
            "end_s": end_s,
            **{name: seconds.stages[name][of_exchange] * first for name in STAGES},
            "energy_queue_j": np.nan
            if run.queues_j is None
            else np.where(first, run.queues_j[of_exchange], np.nan),
            "snr_db": np.where(first, _snr_db(run)[of_exchange], np.nan),
        }
    )


def _snr_db(run: DeviceRun) -> FloatArray:
    """SNR at each upload's first bit: [num_sessions, num_tokens], dB, NaN where nothing is sent."""
    workload, timings = run.workload, run.timings
    before_s = workload.slm_s + workload.slm_prefill_s + workload.uncertainty_s + timings.air_wait_s
    before_s += run.device.costs.grant_s - timings.saved_s
    snr = np.full(workload.shape, np.nan)
    sends = workload.bits + workload.prompt_bits > 0
    for session in np.flatnonzero(sends.any(axis=1)):
        began_s = float(timings.start_s[session, 0])
        link = run.link(int(session), began_s)
        for position in np.flatnonzero(sends[session]):
            at_s = float(timings.start_s[session, position] - began_s + before_s[session, position])
            snr[session, position] = link.snr(at_s)
    return np.asarray(10 * np.log10(snr))
