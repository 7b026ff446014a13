"""When a device stops drafting and sends what it has.

A rule looks at one draft after the other, with a number of its own that it carries from one to the next. The draft
at which it stops is sent with the others. Rules cost time and bits; they never change what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from traces.speculative.rounds import Drafts

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Stop(Protocol):
    """A rule for when to stop drafting.

    Attributes
    ----------
    start : float. The rule's number before the first draft of an exchange.
    looks : bool. Whether the rule looks at the drafts at all.
    measures : bool. Whether it looks at their uncertainty.
    """

    @property
    def start(self) -> float:
        """The rule's number before the first draft of an exchange."""

    @property
    def looks(self) -> bool:
        """Whether the rule looks at the drafts at all."""

    @property
    def measures(self) -> bool:
        """Whether it looks at the drafts' uncertainty."""

    def after(self, level: FloatArray, drafts: Drafts) -> tuple[FloatArray, BoolArray]:
        """The rule's number after one more draft of each path, and whether to stop: [num_paths] each."""


@dataclass(frozen=True)
class Fixed:
    """Only at the largest number of drafts (arXiv 2211.17192)."""

    start: ClassVar[float] = 0.0
    looks: ClassVar[bool] = False
    measures: ClassVar[bool] = False

    def after(self, level: FloatArray, drafts: Drafts) -> tuple[FloatArray, BoolArray]:
        """Go on."""
        return level, np.zeros(drafts.accepted.shape, bool)


@dataclass(frozen=True)
class Uncertain:
    """At the first draft whose uncertainty exceeds a threshold (that of arXiv 2412.12687, as a rule to stop)."""

    threshold: float
    start: ClassVar[float] = 0.0
    looks: ClassVar[bool] = True
    measures: ClassVar[bool] = True

    def after(self, level: FloatArray, drafts: Drafts) -> tuple[FloatArray, BoolArray]:
        """Stop where the device is unsure."""
        return level, ~drafts.at_most(self.threshold)


@dataclass(frozen=True)
class Probability:
    """At the first draft whose own probability is below a bound (HAT, arXiv 2503.18989)."""

    at_least: float
    start: ClassVar[float] = 0.0
    looks: ClassVar[bool] = True
    measures: ClassVar[bool] = False

    def after(self, level: FloatArray, drafts: Drafts) -> tuple[FloatArray, BoolArray]:
        """Stop where ``x_d`` is below the bound."""
        return level, drafts.probability < self.at_least


@dataclass(frozen=True)
class Product:
    """Where the product of the drafts' probabilities falls below a bound (PipeSD, arXiv 2605.13319)."""

    at_least: float
    start: ClassVar[float] = 1.0
    looks: ClassVar[bool] = True
    measures: ClassVar[bool] = False

    def after(self, level: FloatArray, drafts: Drafts) -> tuple[FloatArray, BoolArray]:
        """Multiply, and compare."""
        level = level * drafts.probability
        return level, level < self.at_least


@dataclass(frozen=True)
class EntropyBucket:
    """Where a leaky bucket of entropy runs over (GELATO, arXiv 2605.10124): ``B <- max(0, B + H(x) - limit)``.

    Attributes
    ----------
    limit : float. Nats that leak out with every draft.
    bucket : float. Nats that it holds.
    """

    limit: float
    bucket: float
    start: ClassVar[float] = 0.0
    looks: ClassVar[bool] = True
    measures: ClassVar[bool] = False

    def after(self, level: FloatArray, drafts: Drafts) -> tuple[FloatArray, BoolArray]:
        """Fill, leak, and compare."""
        level = np.maximum(0.0, level + drafts.entropy() - self.limit)
        return level, level > self.bucket
