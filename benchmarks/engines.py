"""Tokens per second of both engines on one core, beside the bare SimPy loop and the bare array sum."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.bare import TimeLine, bare_loop, bare_sum
from benchmarks.setting import PROMPTS, TOKENS, scenario
from netsim.point import Point, array_blocks
from netsim.scenario import Scenario

SNRS_DB = [-10.0, 0.0, 10.0, 20.0, 30.0]
REPEATS = 3

Work = Callable[[int], object]
#: Policy blocks of a scenario.
Policies = list[dict[str, object]]


def per_second(work: Work, small: int, large: int, tokens_per_seed: int) -> float:
    """Tokens per CPU second, from the difference of two sizes, so that starting up does not count.

    Parameters
    ----------
    work : callable of a number of seeds
    """

    def seconds(seeds: int) -> float:
        started = time.process_time()
        work(seeds)
        return time.process_time() - started

    work(small)
    best = [min(seconds(seeds) for _ in range(REPEATS)) for seeds in (small, large)]
    return (large - small) * tokens_per_seed / (best[1] - best[0])


def engine_table() -> str:
    """A Markdown table: one row per way to time a token, one column per set of policies."""
    hlm: Policies = [{"name": "hlm"}]
    u_hlm: Policies = [{"name": "u-hlm", "threshold": count / 20} for count in range(21)]
    columns = [_measure(policies) for policies in (hlm, u_hlm)]
    lines = [
        "| one core | hlm: tokens/s | times the bare loop | u-hlm, 21 thresholds: tokens/s | times the bare loop |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name in columns[0]:
        cells = [
            f"{column[name]:,.0f} | {column[name] / column['bare SimPy loop']:.2f}" for column in columns
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    ratios = [column["array engine"] / column["event engine"] for column in columns]
    lines += ["", f"Array engine over event engine: {ratios[0]:.0f} (hlm), {ratios[1]:.0f} (u-hlm)."]
    return "\n".join(lines)


def _measure(policies: Policies) -> dict[str, float]:
    """Tokens per second by every way, over all SNRs."""
    channels = [_points(policies, snr_db) for snr_db in SNRS_DB]
    tokens = len(SNRS_DB) * len(policies) * PROMPTS * TOKENS
    lines = [_time_line(point) for points in channels for point in points]

    def events(seeds: int) -> None:
        for points in channels:
            for seed in range(seeds):
                for point in points:
                    point.row(seed, "events")

    def arrays(seeds: int) -> None:
        for points in channels:
            list(array_blocks(points, range(seeds)))

    few, many = (1, 3) if len(policies) > 1 else (4, 16)
    return {
        "bare SimPy loop": per_second(lambda seeds: bare_loop(lines * seeds), few, many, tokens),
        "event engine": per_second(events, few, many, tokens),
        "bare array sum": per_second(lambda seeds: bare_sum(lines * seeds), 40, 400, tokens),
        "array engine": per_second(arrays, 16, 160, tokens),
    }


def _points(policies: Policies, snr_db: float) -> list[Point]:
    base = scenario().model_dump()
    base["channel"]["snr_db"] = snr_db
    scenarios = [Scenario.model_validate({**base, "policy": policy}) for policy in policies]
    first = Point.of(scenarios[0])
    return [first, *(first.at(other) for other in scenarios[1:])]


def _time_line(point: Point) -> TimeLine:
    """What the event engine found for seed 0, all prompts in a row."""
    _, work = point.plan(0)
    [run] = point.network.run(0)
    air_s = run.timings.air_s
    return TimeLine(work.uploads.ravel(), work.slm_s.ravel(), air_s.ravel(), work.llm_s.ravel())
