"""Plug-ins such as a user would write, good and bad, named ``tests.own_plugins:Class`` in scenarios."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from channels.fading import GainStream, IndependentStream
from netsim.engines.slots import Backlog
from traces.speculative.rounds import Drafts


@dataclass(frozen=True)
class TwoState:
    """A link that is good with ``share`` and otherwise at a tenth of that."""

    share: float = 0.5

    def _levels(self) -> tuple[float, float]:
        good = 1 / (self.share + 0.1 * (1 - self.share))
        return 0.1 * good, good

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:  # noqa: ARG002
        bad, good = self._levels()
        return IndependentStream(rng, lambda uniform: np.where(uniform < self.share, good, bad))

    def cdf(self, gain: float) -> float:
        bad, good = self._levels()
        return 1.0 if gain >= good else 1 - self.share if gain >= bad else 0.0


@dataclass(frozen=True)
class MostlyUnsure:
    """Sends where at least ``most`` samples disagree."""

    most: int = 10
    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        return ~drafts.at_most((self.most - 1) / 20)


@dataclass
class LeastServed:
    """The device that had the fewest slots goes first."""

    slots: Counter[int] = field(default_factory=Counter)

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:  # noqa: ARG002
        turn = min(range(len(waiting)), key=lambda i: self.slots[waiting[i].device])
        self.slots[waiting[turn].device] += 1
        return turn


class Forgetful:
    """A policy that answers with numbers, another one each time."""

    drafts = True

    def __init__(self) -> None:
        self.calls = 0

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        self.calls += 1
        return np.full(drafts.accepted.shape, self.calls % 2 == 0)


@dataclass(frozen=True)
class Numbers:
    """A policy that answers with probabilities."""

    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.float64]:
        return drafts.uncertainty


@dataclass(frozen=True)
class Crowd:
    """A policy that looks at the other paths."""

    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        return np.asarray(drafts.uncertainty > drafts.uncertainty.mean())


class Greedy:
    """A scheduler that serves one device for ever."""

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:  # noqa: ARG002
        return min(range(len(waiting)), key=lambda i: waiting[i].device)


class OutOfRange:
    """A scheduler that counts from one."""

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:  # noqa: ARG002
        return len(waiting)
