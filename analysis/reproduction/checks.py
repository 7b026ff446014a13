"""The parts of ``docs/reproduction.md`` that need no sweep: theory, conventions, the pair's own line."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from scipy.stats import betabinom, binom

from analysis.calibration.calibrate import calibrate
from analysis.calibration.show import draw, report
from analysis.reproduction.tables import (
    DENSITIES,
    ROOT,
    U_HLM_LINE,
    VOCABULARY,
    Reproduced,
    clipped,
    density,
    percent,
    table,
)
from traces.format.trace import Trace
from traces.speculative.bits import Code, entry_bits
from traces.speculative.truncate import rebuild_each
from traces.speculative.verify import output_tv_each

CALIBRATION = ROOT / "traces" / "tiny-calibration"


def conventions_section() -> str:
    """Bits of a full distribution, by convention, against 30 and 832 entries."""
    entry = float(entry_bits(1, Code(VOCABULARY, 8)))
    nucleus = nucleus_size(Trace.open(ROOT / "traces" / "tiny"))
    rows = []
    for name, bits in (
        ("k = V entries with their indices (the papers)", VOCABULARY * entry),
        ("V values without indices", VOCABULARY * 8.0),
        (f"the built-in SLM's nucleus, {nucleus:.0f} entries on average, with indices", nucleus * entry),
    ):
        rows.append([name, f"{bits:.0f}", f"{bits / (832 * entry):.2f}x", f"{bits / (30 * entry):.1f}x"])
    return table(["a full upload is", "bits", "k = 832 is smaller by", "k = 30 is smaller by"], rows)


def nucleus_size(trace: Trace) -> float:
    """Mean entries of the SLM's nucleus, over the nodes of the first token seed."""
    seed = trace.manifest.token_seeds[0]
    forest = trace.forest([(prompt, seed) for prompt in trace.prompts])
    return float((forest.x > 0).sum() / forest.table.num_nodes)


def full_vocabulary_section() -> str:
    """What truncation and quantisation do to the output where x is not cut to a nucleus: traces/tiny-full."""
    trace = Trace.open(ROOT / "traces" / "tiny-full")
    forest = trace.forest([(prompt, trace.manifest.token_seeds[0]) for prompt in trace.prompts])
    size, row = trace.vocabulary_size, (forest.starts, forest.ends)
    rows = []
    for label, kept, bits in (
        *((f"{kept}", kept, 0) for kept in (832, 100, 30, 10, 3)),
        ("all, in 8 bits", size, 8),
    ):
        sent = rebuild_each(forest.x, *row, np.full(len(row[0]), kept), size, bits)
        distance = np.add.reduceat(np.abs(sent - forest.x), forest.starts).mean() / 2
        bias = output_tv_each(forest.x, sent, forest.y, forest.y, *row).mean()
        rows.append([label, f"{distance:.4f}", f"{bias:.4f}"])
    return table([f"k of {size}", "TV(x, x_hat)", "TV(output, y)"], rows)


def calibration_section(picture: Path) -> str:
    """The pair's own line, on its calibration prompts."""
    fit, _ = calibrate(Trace.open(CALIBRATION), np.random.default_rng(0))
    draw(fit, picture)
    return f"```\n{report(fit)}\n```"


def theory_section(results: Reproduced) -> str:
    """R(u_th) in closed form against the share of rounds that a simulation skips and rejects."""
    run, count = results.published_u, np.arange(21)
    line = np.maximum(0.0, U_HLM_LINE.a * count / 20 + U_HLM_LINE.b)
    rows = []
    for (label, shape), name in itertools.product(DENSITIES.items(), ("risk-averse", "risk-prone")):
        threshold = clipped(U_HLM_LINE, name)
        risk = float((line * betabinom(20, *shape).pmf(count))[count / 20 <= threshold].sum())
        # Decisions are the same at every SNR.
        policy = {"name": "u-hlm", "threshold": threshold, **density(*shape)}
        own = run.rows(policy, run.snrs_db()[0])
        share = float(((1 - own["transmission_rate"]) * (1 - own["true_skip_rate"])).mean())
        rounds = int(own["tokens"].sum())
        low, high = binom(rounds, risk).interval(0.99)
        rows.append(
            [
                f"{label}, {name}",
                f"{threshold:.3f}",
                f"{risk:.5f}",
                f"{share:.5f}",
                f"[{low / rounds:.5f}, {high / rounds:.5f}]",
            ]
        )
    return table(["", "threshold", "R(u_th)", "simulated", "99 % around R"], rows)


def held_draw_section() -> str:
    """Gain of skipping 45.93 % of the uploads when each upload holds one Rayleigh draw, over made-up experiments."""
    rng, rows = np.random.default_rng(0), []
    for uploads in (100, 1000, 10_000):
        gains = np.empty(2000)
        for number in range(len(gains)):
            seconds = 1 / np.log2(1 + 10 * rng.exponential(size=uploads))
            gains[number] = seconds.sum() / seconds[rng.random(uploads) >= 0.4593].sum()
        low, middle, high = np.quantile(gains, (0.05, 0.5, 0.95))
        rows.append(
            [
                str(uploads),
                f"{low:.2f}x",
                f"{middle:.2f}x",
                f"{high:.2f}x",
                percent(float((gains >= 2.54).mean())),
            ]
        )
    return table(["rounds of an experiment", "5 %", "median", "95 %", "2.54x or more"], rows)
