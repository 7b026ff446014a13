"""Decisions: speculative sampling against its theorem, and a parametric trace against its distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.validation.check import Check, exact, of_means, of_share
from netsim.point import Point
from netsim.scenario import Scenario
from traces.speculative.verify import accepts, choose_one, resample_one

FloatArray = NDArray[np.float64]
#: FACTS of the papers' pair, as a beta distribution of the uncertainty that gives all three published shares.
ALPHA, BETA = 0.149, 0.265
PROMPTS = 4


def parametric(**blocks: Any) -> Scenario:
    """A scenario over the published line, without fading."""
    content: dict[str, Any] = {
        "name": "validation",
        "trace": {
            "kind": "parametric",
            "vocabulary_size": 32000,
            "uncertainty": {"alpha": ALPHA, "beta": BETA},
            "rejection": {"a": 0.82, "b": -0.06},
            "prompts": PROMPTS,
        },
        "uncertainty": {"samples": "inf"},
        "policy": {"name": "u-hlm", "threshold": 0.43},
        "channel": {"fading": "none"},
        "latency": {"slm": 0.02, "llm": 0.05},
        "tokens": 8,
    }
    return Scenario.model_validate(content | blocks)


def speculative_sampling(prefixes: int, samples: int) -> list[Check]:
    """Theorem 1 of arXiv 2211.17192: accepted or resampled, the output is distributed as ``y``.

    Chi-square pooled over prefixes of 12 tokens, each with ``x`` and ``y`` of its own; as a share of its degrees
    of freedom it is 1. The classic mistakes (resampling from ``y``; the ratio upside down) give above 5.
    """
    rng = np.random.default_rng(99)
    size, statistic, rejected, tv = 12, 0.0, 0, 0.0
    for _ in range(prefixes):
        x, y = rng.dirichlet(np.full(size, 0.6), 2)
        counts = np.zeros(size)
        for draft_draw, accept_draw, resample_draw in rng.random((samples, 3)):
            draft = choose_one(x, draft_draw)
            kept = accepts(x[[draft]], y[[draft]], np.array([accept_draw]))[0]
            rejected += not kept
            counts[draft if kept else resample_one(x, y, resample_draw)] += 1
        statistic += float((((counts - samples * y) ** 2) / (samples * y))[y * samples > 0].sum())
        tv += 0.5 * float(np.abs(x - y).sum()) / prefixes
    freedom = prefixes * (size - 1)
    half = 3.29 * np.sqrt(2 / freedom)
    source, trials = "theorem 1, arXiv 2211.17192", prefixes * samples
    because = f"99.9 % of {freedom} degrees of freedom"
    return [
        Check("speculative sampling: chi-square over its degrees of freedom", source, 1.0, statistic / freedom, half, because),
        of_share("speculative sampling: drafts rejected", "total variation of x and y", tv, rejected, trials),
    ]  # fmt: skip


def shares(seeds: int) -> list[Check]:
    """Skipped rounds of a parametric trace against its distribution, and the published shares beside it."""
    checks = []
    for threshold, published in ((0.073, 0.4593), (0.8117, 0.748)):
        scenario = parametric(policy={"name": "u-hlm", "threshold": threshold}, tokens=48)
        point = Point.of(scenario)
        rates = [1 - float(point.row(seed)["transmission_rate"] or 0) for seed in range(seeds)]
        expected = float(stats.beta.cdf(threshold, ALPHA, BETA))
        subject = f"skipped at threshold {threshold:g}, Beta({ALPHA:g}, {BETA:g})"
        line = of_means(subject, "the distribution function", expected, rates)
        checks.append(line)
        allowed, because = line.allowed + 5e-4, f"{line.because}, digits of the paper"
        source = "published share (a hypothesis: the beta law was fitted to it)"
        checks.append(Check(subject, source, published, line.measured, allowed, because))
    return checks


def throughput() -> list[Check]:
    """Tokens per second where every quantity is constant: one over the mean of the stages."""
    scenario = parametric(latency={"slm": 0.02, "llm": 0.05, "grant": 0.004, "propagation": 0.001})
    point = Point.of(scenario)
    checks = []
    for engine in ("arrays", "events"):
        row = point.row(3, engine)
        rate, bits = float(row["transmission_rate"] or 0), float(row["uplink_bits"] or 0)
        mean_s = 0.02 + rate * (0.004 + 0.001 + 0.05 + 0.001) + bits / (1e6 * np.log2(11))
        subject = f"throughput with all quantities constant, {engine}: tokens/s"
        checks.append(
            exact(
                subject,
                "one over the sum of the stages",
                float(1 / mean_s),
                float(row["throughput_tok_s"] or 0),
            )
        )
    return checks  # fmt: skip
