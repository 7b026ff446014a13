"""One position of a walk: draft, measure, decide, accept or resample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traces.format.forest import Forest
from traces.speculative.draws import TokenDraws
from traces.speculative.rounds import Drafts, Measure, Policy, Rounds
from traces.speculative.upload import Compressed, Payload, Rows, Upload
from traces.speculative.verify import accepts, choose, rejection, resample_each
from traces.uncertainty import disagreement, of_distribution, summaries, theta_rule


@dataclass(frozen=True)
class DrawnDrafts:
    """Drafts of several paths.

    Attributes
    ----------
    rows : Rows. Distributions that they were drawn from.
    place, draft : [num_paths], int. Each draft's place in its row, and its entry in the forest.
    uncertainty, count : [num_paths], float and int. ``count`` is None where the measure has no grid.
    score : [num_paths], float. That of each path's node.
    """

    rows: Rows
    place: NDArray[np.int64]
    draft: NDArray[np.int64]
    uncertainty: NDArray[np.float64]
    count: NDArray[np.int64] | None
    score: NDArray[np.float64]


class Step:
    """Draws and decides one position for paths at known nodes."""

    def __init__(self, forest: Forest, draws: TokenDraws, measure: Measure) -> None:
        self.forest, self.draws, self.measure = forest, draws, measure
        theta, self.weights = theta_rule(measure.theta_max, forest.table.slm_log_partition.shape[1])
        self.inverse_temperature = 1 / (forest.sampler.temperature * theta)

    def decide(self, rounds: Rounds, policy: Policy, groups: NDArray[np.int64], position: int) -> None:
        """Fill in position ``position`` of the given groups, whose nodes are already in ``rounds``."""
        forest, at = self.forest, (groups, position)
        nodes = rounds.node[at]
        if policy.drafts:
            output = self._drafted(rounds, policy, groups, position, nodes)
        else:
            output = choose(forest.y, forest.starts[nodes], forest.ends[nodes], self.draws.llm[at])
            rounds.drafted[at], rounds.bonus[at] = 0, True
        rounds.token[at] = forest.table.ids[output]
        logit = forest.table.llm_logit[output].astype(np.float64)
        rounds.llm_nll[at] = forest.table.llm_unit[nodes] - logit
        rounds.length[groups] = position + 1

    def look(
        self, payload: Payload, groups: NDArray[np.int64], position: int, nodes: NDArray[np.int64]
    ) -> DrawnDrafts:
        """Draft at known nodes, and measure."""
        forest, at = self.forest, (groups, position)
        starts = forest.starts[nodes]
        rows = payload.rows(forest, starts, forest.ends[nodes])
        # Places within a row are the same in the forest and in what the server rebuilt.
        place = choose(rows.drafted, rows.starts, rows.ends, self.draws.draft[at]) - rows.starts
        draft = starts + place
        uncertainty, count = self._uncertainty(at, nodes, draft)
        score = forest.table.score[nodes].astype(np.float64)
        return DrawnDrafts(rows, place, draft, uncertainty, count, score)

    def seen(
        self, look: DrawnDrafts, accepted: NDArray[np.bool_], groups: NDArray[np.int64], position: int
    ) -> Drafts:
        """What a policy may look at."""
        drafted, starts, ends = look.rows.drafted, look.rows.starts, look.rows.ends
        return Drafts(
            uncertainty=look.uncertainty,
            count=look.count,
            samples=self.measure.samples,
            accepted=accepted,
            skip_draw=self.draws.skip[groups, position],
            probability=drafted[starts + look.place],
            entropy=lambda: summaries(drafted, starts, ends)[0],
            score=look.score,
        )

    def _drafted(
        self,
        rounds: Rounds,
        policy: Policy,
        groups: NDArray[np.int64],
        position: int,
        nodes: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        forest, draws, at = self.forest, self.draws, (groups, position)
        payload = policy.upload if isinstance(policy, Compressed) else Upload()
        look = self.look(payload, groups, position, nodes)
        draft, place = look.draft, look.place
        rows = payload.after_draft(look.rows, forest, draft, look.uncertainty)
        x_draft, y_draft = rows.sent[rows.starts + place], forest.y[draft]
        accepted = accepts(x_draft, y_draft, draws.accept[at])
        transmitted = policy.transmits(self.seen(look, accepted, groups, position))
        replaced = np.flatnonzero(transmitted & ~accepted)
        first, last = rows.starts[replaced], rows.ends[replaced]
        resampled = resample_each(rows.sent, rows.replacing, first, last, draws.resample[at][replaced])
        output = draft.copy()
        output[replaced] = forest.starts[nodes][replaced] + resampled - first
        rounds.draft[at] = forest.table.ids[draft]
        rounds.uncertainty[at] = look.uncertainty
        rounds.transmitted[at] = transmitted
        rounds.accepted[at] = accepted
        rounds.rejection[at] = rejection(x_draft, y_draft)
        rounds.entries[at] = rows.entries
        rounds.output_tv[at] = np.where(transmitted, rows.output_tv(), 0.0)
        return output

    def _uncertainty(
        self, at: tuple[NDArray[np.int64], int], nodes: NDArray[np.int64], draft: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
        """Uncertainty of each draft, and its count of disagreeing samples where there are samples."""
        table, samples, name = self.forest.table, self.measure.samples, self.measure.name
        if name != "temperature":
            forest = self.forest
            rows = forest.starts[nodes], forest.ends[nodes]
            return of_distribution(name, forest.x, *rows, draft, forest.vocabulary_size), None
        rule = self.inverse_temperature, self.weights
        q = disagreement(table.slm_logit, table.slm_log_partition, nodes, draft, *rule)
        if samples is None:
            return q, None
        count = (self.draws.perturb[at] < q[:, None]).sum(axis=-1)
        return count / samples, count
