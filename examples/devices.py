"""How many devices does one base station serve within a deadline?"""

from __future__ import annotations

import netsim

DEADLINE_S = 2.0

table = netsim.sweep(
    {
        "name": "devices",
        "trace": "tiny-demo",
        "tokens": 24,
        "eos": "ignore",
        "channel": {"snr_db": 10, "bandwidth_hz": 5e6},
        "latency": {"slm": 0.01, "llm": 0.03},
        "requests": {"deadline_s": DEADLINE_S},
        "seeds": 4,
        "sweep": {
            "policy": ["hlm", {"name": "u-hlm", "threshold": [0.1, 0.3]}],
            "devices": [1, 2, 4, 8],
        },
    }
)
met = (
    table.fillna({"policy.threshold": 0})
    .groupby(["policy.name", "policy.threshold", "devices"])["deadline_met"]
    .mean()
)
print(f"share of requests within {DEADLINE_S:g} s, by devices")
print(met.unstack().round(3).to_string())
served = met[met >= 0.95].reset_index().groupby(["policy.name", "policy.threshold"])["devices"].max()
print("\nmost devices with 95 % in time")
print(served.to_string())
