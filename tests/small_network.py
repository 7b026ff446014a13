"""Points of networks over a small trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from netsim.point import Point
from netsim.scenario import Scenario

BASE: dict[str, Any] = {
    "name": "network",
    "policy": {"name": "u-hlm", "threshold": 0.5},
    "channel": {"snr_db": 0.0, "bandwidth_hz": 1e4, "coherence_time_s": 0.01},
    "tokens": 8,
}


def point(trace: Path, **blocks: Any) -> Point:
    return Point.of(Scenario.model_validate({**BASE, "trace": str(trace), **blocks}))


def table(built: Point, seed: int = 0) -> pd.DataFrame:
    return built.device_table(seed)
