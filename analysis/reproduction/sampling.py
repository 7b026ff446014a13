"""How published acceptance rates depend on the temperature and the nucleus: short recordings of the real pair."""

from __future__ import annotations

import numpy as np

from analysis.calibration.calibrate import calibrate
from analysis.calibration.lines import Estimate
from analysis.reproduction.tables import ROOT, table
from traces.format.trace import Trace

#: Recordings of the same prompts that differ in the sampler alone.
FOLDERS = "qwen-t*-p*"


def sampling_section() -> str:
    """What each sampler makes of the pair: rejection, Delta and line, on the hlm path."""
    traces = [Trace.open(folder) for folder in sorted((ROOT / "traces").glob(FOLDERS))]
    rows = []
    for trace in sorted(
        traces, key=lambda own: (own.manifest.sampler.temperature, own.manifest.sampler.top_p)
    ):
        sampler, (fit, _) = trace.manifest.sampler, calibrate(trace, np.random.default_rng(0))
        figures = [fit.mean_rejection, fit.delta, fit.a, fit.b]
        rows.append(
            [f"{sampler.temperature:g}", f"{sampler.top_p:g}", str(fit.rounds), *map(_shown, figures)]
        )
    head = [
        "temperature",
        "top-p",
        "rounds",
        "mean rejection",
        "Delta = P(y < x)",
        "line, slope a",
        "line, intercept b",
    ]
    return table(head, rows)


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
