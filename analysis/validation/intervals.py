"""How often each kind of 95 % interval holds a truth that is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from analysis.validation.check import Check, of_share
from analysis.validation.decisions import ALPHA, BETA, parametric
from netsim.point import Point
from netsim.results.over_prompts import paired_ratio_over_prompts, ratio_over_prompts
from netsim.results.statistics import Interval, fading_interval, paired_ratio_interval, token_seed_interval

SEEDS = 16
#: Prompts, token seeds and fading seeds of made-up rows.
MANY_PROMPTS, TOKEN_SEEDS, FADINGS = 32, 8, 4
#: What the skew of 32 prompts takes from 95 % (Hesterberg, arXiv 1411.5279, figure 10).
SKEW = 0.02


def coverage(replicates: int) -> list[Check]:
    """A line for every interval that a summary, a table or a comparison shows."""
    rng, trials = np.random.default_rng(100), 5 * replicates
    made_up: dict[str, tuple[Callable[[np.random.Generator], tuple[Interval, float]], float]] = {
        f"interval over {MANY_PROMPTS} prompts": (_over_prompts, SKEW),
        f"paired speed-up over {MANY_PROMPTS} prompts": (_paired_over_prompts, SKEW),
        f"paired speed-up over {TOKEN_SEEDS} token seeds": (_paired_over_draws, 0.0),
        f"interval over fading, {TOKEN_SEEDS} token seeds of {FADINGS} rows": (_over_fading, 0.0),
    }
    return [*(_over_draws(number, replicates) for number in (1, 5, 20))] + [
        _line(subject, sum(_holds(draw(rng)) for _ in range(trials)), trials, skew)
        for subject, (draw, skew) in made_up.items()
    ]


def _line(subject: str, hits: int, trials: int, skew: float = 0.0) -> Check:
    line = of_share(f"{subject}: coverage", "95 %", 0.95, hits, trials)
    because = f"{line.because}, {skew:g} for the skew" if skew else line.because
    return Check(line.subject, line.source, line.expected, line.measured, line.allowed + skew, because)


def _holds(found: tuple[Interval, float]) -> bool:
    interval, truth = found
    return interval.low <= truth <= interval.high


def _over_draws(num_devices: int, replicates: int) -> Check:
    """The transmission rate of a parametric trace, whose truth is the distribution function."""
    point, truth = Point.of(parametric(devices=num_devices)), float(stats.beta.sf(0.43, ALPHA, BETA))
    hits = 0
    for replicate in range(replicates):
        seeds = range(replicate * SEEDS, (replicate + 1) * SEEDS)
        hits += _holds(
            (token_seed_interval([transmission_rate(point, seed) for seed in seeds], list(seeds)), truth)
        )
    return _line(f"interval over token draws, {num_devices} devices", hits, replicates)


def transmission_rate(point: Point, seed: int) -> float:
    """A row's transmission rate from its decisions alone; the clocks have no part in it."""
    network = point.network
    visits: dict[int, list[int]] = {}
    for number, count in enumerate(network.requests.counts(len(network.devices), len(point.trace.prompts))):
        for session in network.sessions(number, count):
            visits.setdefault(session.visit, []).append(session.place)
    sent = [
        point.decider.rounds(point.policy, seed, visit).transmitted[places]
        for visit, places in visits.items()
    ]
    return float(np.concatenate(sent).mean())


def _prompts(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and seconds of made-up prompts: a token takes 1 s in the mean, with a standard deviation of a half."""
    tokens = rng.integers(8, 41, (1, MANY_PROMPTS)).astype(float)
    return tokens, tokens * rng.gamma(4.0, 0.25, tokens.shape)


def _over_prompts(rng: np.random.Generator) -> tuple[Interval, float]:
    return ratio_over_prompts(*_prompts(rng)), 1.0


def _paired_over_prompts(rng: np.random.Generator) -> tuple[Interval, float]:
    """The baseline takes 1.5 times as long in the mean, each prompt by a factor of its own."""
    tokens, seconds = _prompts(rng)
    slower = seconds * rng.gamma(9.0, 1.5 / 9.0, seconds.shape)
    return paired_ratio_over_prompts(tokens, seconds, tokens, slower), 1.5


def _rows(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normal effects of token seeds and of fading, and which token seed each row has."""
    token_seeds = np.repeat(np.arange(TOKEN_SEEDS), FADINGS)
    return rng.normal(size=TOKEN_SEEDS)[token_seeds], rng.normal(size=token_seeds.size), token_seeds


def _over_fading(rng: np.random.Generator) -> tuple[Interval, float]:
    """The token seeds' effects are held: their mean is the truth."""
    draws, fading, token_seeds = _rows(rng)
    return fading_interval(draws + fading, token_seeds), float(draws.mean())


def _paired_over_draws(rng: np.random.Generator) -> tuple[Interval, float]:
    """Twice as fast in the geometric mean; what both policies share cancels, what a token seed adds does not."""
    draws, fading, token_seeds = _rows(rng)
    own = np.exp(0.1 * draws + 0.3 * fading)
    return paired_ratio_interval(
        2 * own * np.exp(0.05 * rng.normal(size=TOKEN_SEEDS))[token_seeds], own, token_seeds
    ), 2.0
