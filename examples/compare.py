"""Two results folders compared: the same sweep with 1 MHz and with 5 MHz, the paired speed-up at each point."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from netsim.sweeps.run import run_sweep

SCENARIO = {
    "name": "bandwidth",
    "trace": "tiny-demo",
    "latency": {"slm": 0.01, "llm": 0.03},
    "seeds": 4,
    "sweep": {"policy": ["slm", "hlm", {"name": "u-hlm", "threshold": 0.3}], "channel.snr_db": [0, 10, 20]},
}
POINT = ["policy.name", "channel.snr_db"]

with tempfile.TemporaryDirectory() as name:
    tables = []
    for bandwidth_hz in (1e6, 5e6):
        folder = Path(name) / f"{bandwidth_hz:g}"
        run_sweep(SCENARIO | {"channel": {"bandwidth_hz": bandwidth_hz}}, folder)
        tables.append(pd.read_parquet(folder / "results.parquet").set_index([*POINT, "seed"]))
    # As `netsim table FIRST SECOND` does: the same seeds meet the same fading and the same draws.
    ratio = tables[1]["throughput_tok_s"] / tables[0]["throughput_tok_s"]
    print("times as fast with 5 MHz, by SNR in dB: mean over seeds")
    print(ratio.groupby(POINT).mean().unstack().round(3).to_string())  # noqa: PD010  (a series)
