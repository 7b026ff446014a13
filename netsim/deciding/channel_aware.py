"""Rounds that are decided while the simulation runs, since their policy looks at the channel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Asked, Costs, Workload, build_workload
from netsim.deciding.policies import terms_of
from netsim.deciding.recorded import Decider
from netsim.radio.link import Link
from traces.speculative.path import Path
from traces.speculative.rounds import Policy, Rounds
from traces.speculative.upload import Compressed


@runtime_checkable
class LooksAtChannel(Protocol):
    """What a policy offers, besides the interface of all policies, to decide by the channel."""

    def at_rate(self, relative_rate: float) -> Policy:
        """The policy of a round in which the rate is ``relative_rate`` times that at the mean SNR."""


def looks_at_channel(policy: Policy) -> bool:
    """Whether a policy decides by the channel."""
    return isinstance(policy.policy if isinstance(policy, Compressed) else policy, LooksAtChannel)


def policy_at_rate(policy: Policy, relative_rate: float) -> Policy:
    """The policy of one round; see ``LooksAtChannel.at_rate``."""
    if isinstance(policy, Compressed):
        return Compressed(policy_at_rate(policy.policy, relative_rate), policy.upload)
    return policy.at_rate(relative_rate) if isinstance(policy, LooksAtChannel) else policy


@dataclass
class ChannelAwareWork:
    """Work of one device under a policy that looks at the channel; a ``netsim.engines.events.Work``.

    The device decides when its SLM and its measure are done, by the rate of that moment.

    Attributes
    ----------
    decider : Decider
    policy : Policy
    costs : Costs
    groups : sequence of (int, int, int)
        Each session's prompt, by its place among the decider's, its seed, and its visit to the prompt.
    """

    decider: Decider
    policy: Policy
    costs: Costs
    groups: list[tuple[int, int, int]]
    _paths: list[Path] = field(default_factory=list, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions, and the most exchanges of one: (num_sessions, num_exchanges)."""
        return len(self.groups), self.decider.num_tokens

    def exchanges(
        self, session: int, link: Link, elapsed: Callable[[], float]
    ) -> tuple[Asked, Iterator[int]]:
        """Decide the exchanges of one session one by one; each is in the lists once it is decided."""
        asked = Asked()
        return asked, self._decide(asked, session, link, elapsed)

    def _decide(self, asked: Asked, session: int, link: Link, elapsed: Callable[[], float]) -> Iterator[int]:
        place, seed, visit = self.groups[session]
        path = self.decider.path(place, seed, visit)
        self._paths.append(path)
        prompt_tokens = self.decider.prompt_tokens[place : place + 1]
        # What comes before the decision does not depend on it.
        every = Rounds.empty(1, self.decider.num_tokens)
        every.length[0] = self.decider.num_tokens
        before_s = (
            build_workload(every, prompt_tokens, self.costs, terms_of(self.policy)).asked(0, 0).device_s
        )
        while path.going:
            position = int(path.rounds.length[0])
            rate_bps = link.rate_bps(elapsed() + before_s[position])
            # A link that is silent at its mean SNR sends only at its peaks: those are as good as it gets.
            relative_rate = rate_bps / link.mean_rate_bps if link.mean_rate_bps else math.inf
            path.step(policy_at_rate(self.policy, relative_rate))
            self.decider.check_on_tree(path.rounds, [place], self.policy, seed)
            # What an exchange costs depends on those before it, and not on those after.
            work = build_workload(path.rounds, prompt_tokens, self.costs, terms_of(self.policy))
            asked.extend(work.asked(0, position))
            yield position

    @property
    def over(self) -> NDArray[np.bool_]:
        """[num_sessions], bool. Whether the last round of each session is decided."""
        unseen = [False] * (len(self.groups) - len(self._paths))
        return np.array([not path.going for path in self._paths] + unseen, bool)

    def decided(self) -> tuple[Rounds, Workload]:
        """Rounds and work of all sessions; those that never started have no rounds."""
        unseen = Rounds.empty(len(self.groups) - len(self._paths), self.decider.num_tokens)
        rounds = Rounds.joined([*(path.rounds for path in self._paths), unseen])
        places = np.array([place for place, *_ in self.groups], np.int64)
        return rounds, build_workload(
            rounds, self.decider.prompt_tokens[places], self.costs, terms_of(self.policy)
        )
