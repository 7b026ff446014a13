"""A made-up sweep with the columns of a results folder."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pandas as pd

from analysis.figures.results import Results

# name, threshold, skip probability, share of rounds that transmit, nats per token
POLICIES = (
    ("slm", np.nan, np.nan, 0.0, 2.1),
    ("llm", np.nan, np.nan, np.nan, 1.2),
    ("hlm", np.nan, np.nan, 1.0, 1.2),
    ("rand-hlm", np.nan, 0.45, 0.55, 1.6),
    ("u-hlm", 0.1, np.nan, 0.55, 1.25),
    ("u-hlm", 0.5, np.nan, 0.35, 1.35),
    ("oracle", np.nan, np.nan, 0.25, 1.2),
)
SNRS_DB = np.arange(-10, 31, 5)
AXES = ("policy.name", "policy.threshold", "policy.skip_probability", "channel.snr_db")


@cache
def made_up_sweep() -> Results:
    """Policies x SNRs x 20 seeds over 8 token seeds; seconds from a Shannon link of 1 MHz, and some noise."""
    rng = np.random.default_rng(0)
    rows = []
    for (name, threshold, skip, transmits, nll), snr_db, seed in product(POLICIES, SNRS_DB, range(20)):
        transmission_rate = np.nan_to_num(transmits) + (rng.normal(scale=0.02) if 0 < transmits < 1 else 0.0)
        rate_bps = 1e6 * np.log2(1 + 10 ** (snr_db / 10)) * rng.uniform(0.9, 1.1)
        stages = {
            "slm_s": 0.0 if name == "llm" else 0.004,
            "uncertainty_s": 0.0,
            "grant_s": 0.0,
            "uplink_s": transmission_rate * 2048 * 19 / rate_bps,
            "core_s": 0.0,
            "queue_s": 0.0,
            "llm_s": 0.012 * (1.0 if name == "llm" else transmission_rate),
            "downlink_s": 0.0,
        }
        latency_s = sum(stages.values())
        point = (name, threshold, skip, snr_db)
        rows.append(
            dict(zip(AXES, point, strict=True))
            | {"seed": seed, "token_seed": seed % 8, "engine": "arrays", "tokens": 1152}
            | {"throughput_tok_s": 1 / latency_s, "latency_mean_s": latency_s}
            | stages
            | {"llm_nll": nll + rng.normal(scale=0.03), "on_trace": 1.0, "source_top_p": 0.97}
        )
    return Results(pd.DataFrame(rows), AXES)
