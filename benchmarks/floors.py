"""Floors: what the arithmetic of a token alone costs on this machine, and how far each engine is from it.

How the table is to be read, and what follows from it: ``docs/performance.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.counts import Counts, array_counts, event_counts, loop_counts
from benchmarks.engines import ARRAYS, COLUMNS, EVENTS, LOOP, SNRS_DB, engine_speeds, points_of, time_line
from benchmarks.setting import PROMPTS, TOKENS
from benchmarks.unit_costs import ROW, by_turns, drain_ns, rate, unit_costs
from netsim.engines.arrays import timings_but_for_air
from netsim.results.columns import LEVELS
from netsim.results.facts import Timed
from netsim.results.order import KINDS, StoredQuantiles
from netsim.results.prompt_sums import session_sums
from netsim.results.rows import RowBlock

#: Seeds of the runs that are counted: every token seed, by the array engine with several fading seeds each. The event
#: engine keeps its last run, so that its seeds are none that were run before.
ARRAY_SEEDS, EVENT_SEEDS = range(64), range(800, 808)
NUMBERS = ("keys", "blocks drawn", "blocks", "blocks on air", "uploads", "values ranked", "SimPy events")
PARTS = ("keys", "blocks drawn", "rates", "drains", "quantiles", "SimPy events")


def floor_table() -> str:
    """Three tables in Markdown: steps, counts of a token, and floors beside what was measured."""
    costs, counted, floors = unit_costs(SNRS_DB), [], []
    for column, policies in COLUMNS.items():
        measured = engine_speeds(column)
        # Measured before, between and after the engines: a noisy minute is not to make a floor too high.
        costs = {name: min(costs[name], cost) for name, cost in unit_costs(SNRS_DB).items()}
        channels = points_of(column)
        seeds = EVENT_SEEDS if len(policies) == 1 else EVENT_SEEDS[:1]
        found = {
            LOOP: [loop_counts([time_line(point) for point in points]) for points in channels],
            ARRAYS: array_counts(channels, ARRAY_SEEDS),
            EVENTS: [event_counts(points, seeds) for points in channels],
        }
        for engine, counts in found.items():
            title = f"{engine}, {column}"
            counted.append(f"| {title} | {' | '.join(f'{number:.4g}' for number in per_token(counts))} |")
            floors.append((title, counts, measured[engine]))
    return "\n".join(
        [
            *_table(
                ("step", "ns"),
                [f"| {name} | {ns:,.4g} |" for name, ns in {**costs, **_statistics_ns()}.items()],
            ),
            *_table(("a token takes", *NUMBERS), counted),
            *_table(
                (
                    "ns of a token",
                    *PARTS,
                    "floor",
                    "floor, tokens/s",
                    "measured, tokens/s",
                    "of the floor",
                    "floor if only blocks on air were drawn, tokens/s",
                ),
                [_floor(*own, costs) for own in floors],
            ),
        ]
    )


def _table(heads: Sequence[str], lines: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}", *lines, ""]


def _floor(title: str, counts: Sequence[Counts], measured: float, costs: Mapping[str, float]) -> str:
    parts = floor_ns(counts, costs)
    whole = sum(parts)
    blocks, on_air = per_token(counts)[2:4]
    least = whole - (parts[1] + parts[2]) * (1 - min(on_air / blocks, 1.0)) if blocks else whole
    cells = [f"{part:,.1f}" for part in (*parts, whole)]
    cells += [
        f"{1e9 / whole:,.0f}",
        f"{measured:,.0f}",
        f"{measured * whole / 1e9:.2f}",
        f"{1e9 / least:,.0f}",
    ]
    return f"| {title} | {' | '.join(cells)} |"


def per_token(counts: Sequence[Counts]) -> list[float]:
    """Numbers of `NUMBERS`, over the channels of `SNRS_DB`."""
    tokens = sum(own.tokens for own in counts)
    numbers = [
        (own.keys, own.drawn, own.blocks, own.on_air, own.air_s.size, own.ranked_values, own.events)
        for own in counts
    ]
    return [float(total) / tokens for total in np.sum(numbers, axis=0)]


def floor_ns(counts: Sequence[Counts], costs: Mapping[str, float]) -> list[float]:
    """Nanoseconds of a token by part, in the order of `PARTS`, over the channels of `SNRS_DB`."""
    coherence_time_s = points_of("hlm")[0][0].radio.coherence_time_s
    drawn_ns = costs["uniform"] + costs["logarithm of a Rayleigh gain"]
    parts = [
        (
            own.keys * costs["key of a session"],
            own.drawn * drawn_ns,
            own.blocks * (costs["prefix sum"] + costs[rate(snr_db)]),
            drain_ns(costs, own.air_s / coherence_time_s),
            own.ranked_values * costs["quantiles of 2048, a value"],
            own.events * costs["SimPy event"],
        )
        for own, snr_db in zip(counts, SNRS_DB, strict=True)
    ]
    tokens = sum(own.tokens for own in counts)
    return [float(total) / tokens for total in np.sum(parts, axis=0)]


def _statistics_ns() -> dict[str, float]:
    """A row of hlm, 2048 rounds of 32 prompts, beside its quantiles: worked out alone, and with 15 others that share its decisions."""
    assert PROMPTS * TOKENS == ROW
    point = points_of("hlm")[len(SNRS_DB) // 2][0]
    rounds, work = point.plan(0)
    still = Timed.of(work, timings_but_for_air(work, 0.0, 0.0), point.power, count_prompt=False)

    def statistics(seeds: range) -> None:
        of_sessions = np.ones((1, len(seeds), PROMPTS))
        quantiles = StoredQuantiles(LEVELS, np.ones((1, len(seeds), len(KINDS), len(LEVELS))))
        timed = still.with_air(of_sessions, of_sessions, of_sessions, quantiles)
        RowBlock.of([0], seeds, {}, timed, session_sums(rounds, timed, drafts=True))

    return by_turns(
        {
            "one row's statistics": (lambda: statistics(range(1)), 1),
            "one row's, of 16 at once": (lambda: statistics(range(16)), 16),
        }
    )
