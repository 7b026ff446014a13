"""Decisions and work that points share: kept, the least recently used dropped first."""

from __future__ import annotations

from cachetools import LRUCache

from netsim.costs.workload import Workload
from traces.speculative.rounds import Policy, Rounds

#: Decisions and work of every round.
Decided = tuple[Rounds, Workload]
#: What decisions depend on: the policy, and the decider's key of the draws.
PlanKey = tuple[Policy, tuple[int, int]]
Plans = LRUCache[PlanKey, Decided]
#: Rounds whose decisions and work are kept, at some 150 bytes each.
MOST_ROUNDS_PLANNED = 2**20


def new_plans() -> Plans:
    """Nothing kept yet."""
    return LRUCache(MOST_ROUNDS_PLANNED, getsizeof=lambda plan: plan[0].node.size)
