"""Tokens per second of both engines on one core, beside the bare SimPy loop and the bare array sum."""

from __future__ import annotations

from functools import cache
from itertools import count

from benchmarks.bare import TimeLine, bare_loop, bare_sum
from benchmarks.setting import PROMPTS, THRESHOLDS, TOKEN_SEEDS, TOKENS, scenario
from benchmarks.turns import Sized, speeds
from netsim.point import Point, array_blocks
from netsim.scenario import Scenario

SNRS_DB = [-10.0, 0.0, 10.0, 20.0, 30.0]
#: Sets of policies that share a channel, by name.
COLUMNS: dict[str, list[dict[str, object]]] = {
    "hlm": [{"name": "hlm"}],
    "u-hlm 0.3": [{"name": "u-hlm", "threshold": 0.3}],
    "u-hlm, 21 thresholds": [{"name": "u-hlm", "threshold": threshold} for threshold in THRESHOLDS],
}
LOOP, EVENTS, SUM, ARRAYS = "bare SimPy loop", "event engine", "bare array sum", "array engine"


def engine_table() -> str:
    """A Markdown table: one row per way to time a token, two columns per set of policies."""
    found = {column: engine_speeds(column) for column in COLUMNS}
    lines = [
        f"| one core | {' | '.join(f'{column}: tokens/s | times the bare loop' for column in COLUMNS)} |",
        f"| --- |{' ---: |' * 2 * len(COLUMNS)}",
    ]
    for name in (LOOP, EVENTS, ARRAYS, SUM):
        cells = [f"{own[name]:,.0f} | {own[name] / own[LOOP]:.3g}" for own in found.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    ratios = ", ".join(f"{own[ARRAYS] / own[EVENTS]:.0f} ({column})" for column, own in found.items())
    return "\n".join([*lines, "", f"Array engine over event engine: {ratios}."])


@cache
def engine_speeds(column: str) -> dict[str, float]:
    """Tokens per CPU second by every way, over all SNRs; all ways take turns."""
    channels = points_of(column)
    tokens = len(SNRS_DB) * len(COLUMNS[column]) * PROMPTS * TOKENS
    lines = [time_line(point) for points in channels for point in points]

    def loop(seeds: int) -> float:
        bare_loop(lines * seeds)
        return float(seeds * tokens)

    def add(seeds: int) -> float:
        bare_sum(lines * seeds)
        return float(seeds * tokens)

    # The event engine keeps its last run, so that no seed comes again; its token draws do.
    starts = count(TOKEN_SEEDS, TOKEN_SEEDS)

    # As a sweep's chunks: by events SNR by SNR, by arrays all of them together, in each all policies under all seeds.
    def events(seeds: int) -> float:
        start = next(starts)
        for points in channels:
            for point in points:
                for seed in range(start, start + seeds):
                    point.row(seed, "events")
        return float(seeds * tokens)

    def arrays(seeds: int) -> float:
        for _ in array_blocks([point for points in channels for point in points], range(seeds)):
            pass
        return float(seeds * tokens)

    many = len(COLUMNS[column]) > 1
    few = (1, 2) if many else (1, 6)
    return speeds(
        {
            LOOP: Sized(loop, *few),
            EVENTS: Sized(events, *few),
            SUM: Sized(add, 40, 400),
            # Up to as many seeds as a paper's sweep has: rows of one token seed are worked out together.
            ARRAYS: Sized(arrays, *((200, 1000) if many else (32, 320))),
        }
    )


@cache
def points_of(column: str) -> list[list[Point]]:
    """Points of each SNR. As in a sweep, all share the trace and what is decided."""
    base = scenario().model_dump()
    first: Point | None = None
    channels = []
    for snr_db in SNRS_DB:
        points = []
        for policy in COLUMNS[column]:
            channel = {**base["channel"], "snr_db": snr_db}
            own = Scenario.model_validate({**base, "channel": channel, "policy": policy})
            first = first.at(own) if first else Point.of(own)
            points.append(first)
        channels.append(points)
    return channels


def time_line(point: Point) -> TimeLine:
    """What the event engine found for seed 0, all prompts in a row."""
    _, work = point.plan(0)
    [run] = point.network.run(0)
    air_s = run.timings.air_s
    return TimeLine(work.uploads.ravel(), work.slm_s.ravel(), air_s.ravel(), work.llm_s.ravel())
