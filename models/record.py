"""Record a trace: walk every group with both models in the loop and store what they thought."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.expand import GroupTree, TreeSettings
from models.ledger import Ledger, begin_or_resume, extend
from models.pair import Pair
from models.plan import Group, Plan, RecordingStopped
from traces.format.manifest import Manifest, Shard, TraceError
from traces.format.shards import extended_shard_name, read_shard, shard_name, write_shard
from traces.speculative.draws import token_draws
from traces.speculative.walk import walk
from traces.uncertainty import THETA_POINTS

#: Told after every group: (groups done, groups in all, nodes that this group has).
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Job:
    """One group to be recorded: all that a process needs beside the pair.

    Attributes
    ----------
    plan : Plan
    folder : Path
    group : (prompt, token seed)
    weights : (str, str)
        Digests of both models' weights, as the manifest has them: another process loads its own.
    recorded : Shard, optional
        The group as far as it is recorded, to which the paths of new policies are added.
    """

    plan: Plan
    folder: Path
    group: Group
    weights: tuple[str, str]
    recorded: Shard | None = None


#: Records groups in any order and yields each one's shard as soon as its file is complete.
Runner = Callable[[Sequence[Job]], Iterator[Shard]]


def record(
    pair: Pair,
    plan: Plan,
    folder: Path,
    progress: Progress,
    run: Runner | None = None,
    *,
    extending: bool = False,
) -> Manifest:
    """Record a plan into a folder, going on where an earlier run of the same plan ended.

    Parameters
    ----------
    run : callable, optional
        Runs the jobs elsewhere, e.g. ``models.processes.run_in_processes``; default: here, one by one.
        The bytes are the same.
    extending : bool
        Let the folder hold a recording of fewer prompts, token seeds or policies, which is then completed.

    Raises
    ------
    TraceError
        If the folder holds another recording, or a prompt is too long for the models.
    RecordingStopped
        If a file can't be written, for instance because the disk is full.
    """
    _check_lengths(pair, plan)
    try:
        ledger = (extend if extending else begin_or_resume)(pair, plan, folder)
    except OSError as error:
        raise RecordingStopped(f"{error.filename or folder}: {error.strerror}") from error
    weights = ledger.manifest.slm.digest, ledger.manifest.llm.digest
    jobs = [
        Job(plan, folder, group, weights, ledger.base.get(group))
        for group in plan.groups
        if group not in ledger.done
    ]
    if not jobs and ledger.is_finished:
        return ledger.manifest
    total = len(plan.groups)
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
    plan, recorded = job.plan, job.recorded
    tree = grow(pair, job)
    if recorded is None:
        name = shard_name(*job.group)
    elif tree.forest.table.num_nodes == recorded.num_nodes:
        return recorded
    else:
        name = extended_shard_name(*job.group, len(plan.policies))
    return write_shard(job.folder, *job.group, tree.forest.table, pair.vocabulary_size, name)


def grow(pair: Pair, job: Job) -> GroupTree:
    """Tree of one group: every policy's path, or the prompt's continuation."""
    plan = job.plan
    settings = TreeSettings(plan.sampler, plan.measure.theta_max, THETA_POINTS, plan.batch)
    prompt = plan.prompts[job.group[0]]
    recorded = None
    if job.recorded is not None:
        recorded = read_shard(job.folder, job.recorded, pair.vocabulary_size, plan.measure_spec)
    tree = GroupTree(pair, prompt.tokens, settings, recorded=recorded, text=prompt.continuation)
    if not plan.policies:
        tree.follow_text(plan.num_tokens)
        return tree
    walk(
        tree.forest,
        np.array([0]),
        list(plan.policies.values()),
        token_draws([job.group], plan.num_tokens, plan.measure.samples or 0),
        plan.num_tokens,
        plan.measure,
        eos=plan.eos,
        expand=tree.expand,
    )
    return tree


def _check_lengths(pair: Pair, plan: Plan) -> None:
    for prompt in plan.prompts:
        needed = len(prompt.tokens) + plan.num_tokens
        if needed > pair.max_positions:
            raise TraceError(
                f"prompt '{prompt.id}' and {plan.num_tokens} tokens take {needed} positions, "
                f"the models have {pair.max_positions}: use shorter prompts or fewer tokens"
            )


def _stopped(ledger: Ledger, total: int, error: OSError) -> RecordingStopped:
    seeds = set(ledger.plan.token_seeds)
    by_prompt = [
        {seed for p, seed in ledger.done if p == prompt} for prompt in range(len(ledger.plan.prompts))
    ]
    return RecordingStopped(
        f"{error.filename or ledger.folder}: {error.strerror}; {len(ledger.done)} of {total} groups are kept, "
        f"{by_prompt.count(seeds)} prompts are complete and usable, the same command goes on from there"
    )
