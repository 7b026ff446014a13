"""How much faster is U-HLM than HLM, at which threshold, over the SNR? And what does it say for it?"""

from __future__ import annotations

import netsim

table = netsim.sweep(
    {
        "name": "thresholds",
        "trace": "tiny-demo",
        "latency": {"slm": 0.01, "llm": 0.03},
        "seeds": 8,
        "sweep": {
            "policy": ["hlm", {"name": "u-hlm", "threshold": {"start": 0.1, "stop": 0.5, "step": 0.2}}],
            "channel.snr_db": [-10, 0, 10, 20],
        },
    }
)
means = (
    table.fillna({"policy.threshold": -1})
    .groupby(["policy.threshold", "channel.snr_db"])
    .mean(numeric_only=True)
)
throughput = means["throughput_tok_s"].unstack()
speed_up = throughput.drop(index=-1) / throughput.loc[-1]
print("times as fast as hlm, by threshold (rows) and SNR in dB (columns)")
print(speed_up.round(2).to_string())
print("\nnats a token under the large model; hlm is -1; at 10 dB, and the same at any other")
print(means["llm_nll"].unstack()[10].round(3).to_string())
