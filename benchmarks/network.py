"""Tokens per second of the event engine on one core when devices contend for uplink and server."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from benchmarks.setting import scenario
from netsim.point import Point

#: Prompts of each device, and tokens of each prompt: 13 000 tokens in all, and 64 000 of the most devices.
SIZES = {10: (20, 64), 100: (2, 64), 1000: (1, 64)}
#: A slot has its own work, and a transmission has hundreds of slots: fewer tokens measure that as well.
SLOTTED_SIZES = {10: (1, 64), 100: (1, 6), 1000: (1, 1)}
REPEATS = 2
CELLS: dict[str, dict[str, Any]] = {
    "FIFO": {},
    "FIFO, no fading": {"fading": "none"},
    "FIFO, batches of 8": {"server": {"max_batch": 8}},
    "equal split": {"uplink": {"scheduler": "equal-split"}},
    "round-robin": {"uplink": {"scheduler": "round-robin"}},
    "proportional fair": {"uplink": {"scheduler": "proportional-fair"}},
}


def network_table() -> str:
    """A Markdown table: a row per cell, a column per number of devices; best of several runs."""
    lines = [
        f"| hlm, tokens/s | {' | '.join(f'{number} devices' for number in SIZES)} |",
        f"| --- |{' ---: |' * len(SIZES)}",
    ]
    for name, blocks in CELLS.items():
        sizes = SLOTTED_SIZES if "uplink" in blocks else SIZES
        cells = [f"{_speed(number, *size, blocks):,.0f}" for number, size in sizes.items()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _speed(devices: int, per_device: int, tokens: int, blocks: dict[str, Any]) -> float:
    """Tokens per CPU second of whole rows."""
    own = {key: value for key, value in blocks.items() if key != "fading"}
    if "fading" in blocks:
        own["channel"] = {"fading": blocks["fading"], "bandwidth_hz": 1e7}
    point = Point.of(
        scenario(
            policy={"name": "hlm"},
            latency={"slm": 0.02, "llm": 0.05},
            devices=devices,
            tokens=tokens,
            requests={"per_device": per_device},
            **own,
        )
    )
    seeds = count()
    point.row(next(seeds))  # reads the trace and compiles
    best = min(_seconds(point, next(seeds)) for _ in range(REPEATS))
    return devices * per_device * tokens / best


def _seconds(point: Point, seed: int) -> float:
    started = time.process_time()
    point.row(seed)
    return time.process_time() - started
