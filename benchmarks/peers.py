"""Our engines beside the shapes of two published simulators, on the same work: see ``benchmarks/peers.md``."""

from __future__ import annotations

import random
from functools import partial
from itertools import count, cycle
from typing import Any

import numpy as np

from benchmarks.drafters import Shape, drawn_rounds, play
from benchmarks.monte_carlo import Link, one_by_one, seconds_per_token, tokens_of_round
from benchmarks.setting import SNRS_DB
from benchmarks.turns import Sized, speeds
from channels.units import from_db
from netsim.point import Point, array_blocks
from netsim.scenario import Scenario

DEVICES, GAMMA, ACCEPTANCE = 100, 4, 0.7
SLM_S, LLM_S, CORE_S, MAX_BATCH = 0.01, 0.05, 0.01, 8
BANDWIDTH_HZ, SNR_DB, COHERENCE_S = 1e5, 20.0, 0.01
#: 8 of the draft's probability, 15 of its index among 32 000 tokens.
BITS_PER_DRAFT = 23
#: Tokens of each drafter's prompt, by size.
DRAFTERS_TOKENS = 64, 1024
ALONE_PROMPTS, ALONE_TOKENS = 32, 512
REPEATS = 5
#: Standard deviations that two means of the same law may differ by.
FAR = 4.0


def drafters_shape(devices: int = DEVICES) -> Shape:
    """The plain peer's side of `drafters_scenario`."""
    air_s = BITS_PER_DRAFT / (1e3 * BANDWIDTH_HZ * np.log2(1 + from_db(SNR_DB)))
    return Shape(devices, GAMMA, ACCEPTANCE, SLM_S, float(air_s), CORE_S, LLM_S, MAX_BATCH)


def drafters_scenario(num_tokens: int, devices: int = DEVICES) -> Scenario:
    """Drafters that share an uplink without fading and a server that verifies batches of up to 8."""
    return _scenario(
        num_tokens,
        devices,
        channel={"snr_db": SNR_DB, "fading": "none", "bandwidth_hz": 1e3 * BANDWIDTH_HZ},
        core={"rtt_s": 2 * CORE_S},
        devices=devices,
        requests={"per_device": 1},
        server={"max_batch": MAX_BATCH},
    )


def alone_link(*, fading: bool = True) -> Link:
    """The Monte Carlo's side of `alone_scenario`."""
    bits = float(GAMMA * BITS_PER_DRAFT)
    return Link(GAMMA, ACCEPTANCE, SLM_S, LLM_S, bits, BANDWIDTH_HZ, from_db(SNR_DB), fading)


def alone_scenario(
    num_tokens: int = ALONE_TOKENS,
    prompts: int = ALONE_PROMPTS,
    snr_db: float = SNR_DB,
    *,
    fading: bool = True,
) -> Scenario:
    """One device; an upload takes some 0.2 ms of a block of 10 ms."""
    channel = {
        "snr_db": snr_db,
        "fading": "rayleigh" if fading else "none",
        "bandwidth_hz": BANDWIDTH_HZ,
        "coherence_time_s": COHERENCE_S,
    }
    return _scenario(num_tokens, prompts, channel=channel)


def peer_table() -> str:
    """Two tables in Markdown: tokens per second beside each peer, and whether the work was the same."""
    lines = ["| one core | tokens/s | times the peer |", "| --- | ---: | ---: |"]
    for works, peer, title in (
        (drafters_works(), "plain SimPy", f"{DEVICES} drafters, batches of {MAX_BATCH}"),
        (alone_works(), "plain numpy", "one device, Rayleigh fading"),
    ):
        found = speeds(works, REPEATS)
        lines += [
            f"| {title}: {name} | {own:,.0f} | {own / found[peer]:.3g} |" for name, own in found.items()
        ]
    lines += [
        "",
        "| seconds a token | ours | peer | difference | allowed |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for title, (mine, other, allowed) in {
        f"{DEVICES} drafters": drafters_agreement(),
        "one device, no fading": alone_agreement(),
    }.items():
        lines.append(f"| {title} | {mine:.6f} | {other:.6f} | {mine / other - 1:+.2%} | {allowed:.2%} |")
    return "\n".join(lines)


def drafters_works() -> dict[str, Sized]:
    """Each takes the tokens of every drafter's prompt."""
    points = {tokens: Point.of(drafters_scenario(tokens)) for tokens in DRAFTERS_TOKENS}
    # Two seeds by turns: their decisions are kept, of their runs the last alone.
    known = {tokens: cycle([0, 1]) for tokens in DRAFTERS_TOKENS}
    drawn, rng, shape = count(2), random.Random(0), drafters_shape()

    def engine(tokens: int, seed: int) -> float:
        points[tokens].row(seed)
        return float(DEVICES * tokens)

    def plain(tokens: int) -> float:
        play(shape, [drawn_rounds(shape, tokens, rng) for _ in range(DEVICES)])
        return float(DEVICES * tokens)

    return {
        "plain SimPy": Sized(plain, *DRAFTERS_TOKENS),
        "event engine, decisions drawn": Sized(lambda tokens: engine(tokens, next(drawn)), *DRAFTERS_TOKENS),
        "event engine, decisions known": Sized(
            lambda tokens: engine(tokens, next(known[tokens])), *DRAFTERS_TOKENS
        ),
    }


def alone_works() -> dict[str, Sized]:
    """Those of our engine take a number of seeds, the peers a number of rounds."""
    first = Point.of(alone_scenario())
    swept = [first, *(first.at(alone_scenario(snr_db=snr_db)) for snr_db in SNRS_DB[:-1])]
    seeds, rng, one_rng, link = count(), np.random.default_rng(0), random.Random(0), alone_link()
    per_round = tokens_of_round(GAMMA, ACCEPTANCE)[0]

    def engine(points: list[Point], number: int) -> float:
        own = [next(seeds) for _ in range(number)]
        for _ in array_blocks(points, own):
            pass
        return float(len(points) * number * ALONE_PROMPTS * ALONE_TOKENS)

    def plain(num_rounds: int) -> float:
        seconds_per_token(link, num_rounds, rng)
        return num_rounds * per_round

    def looped(num_rounds: int) -> float:
        one_by_one(link, num_rounds, one_rng)
        return num_rounds * per_round

    return {
        "plain numpy": Sized(plain, 2**17, 2**20),
        "plain Python": Sized(looped, 2**13, 2**16),
        "array engine, decisions drawn": Sized(partial(engine, [first]), 1, 8),
        f"array engine, decisions shared by {len(swept)} SNRs": Sized(partial(engine, swept), 1, 4),
    }


def drafters_agreement(
    devices: int = DEVICES, num_tokens: int = DRAFTERS_TOKENS[1]
) -> tuple[float, float, float]:
    """Mean seconds a token of the event engine and of its peer, each with its own draws, and their allowed difference.

    The server is never idle, so that seconds follow the rounds: two means of ``n`` rounds' tokens differ by
    ``sqrt(2 / n)`` of a round's coefficient of variation, one standard deviation.
    """
    shape, rng = drafters_shape(devices), random.Random(1)
    ours = Point.of(drafters_scenario(num_tokens, devices)).row(0)["latency_mean_s"]
    ends_s = play(shape, [drawn_rounds(shape, num_tokens, rng) for _ in range(devices)])
    mean, deviation = tokens_of_round(GAMMA, ACCEPTANCE)
    allowed = FAR * np.sqrt(2 * mean / (devices * num_tokens)) * deviation / mean
    assert isinstance(ours, float)
    return ours, sum(ends_s) / (devices * num_tokens), float(allowed)


def alone_agreement(
    num_tokens: int = ALONE_TOKENS, prompts: int = ALONE_PROMPTS
) -> tuple[float, float, float]:
    """The same of the array engine and the Monte Carlo, without fading.

    Its rounds have no end: a prompt of ``T`` tokens takes between ``T`` and ``T + gamma`` tokens' worth of them. The rest
    is the spread of our rounds' tokens; the peer takes their mean.
    """
    row = Point.of(alone_scenario(num_tokens, prompts, fading=False)).row(0)
    ours = row["latency_mean_s"]
    theirs = seconds_per_token(alone_link(fading=False), 1, np.random.default_rng(0))
    mean, deviation = tokens_of_round(GAMMA, ACCEPTANCE)
    allowed = GAMMA / num_tokens + FAR * np.sqrt(mean / (prompts * num_tokens)) * deviation / mean
    assert isinstance(ours, float)
    return ours, theirs, float(allowed)


def _scenario(num_tokens: int, prompts: int, **blocks: Any) -> Scenario:
    """Drafts of a parametric trace that are accepted independently, with a probability that is the same for all."""
    content = {
        "name": "peers",
        "trace": {
            "kind": "parametric",
            "vocabulary_size": 32_000,
            "uncertainty": {"alpha": 1, "beta": 1},
            "rejection": {"a": 0, "b": 1 - ACCEPTANCE},
            "prompts": prompts,
        },
        "policy": {"name": "spec", "gamma": GAMMA, "payload": {"name": "top-k", "k": 1}},
        "payload": {"vocabulary_size": 32_000, "probability_bits": 8, "count_indices": False},
        "latency": {"slm": SLM_S, "llm": LLM_S},
        "tokens": num_tokens,
        "seeds": 1,
        **blocks,
    }
    return Scenario.model_validate(content)
