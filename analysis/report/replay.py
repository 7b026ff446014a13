"""A replay one can watch: every token of a few prompts under several policies, and the link below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.labels import point_label
from netsim.engines.network import DeviceRun
from netsim.point import Point
from netsim.scenario import Grid, GridPoint
from netsim.scenario.sources.built_in import RecordedTraceSettings
from traces.format.texts import token_texts
from traces.format.trace import Trace

#: Policies, prompts, and values of the rate that a page holds at most.
MOST_POLICIES, MOST_PROMPTS, MOST_RATES = 8, 6, 400
SNR = "channel.snr_db"


def replay_data(grid: Grid, seed: int) -> dict[str, Any] | None:
    """Tokens of the first prompts under the sweep's policies, at its middle SNR.

    Parameters
    ----------
    grid : Grid
        That of a sweep.
    seed : int
        Seed of fading and token draws, the same for every policy.

    Returns
    -------
    dict or None
        ``snr``: where it is taken, in words; ``prompts``: name and text; ``policies``: label and, per prompt, its
        tokens and its link's rate. None where the trace has no tokens (statistics, models in the loop).
    """
    chosen = _chosen(grid)
    built = [
        Point.of(point.scenario)
        for point in chosen
        if isinstance(point.scenario.trace, RecordedTraceSettings)
    ]
    if not built or not isinstance(built[0].trace, Trace):
        return None
    trace = built[0].trace
    texts = token_texts(trace.folder)
    numbers = list(trace.prompts)[:MOST_PROMPTS]
    return {
        "where": f"SNR {built[0].scenario.channel.snr_db:g} dB, seed {seed}",
        "prompts": [
            {"name": trace.prompt(number).id, "text": trace.prompt(number).text} for number in numbers
        ],
        "policies": [
            {"label": _label(point.coordinates), "runs": _policy_runs(own, seed, numbers, texts)}
            for point, own in zip(chosen, built, strict=True)
        ],
    }


def _chosen(grid: Grid) -> list[GridPoint]:
    """A point for each policy: at the middle of every other axis."""
    points = list(grid.points)
    for axis in [axis for axis in points[0].coordinates if not axis.startswith("policy")]:
        values = sorted({point.coordinates[axis] for point in points}, key=str if axis != SNR else float)
        middle = values[len(values) // 2]
        points = [point for point in points if point.coordinates[axis] == middle]
    return points[:MOST_POLICIES]


def _label(coordinates: Mapping[str, Any]) -> str:
    return (
        point_label({key: value for key, value in coordinates.items() if key.startswith("policy")})
        or "policy"
    )


def _policy_runs(
    point: Point, seed: int, numbers: Sequence[int], texts: Mapping[int, str]
) -> list[dict[str, Any] | None]:
    """What one policy did with each prompt; None for a prompt that no device met."""
    runs = point.network.run(seed)
    log = point.token_log(seed)
    drafts = point.policy.drafts
    return [
        _prompt_run(
            runs, log[log["prompt"] == number], point.trace.prompts.index(number), texts, drafts=drafts
        )
        for number in numbers
    ]


def _prompt_run(
    runs: Sequence[DeviceRun], log: pd.DataFrame, place: int, texts: Mapping[int, str], *, drafts: bool
) -> dict[str, Any] | None:
    if log.empty:
        return None
    device = int(log["device"].iloc[0])
    log = log[log["device"] == device].drop_duplicates("position")
    run = runs[device]
    session = next(index for index, own in enumerate(run.sessions) if own.place == place)
    rejection = run.rounds.rejection[session, log["position"]]
    began_s = float(log["start_s"].iloc[0])
    tokens = [
        {
            "text": texts.get(int(row.token), f"⟨{row.token}⟩"),
            "fate": _fate(row, drafts=drafts),
            "draft": texts.get(int(row.draft), f"⟨{row.draft}⟩") if drafts else None,
            "uncertainty": _number(row.uncertainty) if drafts else None,
            "rejection": _number(refused) if drafts else None,
            "bits": _number(row.bits),
            "start": _number(row.start_s - began_s),
            "end": _number(row.end_s - began_s),
        }
        for row, refused in zip(_rows(log), rejection, strict=True)
    ]
    end_s = float(log["end_s"].iloc[-1]) - began_s
    link = run.link(session, began_s)
    times = np.linspace(0.0, end_s, MOST_RATES)
    rates = [_number(link.rate_bps(float(time_s))) for time_s in times]
    return {"tokens": tokens, "end": _number(end_s), "rates": rates}


def _rows(log: pd.DataFrame) -> list[Any]:
    """Rows of a token log, with its columns as attributes."""
    return list(log.itertuples())


def _fate(row: Any, *, drafts: bool) -> str:
    if not drafts:
        return "server"
    if not row.transmitted:
        return "skipped"
    return "accepted" if row.accepted else "replaced"


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
