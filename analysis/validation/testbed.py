"""The published testbed: fitted on strong coverage, predicted for weak coverage."""

from __future__ import annotations

from typing import Any

from analysis.validation.check import Check
from analysis.validation.decisions import parametric
from netsim.point import Point

#: Seconds a token of HLM and U-HLM on the testbed, by coverage, and of its SLM and LLM parts.
STRONG, WEAK = (0.266, 0.213), (0.329, 0.232)
SLM_S, LLM_S = 0.18, 0.045
#: Bits of one full distribution in the papers' convention.
BITS = 32000 * 23
SOURCE = "testbed of the U-HLM authors, s a token"


def seconds_per_token(hlm_s: float, share: float, seeds: int) -> float:
    """Simulate U-HLM, which sends a share of what HLM sends, on a link on which HLM takes ``hlm_s`` a token."""
    uplink_s = hlm_s - SLM_S - LLM_S
    blocks: dict[str, Any] = {
        "policy": {"name": "rand-hlm", "skip_probability": 1 - share},
        # One bit/s/Hz at 0 dB: the bandwidth is the rate.
        "channel": {"fading": "none", "snr_db": 0.0, "bandwidth_hz": BITS / uplink_s},
        "payload": {"vocabulary_size": 32000, "count_indices": False},
        "latency": {"slm": SLM_S, "llm": LLM_S},
        "tokens": 200,
    }
    point = Point.of(parametric(**blocks))
    rows = [1 / float(point.row(seed)["throughput_tok_s"] or 0) for seed in range(seeds)]
    return sum(rows) / len(rows)


def testbed(seeds: int) -> list[Check]:
    """U-HLM under weak coverage; two numbers are fitted on strong coverage and one is taken from weak coverage."""
    share = (STRONG[1] - SLM_S) / (STRONG[0] - SLM_S)
    fitted = seconds_per_token(STRONG[0], share, seeds)
    predicted = seconds_per_token(WEAK[0], share, seeds)
    return [
        Check(
            "U-HLM, strong coverage (fitted)",
            SOURCE,
            STRONG[1],
            fitted,
            0.02 * STRONG[1],
            "fitted: sampling, 2 %",
        ),
        Check(
            "U-HLM, weak coverage (predicted)",
            SOURCE,
            WEAK[1],
            predicted,
            0.05 * WEAK[1],
            "5 %, set beforehand",
        ),
    ]
