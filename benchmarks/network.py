"""Tokens per second of the event engine on one core when devices contend for uplink and server."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.setting import TOKEN_SEEDS, scenario
from netsim.point import Point

#: Prompts of each device and tokens of each prompt, by the number of devices: a small and a large size.
SIZES = {10: ((4, 64), (20, 64)), 100: ((2, 16), (2, 64)), 1000: ((1, 16), (1, 64))}
REPEATS = 3
#: All are compared with the first.
CELLS: dict[str, dict[str, Any]] = {
    "FIFO": {},
    "FIFO, no fading": {"channel": {"fading": "none", "bandwidth_hz": 1e7}},
    "FIFO, batches of 8": {"server": {"max_batch": 8}},
    "equal split": {"uplink": {"scheduler": "equal-split"}},
    "round-robin": {"uplink": {"scheduler": "round-robin"}},
    "proportional fair": {"uplink": {"scheduler": "proportional-fair"}},
}


def network_table() -> str:
    """A Markdown table: a row per cell, tokens/s and the ratio to the first cell per number of devices."""
    lines = [
        f"| hlm, tokens/s | {' | '.join(f'{number} devices | of FIFO' for number in SIZES)} |",
        f"| --- |{' ---: |' * 2 * len(SIZES)}",
    ]
    speeds = {number: _speeds(number) for number in SIZES}
    for name in CELLS:
        cells = [f"{own[name]:,.0f} | {own[name] / own['FIFO']:.2f}" for own in speeds.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _speeds(devices: int) -> dict[str, float]:
    """Tokens per CPU second of each cell, from the difference of two sizes, so that a row's own work doesn't count.

    All cells take turns, so that what else happens on the machine meets all of them; best of several rows.
    """
    points = {
        (name, size): _point(devices, *SIZES[devices][size], blocks)
        for name, blocks in CELLS.items()
        for size in (0, 1)
    }
    for point in points.values():
        point.row(0)  # reads the trace, decides and compiles
    # Seeds with the token seed that is decided.
    seeds = [TOKEN_SEEDS * (repeat + 1) for repeat in range(REPEATS)]
    seconds: dict[tuple[str, int], list[float]] = {key: [] for key in points}
    for seed in seeds:
        for key, point in points.items():
            seconds[key].append(_seconds(point, seed))
    small, large = (devices * per_device * tokens for per_device, tokens in SIZES[devices])
    return {name: (large - small) / (min(seconds[name, 1]) - min(seconds[name, 0])) for name in CELLS}


def _point(devices: int, per_device: int, tokens: int, blocks: dict[str, Any]) -> Point:
    """A saturated server: a token takes it 50 ms."""
    return Point.of(
        scenario(
            policy={"name": "hlm"},
            latency={"slm": 0.02, "llm": 0.05},
            devices=devices,
            tokens=tokens,
            requests={"per_device": per_device},
            **blocks,
        )
    )


def _seconds(point: Point, seed: int) -> float:
    started = time.process_time()
    point.row(seed)
    return time.process_time() - started
