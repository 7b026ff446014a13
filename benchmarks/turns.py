"""Tokens per CPU second of several ways to do a work, measured by turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

REPEATS = 3


class Sized(NamedTuple):
    """A work at two sizes.

    Attributes
    ----------
    work : callable. Takes a size, does as much, and returns how many tokens that made.
    small, large : int. Sizes; what both take alike, such as starting up, does not count.
    """

    work: Callable[[int], float]
    small: int
    large: int


def speeds(works: Mapping[str, Sized], repeats: int = REPEATS) -> dict[str, float]:
    """Tokens per CPU second of each work, from the difference of its two sizes.

    All take turns, and the best of several turns counts: what else happens on the machine meets all of them.
    """
    seconds: dict[tuple[str, int], list[float]] = {}
    tokens: dict[tuple[str, int], float] = {}
    for own in works.values():
        own.work(own.small)  # compiles, and reads what is read once
    for _ in range(repeats):
        for name, own in works.items():
            for size in (own.small, own.large):
                started = time.process_time()
                tokens[name, size] = own.work(size)
                seconds.setdefault((name, size), []).append(time.process_time() - started)
    return {
        name: (tokens[name, own.large] - tokens[name, own.small])
        / (min(seconds[name, own.large]) - min(seconds[name, own.small]))
        for name, own in works.items()
    }
