"""One walk for recording, live models and replay: decide every round of many prompts in lockstep.

A walk takes a forest, policies (any objects with the interface ``Policy``) and the token draws. Where a path
leaves the forest it asks ``expand`` for the missing nodes: run both models, or answer -1, and the path is off
the tree from there on. Decisions use nothing but what a node stores, so a replay equals its recording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from traces.draws import TokenDraws
from traces.forest import Forest
from traces.uncertainty import disagreement, theta_rule
from traces.verify import accepts, choose, resample_each

#: ``expand(parents, tokens)`` appends the missing nodes to the forest and returns them; -1 where it has none.
Expand = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]
#: Guard of ``floor(samples * threshold)`` against 0.3 * 20 = 5.999…
COUNT_GUARD = 1e-9


@dataclass(frozen=True)
class Measure:
    """How the device measures its uncertainty.

    Attributes
    ----------
    samples : int or None
        Temperature samples ``K``; None is the limit of many, where ``u = q``.
    theta_max : float
        Largest sampling temperature, in units of the sampler's.
    """

    samples: int | None = 20
    theta_max: float = 2.0


@dataclass(frozen=True)
class Drafts:
    """What a policy may look at when it decides, for paths in lockstep.

    Attributes
    ----------
    uncertainty : [num_paths], float in [0, 1]
    count : [num_paths], int, or None where the measure has no grid. ``K * uncertainty``.
    samples : int or None. ``K``.
    accepted : [num_paths], bool. Outcome of the accept draw; only an oracle may use it.
    skip_draw : [num_paths], float in [0, 1). For policies that toss a coin.
    """

    uncertainty: NDArray[np.float64]
    count: NDArray[np.int64] | None
    samples: int | None
    accepted: NDArray[np.bool_]
    skip_draw: NDArray[np.float64]

    def at_most(self, threshold: float) -> NDArray[np.bool_]:
        """Whether the uncertainty is at most ``threshold``; counts are compared, not floats."""
        if self.count is None or self.samples is None:
            low: NDArray[np.bool_] = self.uncertainty <= threshold
        else:
            low = self.count <= np.floor(self.samples * threshold + COUNT_GUARD)
        return low


class Policy(Protocol):
    """Decides which rounds are transmitted.

    Attributes
    ----------
    drafts : bool
        Whether the SLM drafts; False means that every token is the LLM's own.
    """

    @property
    def drafts(self) -> bool:
        """Whether the SLM drafts."""

    def transmits(self, drafts: Drafts) -> NDArray[np.bool_]:
        """Which paths send their round: [num_paths], bool."""


@dataclass(frozen=True)
class Rounds:
    """Decisions of one policy: arrays over groups (prompt, token seed) and positions.

    Entries at and past ``length[group]`` mean nothing.

    Attributes
    ----------
    length : [num_groups], int. Tokens generated, the end-of-sequence token included.
    node : [num_groups, num_tokens], int. Node of the forest that decided the round.
    token : [num_groups, num_tokens], int. Output.
    draft : [num_groups, num_tokens], int. -1 without a draft.
    uncertainty : [num_groups, num_tokens], float. NaN without a draft.
    transmitted, accepted : [num_groups, num_tokens], bool. ``accepted`` is counterfactual where skipped.
    on_tree : [num_groups, num_tokens], bool. Whether the round's prefix is recorded.
    llm_nll : [num_groups, num_tokens], float. Nats of the output, LLM's full distribution, temperature 1.
    rejection : [num_groups, num_tokens], float
        ``max(0, 1 - y_d / x_d)``, the probability that the draft is rejected. NaN without a draft.
    """

    length: NDArray[np.int64]
    node: NDArray[np.int64]
    token: NDArray[np.int64]
    draft: NDArray[np.int64]
    uncertainty: NDArray[np.float64]
    transmitted: NDArray[np.bool_]
    accepted: NDArray[np.bool_]
    on_tree: NDArray[np.bool_]
    llm_nll: NDArray[np.float64]
    rejection: NDArray[np.float64]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """[num_groups, num_tokens], bool. Rounds that took place."""
        return np.arange(self.token.shape[1]) < self.length[:, None]

    @classmethod
    def empty(cls, num_groups: int, num_tokens: int) -> Rounds:
        """Rounds to be filled in."""
        shape = num_groups, num_tokens
        return cls(
            length=np.zeros(num_groups, np.int64),
            node=np.full(shape, -1, np.int64),
            token=np.full(shape, -1, np.int64),
            draft=np.full(shape, -1, np.int64),
            uncertainty=np.full(shape, np.nan),
            transmitted=np.zeros(shape, bool),
            accepted=np.zeros(shape, bool),
            on_tree=np.zeros(shape, bool),
            llm_nll=np.full(shape, np.nan),
            rejection=np.full(shape, np.nan),
        )

    @classmethod
    def joined(cls, parts: Sequence[Rounds]) -> Rounds:
        """Rounds of several walks, one after the other; ``node`` then belongs to different forests."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def refuse(parents: NDArray[np.int64], _tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """An ``expand`` that has no further nodes."""
    return np.full(len(parents), -1, np.int64)


class _Step:
    """Draws and decides one position for paths at known nodes."""

    def __init__(self, forest: Forest, draws: TokenDraws, measure: Measure) -> None:
        self.forest, self.draws, self.measure = forest, draws, measure
        theta, self.weights = theta_rule(measure.theta_max, forest.table.slm_log_partition.shape[1])
        self.inverse_temperature = 1 / (forest.sampler.temperature * theta)

    def decide(self, rounds: Rounds, policy: Policy, groups: NDArray[np.int64], position: int) -> None:
        """Fill in position ``position`` of the given groups, whose nodes are already in ``rounds``."""
        forest, at = self.forest, (groups, position)
        nodes = rounds.node[at]
        starts, ends = forest.starts[nodes], forest.ends[nodes]
        if policy.drafts:
            output = self._drafted(rounds, policy, at, nodes, starts, ends)
        else:
            output = choose(forest.y, starts, ends, self.draws.llm[at])
        rounds.token[at] = forest.table.ids[output]
        logit = forest.table.llm_logit[output].astype(np.float64)
        rounds.llm_nll[at] = forest.table.llm_unit[nodes] - logit
        rounds.length[groups] = position + 1

    def _drafted(
        self,
        rounds: Rounds,
        policy: Policy,
        at: tuple[NDArray[np.int64], int],
        nodes: NDArray[np.int64],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        forest, draws = self.forest, self.draws
        draft = choose(forest.x, starts, ends, draws.draft[at])
        x_draft, y_draft = forest.x[draft], forest.y[draft]
        accepted = accepts(x_draft, y_draft, draws.accept[at])
        table = forest.table
        partitions = table.slm_log_partition
        q = disagreement(table.slm_logit, partitions, nodes, draft, self.inverse_temperature, self.weights)
        samples = self.measure.samples
        count = None if samples is None else (draws.perturb[at] < q[:, None]).sum(axis=-1)
        uncertainty = q if count is None or samples is None else count / samples
        transmitted = policy.transmits(Drafts(uncertainty, count, samples, accepted, draws.skip[at]))
        replaced = np.flatnonzero(transmitted & ~accepted)
        output = draft.copy()
        rows = starts[replaced], ends[replaced]
        output[replaced] = resample_each(forest.x, forest.y, *rows, draws.resample[at][replaced])
        rounds.draft[at] = table.ids[draft]
        rounds.uncertainty[at] = uncertainty
        rounds.transmitted[at] = transmitted
        rounds.accepted[at] = accepted
        rounds.rejection[at] = np.maximum(0.0, 1 - y_draft / x_draft)
        return output


def walk(
    forest: Forest,
    roots: NDArray[np.int64],
    policies: Sequence[Policy],
    draws: TokenDraws,
    num_tokens: int,
    measure: Measure,
    *,
    eos: int | None = None,
    expand: Expand = refuse,
    fallback: NDArray[np.int64] | None = None,
) -> list[Rounds]:
    """Decide up to ``num_tokens`` rounds of every group under every policy.

    Parameters
    ----------
    roots : [num_groups], int. Node of each group's prompt.
    draws : TokenDraws of the same groups.
    eos : int, optional
        Token that ends a prompt; None ignores it.
    expand : callable
        Asked once per position for the children that are missing, each (parent, token) once.
    fallback : [num_groups, num_tokens], int, optional
        Nodes that a path follows once it has left the tree (-1: the path ends there). Without it, such
        a path ends.

    Returns
    -------
    list of Rounds, one per policy
    """
    step = _Step(forest, draws, measure)
    results = [Rounds.empty(len(roots), num_tokens) for _ in policies]
    for rounds in results:
        if num_tokens:
            rounds.node[:, 0], rounds.on_tree[:, 0] = roots, True
    active = [np.arange(len(roots)) for _ in policies]
    for position in range(num_tokens):
        for policy, rounds, groups in zip(policies, results, active, strict=True):
            if len(groups):
                step.decide(rounds, policy, groups, position)
        if position + 1 == num_tokens:
            break
        active = [
            _running(rounds, groups, position, eos) for rounds, groups in zip(results, active, strict=True)
        ]
        _grow(forest, results, active, position, expand)
        for index, (rounds, groups) in enumerate(zip(results, active, strict=True)):
            active[index] = _advance(forest, rounds, groups, position, fallback)
    return results


def _running(rounds: Rounds, groups: NDArray[np.int64], position: int, eos: int | None) -> NDArray[np.int64]:
    """Groups that go on after this position."""
    return groups if eos is None else groups[rounds.token[groups, position] != eos]


def _grow(
    forest: Forest, results: list[Rounds], active: list[NDArray[np.int64]], position: int, expand: Expand
) -> None:
    """Ask for the children that on-tree paths are about to need, in the order of first need."""
    wanted: dict[tuple[int, int], None] = {}
    if expand is refuse:
        return
    for rounds, groups in zip(results, active, strict=True):
        here = groups[rounds.on_tree[groups, position]]
        nodes, tokens = rounds.node[here, position], rounds.token[here, position]
        missing = forest.children(nodes, tokens) < 0
        wanted.update(dict.fromkeys(zip(nodes[missing].tolist(), tokens[missing].tolist(), strict=True)))
    if wanted:
        pairs = np.array(list(wanted), np.int64)
        expand(pairs[:, 0], pairs[:, 1])


def _advance(
    forest: Forest,
    rounds: Rounds,
    groups: NDArray[np.int64],
    position: int,
    fallback: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    """Move to the next nodes; returns the groups that go on."""
    node, on_tree = rounds.node[groups, position], rounds.on_tree[groups, position]
    child = forest.children(node, rounds.token[groups, position])
    on_tree = on_tree & (child >= 0)
    target = child if fallback is None else np.where(on_tree, child, fallback[groups, position + 1])
    going = on_tree if fallback is None else target >= 0
    groups = groups[going]
    rounds.node[groups, position + 1] = target[going]
    rounds.on_tree[groups, position + 1] = on_tree[going]
    return groups
