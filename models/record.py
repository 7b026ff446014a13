"""Record a trace: walk every group with both models in the loop and store what they thought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.batches import Advance, Batches
from models.ledger import Ledger, begin_or_resume, extend
from models.pair import Pair
from models.passes import Passes
from models.plan import Group, Plan, RecordingStopped
from traces.format.manifest import Manifest, Shard, TraceError
from traces.format.nodes import NodeTable
from traces.format.shards import read_shard, shard_name, write_shard


@dataclass(frozen=True)
class Done:
    """How far a recording is.

    Attributes
    ----------
    groups, total : int. Complete groups (a prompt under a token seed), those of earlier runs included, and all.
    nodes : int. Prefixes that both models evaluated in this run.
    share : float. Of this run's work, partial groups included.
    """

    groups: int
    total: int
    nodes: int
    share: float


#: Told after every pass and every complete group.
Progress = Callable[[Done], None]


def record(
    pair: Pair,
    plan: Plan,
    folder: Path,
    progress: Progress,
    *,
    extending: bool = False,
    workers: int = 1,
) -> Manifest:
    """Record a plan into a folder, going on where an earlier run of the same plan ended.

    Parameters
    ----------
    extending : bool
        Let the folder hold a recording of fewer prompts, token seeds or policies, which is then completed.
    workers : int
        Forward passes side by side, in threads that share the models; the bytes are those of one.

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
    groups = [group for group in plan.groups if group not in ledger.done]
    if not groups and ledger.is_finished:
        return ledger.manifest
    try:
        if groups:
            _record_groups(pair, ledger, groups, progress, workers)
        return ledger.finish()
    except OSError as error:
        raise _stopped(ledger, len(plan.groups), error) from error


def _record_groups(pair: Pair, ledger: Ledger, groups: list[Group], progress: Progress, workers: int) -> None:
    plan, folder, total = ledger.plan, ledger.folder, len(ledger.plan.groups)

    def recorded(group: Group) -> NodeTable | None:
        shard = ledger.base.get(group)
        return None if shard is None else read_shard(folder, shard, pair.vocabulary_size, plan.measure_spec)

    passes = Passes(pair, plan.batch)
    ledger.note(passes.cached, side_by_side=passes.side_by_side)
    nodes, share = 0, 0.0
    for result in Batches(pair, plan, passes, groups, recorded, workers):
        if isinstance(result, Advance):
            nodes, share = result.nodes, result.groups / len(groups)
        else:
            ledger.add(_written(pair, plan, folder, *result))
        progress(Done(len(ledger.done), total, nodes, share))


def _written(pair: Pair, plan: Plan, folder: Path, group: Group, table: NodeTable) -> Shard:
    name = shard_name(*group, len(plan.policies))
    return write_shard(folder, *group, table, pair.vocabulary_size, name)


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
