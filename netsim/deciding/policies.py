"""Which rounds a device transmits: the policies of both papers and their baselines.

A policy is any object with ``traces.speculative.rounds.Policy``'s interface; these are plain values, so two equal policies
decide the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Terms
from traces.speculative.blocks import Blocks
from traces.speculative.rounds import Drafts, Policy
from traces.speculative.upload import Compressed


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
class Scored:
    """Sends where a score from outside says so, alone or together with the uncertainty.

    Importance-aware transmission (arXiv 2508.12590) sends what is unsure and, or or, important; a learned predictor of
    rejections is a score by itself.

    Attributes
    ----------
    above : float. A prefix with a larger score is to be sent.
    threshold : float, optional. The uncertainty counts as well, and is high above it.
    combine : "and" or "or". How both are put together.
    """

    above: float
    threshold: float | None = None
    combine: Literal["and", "or"] = "or"
    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Sent where the score is high, and (or or) the device is unsure."""
        high: NDArray[np.bool_] = drafts.score > self.above
        if self.threshold is None:
            return high
        unsure = ~drafts.at_most(self.threshold)
        return high & unsure if self.combine == "and" else high | unsure


@dataclass(frozen=True)
class Oracle:
    """Skips exactly when the LLM would accept: the fewest transmissions with hlm's own output."""

    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Sent where the draft would be rejected."""
        return ~drafts.accepted


@dataclass(frozen=True)
class ChannelAware:
    """As u-hlm, with a threshold that follows the current rate, so that a bad channel skips more.

    In a round with ``r`` times the rate at the mean SNR the threshold is ``threshold * r ** -exponent``, at most
    1. A design of this project (no published policy); where no channel is looked at, ``r`` is 1.

    Parameters
    ----------
    threshold : float in [0, 1]. At the mean SNR.
    exponent : float, >= 0. At 0 it is u-hlm.
    """

    threshold: float
    exponent: float = 1.0
    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Sent as at the mean SNR."""
        return UHlm(self.threshold).transmits(drafts)

    def at_rate(self, relative_rate: float) -> UHlm:
        """The policy of a round whose rate is ``relative_rate`` times that at the mean SNR.

        Examples
        --------
        >>> ChannelAware(0.2).at_rate(0.5), ChannelAware(0.2).at_rate(0.0)
        (UHlm(threshold=0.4), UHlm(threshold=1.0))
        """
        if self.threshold == 0:
            return UHlm(0.0)
        share = relative_rate**self.exponent
        return UHlm(self.threshold / share if share > self.threshold else 1.0)


def terms_of(policy: Policy) -> Terms:
    """What the exchanges of a policy consist of."""
    measures = looks_at_uncertainty(policy)
    match getattr(policy, "blocks", policy):
        case Blocks() as blocks:
            ahead = blocks.gamma if blocks.overlap else 0
            return Terms(bonus=blocks.bonus, payload=blocks.payload, measures=measures, ahead=ahead)
        case Compressed() as compressed:
            return Terms(drafts=policy.drafts, payload=compressed.upload, measures=measures)
    return Terms(drafts=policy.drafts, measures=measures)


def looks_at_uncertainty(policy: Policy) -> bool:
    """Whether a device has to measure its uncertainty; of a user's own policy it is assumed."""
    inner = policy.policy if isinstance(policy, Compressed) else getattr(policy, "blocks", policy)
    if isinstance(inner, Blocks):
        return inner.stop.measures
    if isinstance(inner, Scored):
        return inner.threshold is not None
    return not isinstance(inner, (Slm, Llm, Hlm, RandHlm, Oracle))
