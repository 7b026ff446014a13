"""Tokens per second of the event engine on one core when devices contend for uplink and server."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from benchmarks.setting import TOKENS, scenario
from netsim.simulate import Point

#: Prompts of each device: about as many tokens in all, but for the largest.
PER_DEVICE = {1: 400, 10: 40, 100: 4, 1000: 1}
REPEATS = 3
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
        f"| hlm, tokens/s | {' | '.join(f'{number} devices' for number in PER_DEVICE)} |",
        f"| --- |{' ---: |' * len(PER_DEVICE)}",
    ]
    for name, blocks in CELLS.items():
        slotted = blocks.get("uplink") is not None
        cells = [f"{_speed(number, blocks, slotted=slotted):,.0f}" for number in PER_DEVICE]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _speed(devices: int, blocks: dict[str, Any], *, slotted: bool) -> float:
    """Tokens per CPU second of whole rows."""
    # Shared bands and slots cost more a token; a tenth of the work measures them as well.
    per_device = max(PER_DEVICE[devices] // (10 if slotted else 1), 1)
    own = {key: value for key, value in blocks.items() if key != "fading"}
    if "fading" in blocks:
        own["channel"] = {"fading": blocks["fading"], "bandwidth_hz": 1e7}
    point = Point.of(
        scenario(
            policy={"name": "hlm"},
            latency={"slm": 0.02, "llm": 0.05},
            devices=devices if devices > 1 else [{}],
            requests={"per_device": per_device},
            **own,
        )
    )
    seeds = count()
    point.row(next(seeds))  # reads the trace and compiles
    best = min(_seconds(point, next(seeds)) for _ in range(REPEATS))
    return devices * per_device * TOKENS / best


def _seconds(point: Point, seed: int) -> float:
    started = time.process_time()
    point.row(seed)
    return time.process_time() - started
