"""Record a trace: walk every group with both models in the loop and store what they thought."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.expand import GroupTree, TreeSettings
from models.ledger import Ledger, open_ledger
from models.pair import Pair
from models.plan import Group, Plan, RecordingStopped
from traces.draws import token_draws
from traces.manifest import Manifest, Shard, TraceError
from traces.nodes import NodeTable
from traces.shards import write_shard
from traces.uncertainty import THETA_POINTS
from traces.walk import walk

#: Told after every group: (groups done, groups in all, nodes that this group has).
Progress = Callable[[int, int, int], None]
#: Records groups in any order and yields each one's shard as soon as its file is complete.
Runner = Callable[[Sequence["Job"]], Iterator[Shard]]


@dataclass(frozen=True)
class Job:
    """One group to be recorded: all that a process needs beside the pair.

    Attributes
    ----------
    plan : Plan
    folder : Path
    group : (prompt, token seed)
    """

    plan: Plan
    folder: Path
    group: Group


def record(pair: Pair, plan: Plan, folder: Path, progress: Progress, run: Runner | None = None) -> Manifest:
    """Record a plan into a folder, going on where an earlier run of the same plan ended.

    Parameters
    ----------
    run : callable, optional
        Runs the jobs elsewhere, e.g. ``models.processes.run_in_processes``; default: here, one by one.
        The bytes are the same.

    Raises
    ------
    TraceError
        If the folder holds another recording, or a prompt is too long for the models.
    RecordingStopped
        If a file can't be written, for instance because the disk is full.
    """
    _check_lengths(pair, plan)
    ledger = open_ledger(pair, plan, folder)
    jobs = [Job(plan, folder, group) for group in plan.groups if group not in ledger.done]
    if not jobs and ledger.manifest.outside_mass is not None:
        return ledger.manifest
    total = len(jobs) + len(ledger.done)
    try:
        for shard in run(jobs) if run else run_here(pair, jobs):
            ledger.add(shard)
            progress(len(ledger.done), total, shard.num_nodes)
        return ledger.finish()
    except OSError as error:
        raise _stopped(ledger, total, error) from error


def run_here(pair: Pair, jobs: Sequence[Job]) -> Iterator[Shard]:
    """Record jobs one by one in this process."""
    return (record_group(pair, job) for job in jobs)


def record_group(pair: Pair, job: Job) -> Shard:
    """Walk one group with both models in the loop, and write its shard."""
    table = _tree(pair, job.plan, job.group)
    return write_shard(job.folder, *job.group, table, pair.vocabulary_size)


def _tree(pair: Pair, plan: Plan, group: Group) -> NodeTable:
    settings = TreeSettings(plan.sampler, plan.measure.theta_max, THETA_POINTS, len(plan.policies))
    tree = GroupTree(pair, plan.prompts[group[0]].tokens, settings)
    walk(
        tree.forest,
        np.array([0]),
        list(plan.policies.values()),
        token_draws([group], plan.num_tokens, plan.measure.samples or 0),
        plan.num_tokens,
        plan.measure,
        eos=plan.eos,
        expand=tree.expand,
    )
    return tree.forest.table


def _check_lengths(pair: Pair, plan: Plan) -> None:
    for prompt in plan.prompts:
        needed = len(prompt.tokens) + plan.num_tokens
        if needed > pair.max_positions:
            raise TraceError(
                f"prompt '{prompt.id}' and {plan.num_tokens} tokens take {needed} positions, "
                f"the models have {pair.max_positions}: use shorter prompts or fewer tokens"
            )


def _stopped(ledger: Ledger, total: int, error: OSError) -> RecordingStopped:
    return RecordingStopped(
        f"{error.filename or ledger.folder}: {error.strerror}; {len(ledger.done)} of {total} groups are recorded and "
        f"stay usable, the same command goes on from there"
    )
