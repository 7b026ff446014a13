"""Fit a pair's line ``beta ~ a u + b`` from a trace, with both thresholds and the risk curve.

Everything is measured on the hlm path of the trace's prompts, which should be prompts that no sweep uses:
fitted on a sweep's own prompts, its thresholds would be circular.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.calibration.fit import Fit, fit_rounds
from analysis.calibration.lines import DraftedRounds
from netsim.deciding.policies import Hlm
from netsim.deciding.recorded import Decider
from traces.format.forest import find_entries
from traces.format.manifest import Calibration, Manifest, TraceError, canonical, read_manifest, write_manifest
from traces.format.trace import Trace
from traces.speculative.grouping import MOST_DRAFTS, round_tokens
from traces.speculative.truncate import mean_u_tv
from traces.speculative.walk import Measure, Rounds

FloatArray = NDArray[np.float64]

#: Fields of a manifest in which a pair's calibration and its sweep's trace must agree.
SAME_PAIR = ("slm", "llm", "tokenizer", "vocabulary_size", "sampler", "measure")


def calibrate(trace: Trace, rng: np.random.Generator) -> tuple[Fit, Calibration]:
    """Fit a trace's hlm path, by the measure that it was recorded for.

    Returns
    -------
    Fit
        The whole report.
    Calibration
        What a trace's manifest keeps of it.

    Raises
    ------
    TraceError
        If the trace has no hlm path, a shard is damaged, or nothing can be fitted to it.
    """
    if "hlm" not in trace.manifest.policies:
        raise TraceError(f"{trace.folder}: has no hlm path, which a calibration is measured on")
    recorded = trace.manifest.measure
    measure = Measure(recorded.samples, recorded.theta_max, recorded.name)
    decider = Decider(trace, measure, trace.manifest.num_tokens, trace.manifest.eos, follow=False)
    paths = [decider.rounds(Hlm(), seed) for seed in range(len(trace.manifest.token_seeds))]
    try:
        fit = fit_rounds(_drafted(paths, recorded.samples), rng)
    except ValueError as error:
        raise TraceError(f"{trace.folder}: {error}") from None
    calibration = Calibration(
        source=trace.manifest.name,
        a=fit.a.value,
        b=fit.b.value,
        a_interval=(fit.a.low, fit.a.high),
        b_interval=(fit.b.low, fit.b.high),
        binned_r=fit.binned_r,
        raw_r=fit.raw_r,
        linear=fit.linear,
        delta=fit.delta.value,
        mean_rejection=fit.mean_rejection.value,
        prompts=fit.prompts,
        rounds=fit.rounds,
        u_tv=tuple(_u_tv(decider, paths, fit).tolist()),
        round_tokens=_round_tokens(paths),
    )
    return fit, calibration


def store_calibration(folder: Path, calibration: Calibration, source: Manifest) -> None:
    """Write a calibration into another trace's manifest.

    Parameters
    ----------
    folder : folder of the trace that sweeps replay.
    source : manifest of the trace that the calibration was fitted on.

    Raises
    ------
    TraceError
        If the two are not of the same pair, sampler and measure, or share a prompt: thresholds fitted on a
        sweep's own prompts are circular.
    """
    manifest = read_manifest(folder)
    before, now = _pair(source), _pair(manifest)
    differing = [key for key in SAME_PAIR if canonical(before[key]) != canonical(now[key])]
    if differing:
        raise TraceError(f"{folder}: differs from {source.name} in {', '.join(differing)}")
    if {prompt.tokens for prompt in source.prompts} & {prompt.tokens for prompt in manifest.prompts}:
        raise TraceError(f"{folder}: shares a prompt with {source.name}: calibrate on prompts of their own")
    write_manifest(folder, manifest.model_copy(update={"calibration": calibration}))


def _pair(manifest: Manifest) -> dict[str, Any]:
    """What makes a pair the same: of a model its weights; how it ran, older traces don't say."""
    said: dict[str, Any] = manifest.model_dump(mode="json", include=set(SAME_PAIR))
    return said | {"slm": manifest.slm.digest, "llm": manifest.llm.digest}


def _drafted(paths: list[Rounds], samples: int | None) -> DraftedRounds:
    """Rounds of all token seeds; the groups of each path are the prompts."""
    prompt = [np.nonzero(rounds.valid)[0] for rounds in paths]
    return DraftedRounds(
        uncertainty=np.concatenate([rounds.uncertainty[rounds.valid] for rounds in paths]),
        rejection=np.concatenate([rounds.rejection[rounds.valid] for rounds in paths]),
        prompt=np.concatenate(prompt),
        samples=samples,
    )


def _round_tokens(paths: list[Rounds]) -> tuple[float, ...]:
    """Mean tokens of a round of 1 … `MOST_DRAFTS` drafts, with the bonus."""
    accepted = np.concatenate([rounds.accepted for rounds in paths])
    length = np.concatenate([rounds.length for rounds in paths])
    return tuple(round_tokens(accepted, length, MOST_DRAFTS).tolist())


def _u_tv(decider: Decider, paths: list[Rounds], fit: Fit) -> FloatArray:
    """Mean ``U_TV(k)`` over the rounds of all paths."""
    size = decider.trace.manifest.vocabulary_size
    total, count = np.zeros(size), 0
    for seed, rounds in enumerate(paths):
        forest, valid = decider.forest(decider.tree_seed(seed)), rounds.valid
        nodes = rounds.node[valid]
        x_draft = forest.x[find_entries(forest.table.ids, forest.table.offsets, nodes, rounds.draft[valid])]
        beta = np.clip(fit.a.value * rounds.uncertainty[valid] + fit.b.value, 0.0, 1.0)
        starts, ends = forest.starts[nodes], forest.ends[nodes]
        total += len(nodes) * mean_u_tv(forest.x, starts, ends, x_draft, beta, size)
        count += len(nodes)
    mean: FloatArray = total / count
    return mean
