"""Policies that choose the number of drafts: by the rate, by what rounds took so far, by a budget of energy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from netsim.costs.energy import Power
from netsim.deciding.policies import Llm, Slm
from netsim.deciding.round_cost import RoundCost
from traces.speculative.blocks import Blocks
from traces.speculative.rounds import Drafts, Policy


@dataclass(frozen=True)
class Spent:
    """What an exchange took.

    Attributes
    ----------
    tokens : int. That came out.
    seconds, device_s, air_s : float. From its start to its end; computing on the device; sending.
    """

    tokens: int
    seconds: float
    device_s: float
    air_s: float


class Chooser(Protocol):
    """Chooses a device's policy exchange by exchange, and sees what each took.

    Attributes
    ----------
    queue_j : float. Joules above a budget so far; NaN where there is none.
    """

    @property
    def queue_j(self) -> float:
        """Joules above a budget so far; NaN where there is none."""

    def choose(self, rate_bps: float) -> Policy:
        """The policy of the next exchange, at the rate of this moment."""

    def observe(self, spent: Spent) -> None:
        """Take note of what that exchange took."""


@runtime_checkable
class Adaptive(Protocol):
    """What a policy offers, besides the interface of all policies, that is another one in every exchange."""

    def chooser(self) -> Chooser:
        """A chooser for one device."""


@dataclass(frozen=True)
class _Adapting:
    """A policy whose drafts are all sent.

    Attributes
    ----------
    blocks : Blocks. With the largest number of drafts.
    """

    blocks: Blocks
    drafts: ClassVar[bool] = True

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Everything is sent."""
        return np.ones(drafts.accepted.shape, bool)

    def of(self, gamma: int) -> Policy:
        """So many drafts; without any, the LLM is asked for one token."""
        return replace(self.blocks, gamma=gamma) if gamma else Llm()


@dataclass(frozen=True)
class AutoGamma(_Adapting):
    """The number of drafts with the most expected tokens a second at the rate of the moment.

    As FlexSpec (arXiv 2601.00644) and TK-SLT (arXiv 2509.04576) choose it.

    Attributes
    ----------
    cost : RoundCost
    alone_s : tuple of (float, float). Seconds of a token of the SLM and of the LLM alone; infinite: no choice.
    asks : bool. Whether a round without drafts, in which the LLM is asked for one token, is a choice.
    current : bool. Whether the rate of the moment counts; else that at the mean SNR, once for all.
    """

    cost: RoundCost = field(default_factory=lambda: RoundCost((1.0,), (0.0,), (0.0,), (1.0,)))
    alone_s: tuple[float, float] = (math.inf, math.inf)
    asks: bool = False
    current: bool = True

    def at_rate_bps(self, rate_bps: float) -> Policy:
        """The policy at a rate; the fewest drafts where several are as good."""
        speed, least = self.cost.tokens_per_s(rate_bps), 0 if self.asks else 1
        gamma = least + int(np.argmax(speed[least:]))
        slm_s, llm_s = self.alone_s
        best_s = min(slm_s, llm_s)
        if math.isinf(best_s) or best_s * speed[gamma] > 1:
            return self.of(gamma)
        return Slm() if slm_s < llm_s else Llm()

    def chooser(self) -> Chooser:
        """By the rate alone."""
        return _ByRate(self)


@dataclass
class _ByRate:
    policy: AutoGamma
    queue_j: float = math.nan

    def choose(self, rate_bps: float) -> Policy:
        return self.policy.at_rate_bps(rate_bps)

    def observe(self, spent: Spent) -> None:
        """Nothing is learnt."""


@dataclass(frozen=True)
class BanditGamma(_Adapting):
    """The number of drafts that a bandit takes for the fastest (UCB-SpecStop, arXiv 2606.20591).

    The cost of an arm is its seconds over its tokens, a ratio of sums; the index takes off
    ``exploration * sqrt(2 log t / n)`` of it. Every arm is tried once. The paper's own constants were not seen.

    Attributes
    ----------
    exploration : float, >= 0.
    """

    exploration: float = 1.0

    def chooser(self) -> Chooser:
        """A bandit that knows nothing yet."""
        arms = self.blocks.gamma
        return Bandit(self, np.zeros(arms, np.int64), np.zeros(arms), np.zeros(arms))


@dataclass
class Bandit:
    """What a device has learnt: pulls, tokens and seconds of every arm, each [num_arms]."""

    policy: BanditGamma
    pulls: NDArray[np.int64]
    tokens: NDArray[np.float64]
    seconds: NDArray[np.float64]
    arm: int = 0
    queue_j: float = math.nan

    def index(self) -> NDArray[np.float64]:
        """Optimistic seconds of a token of every arm, all of them tried."""
        cost_s = self.seconds / self.tokens
        return np.asarray(
            cost_s * (1 - self.policy.exploration * np.sqrt(2 * np.log(self.pulls.sum()) / self.pulls))
        )

    def choose(self, rate_bps: float) -> Policy:
        """The first arm that was never tried, or else the best by its index."""
        untried = np.flatnonzero(self.pulls == 0)
        self.arm = int(untried[0]) if untried.size else int(np.argmin(self.index()))
        return self.policy.of(1 + self.arm)

    def observe(self, spent: Spent) -> None:
        """Add to the arm's sums."""
        self.pulls[self.arm] += 1
        self.tokens[self.arm] += spent.tokens
        self.seconds[self.arm] += spent.seconds


@dataclass(frozen=True)
class Gelato(_Adapting):
    """The number of drafts that an energy queue allows (GELATO, arXiv 2605.10124).

    ``argmax over gamma = 0 … gamma_max of v * tokens / seconds - Q * joules``, at the rate of the moment, and after the
    exchange ``Q <- max(0, Q + its joules - budget_w * its seconds)``. Drafting stops before gamma where the leaky
    bucket of entropy runs over. The budget is taken as a power, so that it means the same for long and short rounds.

    Attributes
    ----------
    budget_w, v : float.
    cost : RoundCost
    power : Power
    """

    budget_w: float = math.inf
    v: float = 1.0
    cost: RoundCost = field(default_factory=lambda: RoundCost((1.0,), (0.0,), (0.0,), (1.0,)))
    power: Power = field(default_factory=lambda: Power(0.0, 0.0, 0.0))

    def chooser(self) -> Chooser:
        """With an empty queue."""
        return EnergyQueue(self)


@dataclass
class EnergyQueue:
    """Joules above the budget so far."""

    policy: Gelato
    queue_j: float = 0.0

    def choose(self, rate_bps: float) -> Policy:
        """The best trade of speed for energy; the fewest drafts where several are as good."""
        own = self.policy
        speed, joules = own.cost.tokens_per_s(rate_bps), own.cost.joules(own.power, rate_bps)
        worth = own.v * speed - (self.queue_j * joules if self.queue_j else 0.0)
        return own.of(int(np.argmax(worth)))

    def observe(self, spent: Spent) -> None:
        """Charge the queue with what the exchange took beyond its share of the budget."""
        power = self.policy.power
        idle_s = spent.seconds - spent.device_s - spent.air_s
        joules = power.transmit_w * spent.air_s + power.compute_w * spent.device_s + power.idle_w * idle_s
        self.queue_j = max(0.0, self.queue_j + joules - self.policy.budget_w * spent.seconds)
