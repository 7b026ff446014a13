"""One walk for recording, live models and replay: decide every round of many prompts in lockstep.

A walk takes a forest, policies (any objects with the interface ``Policy``) and the token draws. Where a path
leaves the forest it asks ``expand`` for the missing nodes: run both models, or answer -1, and the path is off
the tree from there on. Decisions use nothing but what a node stores, so a replay equals its recording.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray

from traces.format.forest import Forest
from traces.speculative.draws import TokenDraws
from traces.speculative.rounds import Drafts, Measure, Policy, Rounds
from traces.speculative.step import Step
from traces.speculative.walker import Expand, Missing, Stops, Walker, ends, refuse

__all__ = [
    "Drafts",
    "Expand",
    "Measure",
    "Missing",
    "Policy",
    "Rounds",
    "Stops",
    "refuse",
    "stepwise",
    "walk",
]


def walk(
    forest: Forest,
    roots: NDArray[np.int64],
    policies: Sequence[Policy],
    draws: TokenDraws,
    num_tokens: int,
    measure: Measure,
    *,
    eos: Stops = None,
    expand: Expand = refuse,
    fallback: NDArray[np.int64] | None = None,
) -> list[Rounds]:
    """Decide up to ``num_tokens`` rounds of every group under every policy.

    Parameters
    ----------
    roots : [num_groups], int. Node of each group's prompt.
    draws : TokenDraws of the same groups.
    eos : int or sequence of int, optional
        Tokens that end a prompt; None ignores them.
    expand : callable
        ``expand(parents, tokens)`` appends nodes to the forest. Asked once per position for the children that are
        missing, each (parent, token) once, and for those behind rejected drafts that a rule looks at.
    fallback : [num_groups, num_tokens], int, optional
        Nodes that a path follows once it has left the tree (-1: the path ends there). Without it, such
        a path ends.

    Returns
    -------
    list of Rounds, one per policy
    """
    grows = expand is not refuse
    steps = stepwise(
        forest, roots, policies, draws, num_tokens, measure, eos=eos, grows=grows, fallback=fallback
    )
    while True:
        try:
            expand(*next(steps))
        except StopIteration as end:
            rounds: list[Rounds] = end.value
            return rounds


def stepwise(
    forest: Forest,
    roots: NDArray[np.int64],
    policies: Sequence[Policy],
    draws: TokenDraws,
    num_tokens: int,
    measure: Measure,
    *,
    eos: Stops = None,
    grows: bool = True,
    fallback: NDArray[np.int64] | None = None,
) -> Generator[Missing, None, list[Rounds]]:
    """A `walk` that stops wherever nodes are missing, and goes on when they are in the forest.

    So that many walks can share the models' batches. Parameters as in `walk`; without ``grows`` it never stops.
    """
    step = Step(forest, draws, measure)
    results = [Rounds.empty(len(roots), num_tokens) for _ in policies]
    for rounds in results:
        if num_tokens:
            rounds.node[:, 0], rounds.on_tree[:, 0] = roots, True
    walkers = [Walker(step, rounds, eos=eos, grows=grows, fallback=fallback) for rounds in results]
    active = [np.arange(len(roots)) for _ in policies]
    for position in range(num_tokens):
        for policy, walker, groups in zip(policies, walkers, active, strict=True):
            if len(groups):
                yield from walker.decide(policy, groups, position)
        if position + 1 == num_tokens:
            break
        active = [
            running(rounds, groups, position, eos) for rounds, groups in zip(results, active, strict=True)
        ]
        if grows:
            missing = _missing(forest, results, active, position)
            if len(missing[0]):
                yield missing
        for index, (rounds, groups) in enumerate(zip(results, active, strict=True)):
            active[index] = advance(forest, rounds, groups, position, fallback)
    return results


def running(rounds: Rounds, groups: NDArray[np.int64], position: int, eos: Stops) -> NDArray[np.int64]:
    """Groups that go on after this position."""
    return groups[~ends(rounds.token[groups, position], eos)]


def _missing(
    forest: Forest, results: list[Rounds], active: list[NDArray[np.int64]], position: int
) -> Missing:
    """Children that on-tree paths are about to need, in the order of first need."""
    wanted: dict[tuple[int, int], None] = {}
    for rounds, groups in zip(results, active, strict=True):
        here = groups[rounds.on_tree[groups, position]]
        nodes, tokens = rounds.node[here, position], rounds.token[here, position]
        missing = forest.children(nodes, tokens) < 0
        wanted.update(dict.fromkeys(zip(nodes[missing].tolist(), tokens[missing].tolist(), strict=True)))
    pairs = np.array(list(wanted), np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def advance(
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
