"""Plug-ins such as a user would write, good and bad; ``…Kind`` is what a scenario names, ``tests.own_plugins:…Kind``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from channels.fading import GainStream, IndependentStream
from netsim.engines.slots import Backlog
from netsim.scenario.families import FadingKind, PolicyKind, SlotSchedulerKind
from netsim.scenario.fields import Key
from netsim.scenario.policy_context import PolicyContext
from traces.speculative.rounds import Drafts


@dataclass(frozen=True)
class TwoState:
    """A link that is good with ``share`` and otherwise at a tenth of that."""

    share: float = 0.5

    def _levels(self) -> tuple[float, float]:
        good = 1 / (self.share + 0.1 * (1 - self.share))
        return 0.1 * good, good

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        bad, good = self._levels()
        return IndependentStream(rng, lambda uniform: np.where(uniform < self.share, good, bad))

    def cdf(self, gain: float) -> float:
        bad, good = self._levels()
        return 1.0 if gain >= good else 1 - self.share if gain >= bad else 0.0


class TwoStateKind(FadingKind):
    """A link that is good or bad."""

    share: Annotated[float, Key("share of good blocks", at_least=0, at_most=1)] = 0.5

    def build(self) -> TwoState:
        """Make the model."""
        return TwoState(self.share)


@dataclass(frozen=True)
class MostlyUnsure:
    """Sends where at least ``most`` samples disagree."""

    most: int = 10
    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        return ~drafts.at_most((self.most - 1) / 20)


class MostlyUnsureKind(PolicyKind):
    """Sends where at least so many samples disagree."""

    most: Annotated[int, Key("samples that disagree", at_least=0, at_most=20)] = 10

    def build(self, context: PolicyContext) -> MostlyUnsure:
        """Make the policy."""
        return MostlyUnsure(self.most)


class FromFileKind(PolicyKind):
    """Sends where at least as many samples disagree as a file says."""

    file: Annotated[str, Key("a file that holds the number")]

    def build(self, context: PolicyContext) -> MostlyUnsure:
        """Read the number."""
        return MostlyUnsure(int(Path(self.file).read_text(encoding="utf-8")))

    def files(self, trace_folder: Path | None) -> tuple[Path, ...]:
        """The file decides rows."""
        return (Path(self.file),)


@dataclass
class LeastServed:
    """The device that had the fewest slots goes first."""

    slots: Counter[int] = field(default_factory=Counter)
    patience: int = 0

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        turn = min(range(len(waiting)), key=lambda i: self.slots[waiting[i].device])
        self.slots[waiting[turn].device] += 1
        return turn


class LeastServedKind(SlotSchedulerKind):
    """The device that had the fewest slots goes first, ahead by some patience."""

    patience: Annotated[
        int, Key("slots that a device is ahead before another one is served", at_least=0, at_most=100)
    ] = 0

    def scheduler(self) -> LeastServed:
        """Make the scheduler."""
        return LeastServed(patience=self.patience)


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


class ShortestRemainingFirst:
    """A scheduler that serves the upload with the fewest bits left."""

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        return min(range(len(waiting)), key=lambda i: (waiting[i].bits_left, waiting[i].device))


class Restless:
    """A scheduler whose picks depend on when it was made."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.first = self.made % 2

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        return (slot + self.first) % len(waiting)


class OutOfRange:
    """A scheduler that counts from one."""

    def pick(self, slot: int, now_s: float, waiting: Sequence[Backlog]) -> int:
        return len(waiting)
