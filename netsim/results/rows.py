"""A row of the results: what a scenario's point gives under one seed, or several seeds at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.costs.workload import Workload
from netsim.deciding.parametric import ParametricTrace
from netsim.results.columns import NAMES, Value, undefined, values
from netsim.results.facts import Decided, Demand, Drafting, Keys, Similar, Source, Timed
from netsim.results.similarity_file import StoredSimilarities
from traces.format.trace import Trace
from traces.speculative.rounds import Rounds

FloatArray = NDArray[np.float64]
Row = dict[str, Value]


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


@dataclass(frozen=True)
class RowBlock:
    """Rows that share their decisions, column by column: several points under several seeds.

    Attributes
    ----------
    points : list of int. Number of each row's point, as whoever asked counts them.
    seeds : list of int. Seed of each row.
    shared : Row. Columns of which all rows have the same value.
    own : dict of column to [num_rows], float. The others, but the seed.
    sums : dict of each of ``netsim.results.prompt_sums.SUMS`` to [num_rows, num_prompts], float.
    """

    points: list[int]
    seeds: list[int]
    shared: Row
    own: dict[str, FloatArray]
    sums: dict[str, FloatArray]

    @classmethod
    def of(
        cls,
        points: Sequence[int],
        seeds: Sequence[int],
        shared: Row,
        timed: Timed,
        sums: dict[str, FloatArray],
    ) -> RowBlock:
        """Of what the decisions give, and `Timed` and ``netsim.results.prompt_sums.session_sums`` of [num_points, num_seeds] rows."""
        shape = len(points), len(seeds)
        by_row = values(timed)
        own = {
            name: np.broadcast_to(column, shape).reshape(-1)
            for name, column in by_row.items()
            if np.ndim(column)
        }
        alike = {
            name: None if column is None else float(column)
            for name, column in by_row.items()
            if name not in own
        }
        # Of what is decided, one row stands for all.
        of_prompts = {
            name: total.reshape(-1, total.shape[-1])
            if total.ndim > 1
            else np.broadcast_to(total, (len(points) * len(seeds), total.size))
            for name, total in sums.items()
        }
        return cls(
            np.repeat(points, len(seeds)).tolist(),
            list(seeds) * len(points),
            {**shared, **alike},
            own,
            of_prompts,
        )

    @classmethod
    def alone(cls, seed: int, row: Row, sums: dict[str, FloatArray]) -> RowBlock:
        """A single row, of the only point; its sums are [num_prompts]."""
        return cls([0], [seed], row, {}, {name: total[None] for name, total in sums.items()})

    def rows(self) -> Iterator[tuple[Row, dict[str, FloatArray]]]:
        """Each row, its columns in the order of ``netsim.results.columns.NAMES``, and its prompts' sums."""
        for number, seed in enumerate(self.seeds):
            own = {name: float(values[number]) for name, values in self.own.items()}
            row = {**self.shared, **own, "seed": seed}
            yield {name: row[name] for name in NAMES}, {name: of[number] for name, of in self.sums.items()}
