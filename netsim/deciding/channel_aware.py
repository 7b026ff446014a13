"""Rounds that are decided while the simulation runs, since their policy looks at the channel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Asked, Costs, Workload, build_workload
from netsim.deciding.adaptive import Adaptive, Chooser, Spent
from netsim.deciding.policies import terms_of
from netsim.deciding.recorded import Decider
from netsim.radio.link import Link
from traces.speculative.rounds import Policy, Rounds
from traces.speculative.upload import Compressed

if TYPE_CHECKING:
    from traces.speculative.path import Path


@runtime_checkable
class LooksAtChannel(Protocol):
    """What a policy offers, besides the interface of all policies, to decide by the channel."""

    def at_rate(self, relative_rate: float) -> Policy:
        """The policy of a round in which the rate is ``relative_rate`` times that at the mean SNR."""


def looks_at_channel(policy: Policy) -> bool:
    """Whether a policy decides while the simulation runs: by the channel, or by what exchanges took so far."""
    inner = policy.policy if isinstance(policy, Compressed) else policy
    return isinstance(inner, (LooksAtChannel, Adaptive))


def policy_at_rate(policy: Policy, relative_rate: float) -> Policy:
    """The policy of one round; see ``LooksAtChannel.at_rate``."""
    if isinstance(policy, Compressed):
        return Compressed(policy_at_rate(policy.policy, relative_rate), policy.upload)
    return policy.at_rate(relative_rate) if isinstance(policy, LooksAtChannel) else policy


def _exchange(path: Path, policy: Policy) -> None:
    """Decide one exchange to its end, or to that of the text."""
    path.step(policy)
    while path.going and not path.between:
        path.step(policy)


@dataclass
class ChannelAwareWork:
    """Work of one device under a policy that looks at the channel; a ``netsim.engines.events.Work``.

    The device decides when its SLM and its measure are done, by the rate of that moment; or, where it chooses the number
    of drafts, when an exchange begins.

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
    _queues_j: list[list[float]] = field(default_factory=list, init=False, repr=False)
    _chooser: Chooser | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.policy, Adaptive):
            self._chooser = self.policy.chooser()

    @property
    def shape(self) -> tuple[int, int]:
        """Sessions, and the most exchanges of one: (num_sessions, num_exchanges)."""
        return len(self.groups), self.decider.num_tokens

    def exchanges(
        self, session: int, link: Link, elapsed: Callable[[], float], aired: Callable[[], float]
    ) -> tuple[Asked, Iterator[int]]:
        """Decide the exchanges of one session one by one; each is in the lists once it is decided."""
        asked = Asked()
        place, seed, visit = self.groups[session]
        path = self.decider.path(place, seed, visit)
        self._paths.append(path)
        self._queues_j.append([])
        if self._chooser is not None:
            return asked, self._choose(asked, session, self._chooser, link, (elapsed, aired))
        return asked, self._decide(asked, session, link, elapsed)

    def _choose(
        self,
        asked: Asked,
        session: int,
        chooser: Chooser,
        link: Link,
        clocks: tuple[Callable[[], float], Callable[[], float]],
    ) -> Iterator[int]:
        """Choose the policy of each exchange when it begins, and tell the chooser what it took."""
        path, prompt_tokens = self._paths[session], self._prompt_tokens(session)
        number = 0
        while path.going:
            began_s, aired_s = (clock() for clock in clocks)
            self._queues_j[session].append(chooser.queue_j)
            policy = chooser.choose(link.rate_bps(began_s))
            _exchange(path, policy)
            self._check(path, session)
            work = build_workload(path.rounds, prompt_tokens, self.costs, terms_of(self.policy))
            more = work.asked(0, number)
            asked.extend(more)
            yield number
            seconds, sent_s = (
                clock() - before for clock, before in zip(clocks, (began_s, aired_s), strict=True)
            )
            chooser.observe(Spent(int(work.tokens[0, number]), seconds, more.device_s[0], sent_s))
            number += 1

    def _decide(self, asked: Asked, session: int, link: Link, elapsed: Callable[[], float]) -> Iterator[int]:
        """Decide each round when its draft is there, by the rate of that moment."""
        path, prompt_tokens = self._paths[session], self._prompt_tokens(session)
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
            self._check(path, session)
            # What an exchange costs depends on those before it, and not on those after.
            work = build_workload(path.rounds, prompt_tokens, self.costs, terms_of(self.policy))
            asked.extend(work.asked(0, position))
            yield position

    def _prompt_tokens(self, session: int) -> NDArray[np.int64]:
        """Length of the session's prompt: [1], int."""
        place = self.groups[session][0]
        return self.decider.prompt_tokens[place : place + 1]

    def _check(self, path: Path, session: int) -> None:
        place, seed, _ = self.groups[session]
        self.decider.check_on_tree(path.rounds, [place], self.policy, seed)

    @property
    def over(self) -> NDArray[np.bool_]:
        """[num_sessions], bool. Whether the last round of each session is decided."""
        unseen = [False] * (len(self.groups) - len(self._paths))
        return np.array([not path.going for path in self._paths] + unseen, bool)

    def queues_j(self) -> NDArray[np.float64]:
        """[num_sessions, num_exchanges], float. Joules above a budget at each exchange's start; NaN without one."""
        table = np.full(self.shape, np.nan)
        for session, queue_j in enumerate(self._queues_j):
            table[session, : len(queue_j)] = queue_j
        return table

    def decided(self) -> tuple[Rounds, Workload]:
        """Rounds and work of all sessions; those that never started have no rounds."""
        unseen = Rounds.empty(len(self.groups) - len(self._paths), self.decider.num_tokens)
        rounds = Rounds.joined([*(path.rounds for path in self._paths), unseen])
        places = np.array([place for place, *_ in self.groups], np.int64)
        return rounds, build_workload(
            rounds, self.decider.prompt_tokens[places], self.costs, terms_of(self.policy)
        )
