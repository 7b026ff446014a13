"""The trace and the scenario that are measured: the size of a paper's sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netsim.scenario import Grid, Scenario
from tests.trace_factory import make_trace

PROMPTS, TOKENS, TOKEN_SEEDS, VOCABULARY = 32, 64, 8, 32
TRACE = Path("results") / "benchmark-trace"
THRESHOLDS = [count / 20 for count in range(21)]
#: 13 mean SNRs from -10 to 30 dB.
SNRS_DB = [-10.0, -7.0, -4.0, -1.0, 2.0, 5.0, 8.0, 11.0, 14.0, 18.0, 22.0, 26.0, 30.0]


def trace_folder() -> Path:
    """A trace of random table models, recorded once; the time of a round does not depend on what it says."""
    if not (TRACE / "trace.json").exists():
        make_trace(
            TRACE,
            prompts=PROMPTS,
            token_seeds=range(TOKEN_SEEDS),
            num_tokens=TOKENS,
            vocabulary_size=VOCABULARY,
        )
    return TRACE.resolve()


def scenario(bandwidth_hz: float = 1e7, **keys: Any) -> Scenario:
    """U-HLM under Rayleigh fading with blocks of 10 ms, 32 000 tokens billed; further keys as in a file."""
    content = {
        "name": "benchmark",
        "trace": str(trace_folder()),
        "policy": {"name": "u-hlm", "threshold": 0.0},
        "payload": {"vocabulary_size": 32_000},
        "channel": {"fading": {"name": "rayleigh"}, "bandwidth_hz": bandwidth_hz, "coherence_time_s": 0.01},
        "tokens": TOKENS,
        "seeds": 1,
        **keys,
    }
    return Scenario.model_validate(content)


def swept(
    *, snrs: int, thresholds: int, seeds: int, tokens: int = TOKENS, bandwidth_hz: float = 1e7
) -> Scenario:
    """A sweep of so many SNRs, thresholds and seeds; fewer values are spread over the same range."""
    axes = {
        "policy.threshold": THRESHOLDS[:: len(THRESHOLDS) // thresholds][:thresholds],
        "channel.snr_db": SNRS_DB[:: len(SNRS_DB) // snrs][:snrs],
    }
    return scenario(bandwidth_hz, seeds=seeds, tokens=tokens, sweep=axes)


def rounds(of: Scenario) -> int:
    """Rounds of a whole sweep."""
    return len(Grid.of(of).points) * len(of.seed_values()) * PROMPTS * of.tokens
