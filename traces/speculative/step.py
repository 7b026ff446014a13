"""One position of a walk: draft, measure, decide, accept or resample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from traces.format.forest import Forest
from traces.speculative.draws import TokenDraws
from traces.speculative.rounds import Drafts, Measure, Policy, Rounds
from traces.speculative.upload import Compressed, Payload, Rows, Upload
from traces.speculative.verify import accepts, choose, rejection, resample_each
from traces.uncertainty import disagreement, of_distribution, summaries, theta_rule

#: Its points are roots of a polynomial, a millisecond's work, and every path of its own has a step. To be read alone.
_known_rule = lru_cache(theta_rule)


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


@dataclass(frozen=True)
class Judged:
    """Drafts of several paths, and what the LLM says of each, sent or not.

    Attributes
    ----------
    look : DrawnDrafts
    rows : Rows. Distributions by which they are judged.
    accepted : [num_paths], bool
    rejection : [num_paths], float. Probability that the draft is rejected.
    """

    look: DrawnDrafts
    rows: Rows
    accepted: NDArray[np.bool_]
    rejection: NDArray[np.float64]


#: Where a draw stands: the group of each path, and the position, one for all or one each.
At = tuple[NDArray[np.int64], "int | NDArray[np.int64]"]


class Step:
    """Draws and decides one position for paths at known nodes."""

    def __init__(self, forest: Forest, draws: TokenDraws, measure: Measure) -> None:
        self.forest, self.draws, self.measure = forest, draws, measure
        theta, self.weights = _known_rule(measure.theta_max, forest.table.slm_log_partition.shape[1])
        self.inverse_temperature = 1 / (forest.sampler.temperature * theta)

    def decide(self, rounds: Rounds, policy: Policy, groups: NDArray[np.int64], position: int) -> None:
        """Fill in position ``position`` of the given groups, whose nodes are already in ``rounds``."""
        at = groups, position
        nodes = rounds.node[at]
        if policy.drafts:
            output = self._drafted(rounds, policy, at, nodes)
        else:
            output = self.streamed(at, nodes)
            rounds.drafted[at], rounds.bonus[at] = 0, True
        rounds.token[at] = self.forest.table.ids[output]
        rounds.llm_nll[at] = self.llm_nll(nodes, output)
        rounds.length[groups] = position + 1

    def streamed(self, at: At, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Entry of the token that the LLM generates by itself at each node."""
        forest = self.forest
        return choose(forest.y, forest.starts[nodes], forest.ends[nodes], self.draws.llm[at])

    def llm_nll(self, nodes: NDArray[np.int64], output: NDArray[np.int64]) -> NDArray[np.float64]:
        """Nats of each node's output, an entry of the forest, by the LLM's full distribution at temperature 1."""
        table = self.forest.table
        return table.llm_unit[nodes].astype(np.float64) - table.llm_logit[output].astype(np.float64)

    def look(self, payload: Payload, at: At, nodes: NDArray[np.int64]) -> DrawnDrafts:
        """Draft at known nodes, and measure."""
        forest = self.forest
        starts = forest.starts[nodes]
        rows = payload.rows(forest, starts, forest.ends[nodes])
        # Places within a row are the same in the forest and in what the server rebuilt.
        place = choose(rows.drafted, rows.starts, rows.ends, self.draws.draft[at]) - rows.starts
        draft = starts + place
        uncertainty, count = self._uncertainty(at, nodes, draft)
        score = forest.table.score[nodes].astype(np.float64)
        return DrawnDrafts(rows, place, draft, uncertainty, count, score)

    def seen(self, look: DrawnDrafts, accepted: NDArray[np.bool_], at: At) -> Drafts:
        """What a policy may look at."""
        drafted, starts, ends = look.rows.drafted, look.rows.starts, look.rows.ends
        return Drafts(
            uncertainty=look.uncertainty,
            count=look.count,
            samples=self.measure.samples,
            accepted=accepted,
            skip_draw=self.draws.skip[at],
            probability=drafted[starts + look.place],
            entropy=lambda: summaries(drafted, starts, ends)[0],
            score=look.score,
        )

    def judge(self, payload: Payload, at: At, nodes: NDArray[np.int64]) -> Judged:
        """Draft at known nodes, measure, and have every draft judged."""
        look = self.look(payload, at, nodes)
        rows = payload.after_draft(look.rows, self.forest, look.draft, look.uncertainty)
        x_draft, y_draft = rows.sent[rows.starts + look.place], self.forest.y[look.draft]
        accepted = accepts(x_draft, y_draft, self.draws.accept[at])
        return Judged(look, rows, accepted, rejection(x_draft, y_draft))

    def replaced(
        self, judged: Judged, which: NDArray[np.int64], at: At, nodes: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Entries that come out where the drafts ``which`` are replaced, and the others kept: [num_paths], int."""
        rows, output = judged.rows, judged.look.draft.copy()
        first, last = rows.starts[which], rows.ends[which]
        resampled = resample_each(rows.sent, rows.replacing, first, last, self.draws.resample[at][which])
        output[which] = self.forest.starts[nodes[which]] + resampled - first
        return output

    def _drafted(self, rounds: Rounds, policy: Policy, at: At, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        payload = policy.upload if isinstance(policy, Compressed) else Upload()
        judged = self.judge(payload, at, nodes)
        look, accepted = judged.look, judged.accepted
        transmitted = policy.transmits(self.seen(look, accepted, at))
        rounds.draft[at] = self.forest.table.ids[look.draft]
        rounds.uncertainty[at] = look.uncertainty
        rounds.transmitted[at] = transmitted
        rounds.accepted[at] = accepted
        rounds.rejection[at] = judged.rejection
        rounds.entries[at] = judged.rows.entries
        rounds.output_tv[at] = np.where(transmitted, judged.rows.output_tv(), 0.0)
        return self.replaced(judged, np.flatnonzero(transmitted & ~accepted), at, nodes)

    def _uncertainty(
        self, at: At, nodes: NDArray[np.int64], draft: NDArray[np.int64]
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
