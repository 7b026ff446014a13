"""Which rounds a device transmits: the policies of both papers and their baselines.

A policy is any object with ``traces.walk.Policy``'s interface; these are plain values, so two equal policies
decide the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from traces.walk import Drafts


@dataclass(frozen=True)
class Slm:
    """Every token from the SLM alone; no uplink."""

    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Nothing is sent."""
        return np.zeros(drafts.accepted.shape, bool)


@dataclass(frozen=True)
class Llm:
    """Every token from the LLM alone; every token comes down."""

    drafts: ClassVar[bool] = False

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """There is no draft to send."""
        return np.zeros(drafts.accepted.shape, bool)


@dataclass(frozen=True)
class Hlm:
    """Every round transmits the full distribution (the papers' HLM)."""

    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Everything is sent."""
        return np.ones(drafts.accepted.shape, bool)


@dataclass(frozen=True)
class RandHlm:
    """Skips each round with a given probability, blind to the uncertainty (Rand-HLM of arXiv 2412.12687)."""

    skip_probability: float
    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Sent where the coin says so."""
        sent: NDArray[np.bool_] = drafts.skip_draw >= self.skip_probability
        return sent


@dataclass(frozen=True)
class UHlm:
    """Skips where the uncertainty is at most the threshold (U-HLM, arXiv 2412.12687)."""

    threshold: float
    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Sent where the device is unsure."""
        return ~drafts.at_most(self.threshold)


@dataclass(frozen=True)
class Oracle:
    """Skips exactly when the LLM would accept: the fewest transmissions with hlm's own output."""

    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Sent where the draft would be rejected."""
        return ~drafts.accepted
