"""Decisions and work that points share: kept, the least recently used dropped first."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from netsim.costs.workload import Workload
from traces.speculative.rounds import Policy, Rounds

#: Decisions and work of every round.
Decided = tuple[Rounds, Workload]
#: What decisions depend on: the policy, and the decider's key of the draws.
PlanKey = tuple[Policy, tuple[int, int]]
Plans = LRUCache[PlanKey, Decided]
_Columns = TypeVar("_Columns", Rounds, Workload)
#: Rounds whose decisions and work are kept, at some 130 bytes each.
MOST_ROUNDS_PLANNED = 2**20


def new_plans() -> Plans:
    """Nothing kept yet."""
    return LRUCache(MOST_ROUNDS_PLANNED, getsizeof=lambda plan: plan[0].node.size)


def lean(columns: _Columns) -> _Columns:
    """The same, read alone: a column that has one value everywhere, as nearly half of them have, takes the memory of one."""
    return type(columns)(**{field.name: _lean(getattr(columns, field.name)) for field in fields(columns)})


def _lean(column: NDArray[Any]) -> NDArray[Any]:
    values = column.reshape(-1)
    # Most of those that vary show it at their ends.
    if not values.size or values[0] != values[-1] or not (values == values[0]).all():
        return column
    return np.broadcast_to(values[:1].copy().reshape(()), column.shape)
