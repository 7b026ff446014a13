"""dsdSim's shape in our own words: many drafters, one server that verifies batches, on SimPy's own resources.

The shape is that of dsdSim (arXiv 2511.21669, https://github.com/yfzzzyyls/dsdSim); no line of it is taken. Ours shares
one uplink among the drafters, where dsdSim gives each a link of its own.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

#: Drafts of a round, and the tokens that come of it.
Round = tuple[int, int]
_Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Shape:
    """What a round takes; seconds.

    Attributes
    ----------
    devices : int
    gamma : int. Drafts of a round; fewer where fewer tokens are left.
    acceptance : float. Probability that a draft is accepted, independent of all others.
    slm_s, air_s : float. Of one draft: its pass, and its part of the upload over the shared uplink.
    core_s : float. To the server, and as long back.
    llm_s : float. A pass over a batch of any size.
    max_batch : int
    """

    devices: int
    gamma: int
    acceptance: float
    slm_s: float
    air_s: float
    core_s: float
    llm_s: float
    max_batch: int


def drawn_rounds(shape: Shape, num_tokens: int, rng: random.Random) -> Iterator[Round]:
    """Rounds of one prompt: drafts are accepted up to the first that is not, and the large model adds a token."""
    left = num_tokens
    while left:
        drafts, accepted = min(shape.gamma, left), 0
        while accepted < drafts and rng.random() < shape.acceptance:
            accepted += 1
        tokens = min(accepted + 1, left)
        left -= tokens
        yield drafts, tokens


def play(shape: Shape, rounds: Sequence[Iterable[Round]]) -> list[float]:
    """Play the rounds of each device; returns the second at which each is through."""
    env = simpy.Environment()
    uplink, line = simpy.Resource(env), simpy.Store(env)
    ends_s = [0.0] * len(rounds)

    def device(number: int) -> _Steps:
        for drafts, _ in rounds[number]:
            yield env.timeout(drafts * shape.slm_s)
            with uplink.request() as turn:
                yield turn
                yield env.timeout(drafts * shape.air_s)
            yield env.timeout(shape.core_s)
            verified = env.event()
            line.put(verified)
            yield verified
            yield env.timeout(shape.core_s)
        ends_s[number] = env.now

    def server() -> _Steps:
        while True:
            batch = [(yield line.get())]
            while len(batch) < shape.max_batch and line.items:
                batch.append((yield line.get()))
            yield env.timeout(shape.llm_s)
            for verified in batch:
                verified.succeed()

    for number in range(len(rounds)):
        env.process(device(number))
    env.process(server())
    env.run()
    return ends_s
