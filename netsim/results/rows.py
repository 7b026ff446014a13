"""A row of the results: what a scenario's point gives under one seed, or several seeds at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from netsim.costs.energy import Power
from netsim.costs.workload import Workload
from netsim.deciding.parametric import ParametricTrace
from netsim.engines.timings import Timings
from netsim.results.columns import Value, undefined, values
from netsim.results.facts import Decided, Demand, Drafting, Keys, Similar, Source, Timed
from netsim.results.similarity_file import StoredSimilarities
from traces.format.trace import Trace
from traces.speculative.rounds import Rounds

Row = dict[str, Value]


def timing_columns(
    workload: Workload, timings: Timings, power: Power, *, count_prompt: bool
) -> dict[str, NDArray[np.float64] | None]:
    """Columns that depend on the radio: one device's sessions.

    Parameters
    ----------
    timings : Timings
        [num_sessions, num_tokens], or [num_seeds, num_sessions, num_tokens] for several seeds that share
        their decisions.

    Returns
    -------
    dict of column to float array, [num_seeds], or [] for one seed or where all seeds agree; None where undefined
    """
    return values(Timed(workload, timings, power, count_prompt))


def decision_columns(rounds: Rounds, workload: Workload, *, drafts: bool) -> Row:
    """Columns that depend on the decisions alone; None where undefined."""
    of_drafts = draft_columns(rounds, workload) if drafts else undefined(Drafting)
    return {**values(Decided(rounds, workload)), **of_drafts}


def draft_columns(rounds: Rounds, workload: Workload) -> Row:
    """Columns of sessions whose policy drafts."""
    return values(Drafting(rounds, workload))


def key_columns(seed: int, token_seed: int, engine: str) -> Row:
    """Columns that name the row."""
    return values(Keys(seed, token_seed, engine))


def similarity_columns(stored: StoredSimilarities | None, rounds: Rounds, token_seed: int) -> Row:
    """Columns of texts, as far as scores of them are stored; None for the others."""
    return values(Similar(stored.means(rounds, token_seed) if stored is not None else {}))


def source_columns(trace: Trace | ParametricTrace) -> Row:
    """Columns that say what the decisions come from."""
    return values(Source(trace))


def request_columns(demand: Demand) -> Row:
    """Columns about the requests of a row."""
    return {**values(demand), "request_mean_s": demand.request_mean_s}


#: What one device that is always served in the end has in them, beside its seconds.
ONE_DEVICE: Row = values(Demand(0.0, 0.0, None, None, 1.0, None))


def of_seeds(timed: dict[str, NDArray[np.float64] | None], num_seeds: int) -> Iterator[Row]:
    """The columns of each seed, of those that `timing_columns` gives for all of them."""
    values = [
        column.tolist()
        if column is not None and np.ndim(column)
        else [None if column is None else float(column)] * num_seeds
        for column in timed.values()
    ]
    for own in zip(*values, strict=True):
        yield dict(zip(timed, own, strict=True))
