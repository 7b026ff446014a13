"""The manifest of a recording while it is under way: begun or resumed, added to, finished."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models.manifests import empty_manifest
from models.pair import Pair
from models.plan import Group, Plan
from models.vocabulary import tokenizer_digest as tokenizer_digest  # noqa: PLC0414 - others ask for it here
from traces.format.forest import distributions
from traces.format.manifest import (
    EXTENSION,
    MANIFEST,
    Manifest,
    Shard,
    TraceError,
    canonical,
    read_manifest,
    remove_partial_files,
    write_manifest,
)
from traces.format.shards import read_shard

#: What a recording may have that a new one of the same plan has not: a folder may also have been renamed.
_RESULTS = {"name", "shards", "outside_mass", "calibration", "side_by_side"}
#: What an extension may add to.
_GROWS = {"prompts", "token_seeds", "policies"}
#: What version 1 did not say, or (its batch) meant otherwise.
_UNSAID = {"version", "batch", "chat"}


@dataclass
class Ledger:
    """The manifest of a recording, on disk at any time.

    Attributes
    ----------
    folder : Path
    plan : Plan
    manifest : Manifest
        As written last.
    file : str
        Its file: an extension has its own until it is complete, so that the trace stays usable as it was.
    base : mapping of group to Shard
        Groups recorded for fewer policies, from which the new paths branch off.
    """

    folder: Path
    plan: Plan
    manifest: Manifest
    file: str = MANIFEST
    base: dict[Group, Shard] = field(default_factory=dict)

    @property
    def done(self) -> set[Group]:
        """Groups whose shard is complete."""
        return {(shard.prompt, shard.token_seed) for shard in self.manifest.shards}

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.file == MANIFEST and self.manifest.outside_mass is not None

    def note(self, cached: tuple[bool, bool], *, side_by_side: bool) -> None:
        """Enter how the models run, which a recording that goes on must not change.

        Raises
        ------
        TraceError
            If the recording began otherwise.
        """
        found = {"side_by_side": side_by_side}
        before = self.manifest
        models = {
            role: getattr(before, role).model_copy(update={"cached": own})
            for role, own in zip(("slm", "llm"), cached, strict=True)
        }
        now = before.model_copy(update=found | models)
        if before.shards and before.side_by_side is not None and now != before:
            raise TraceError(
                f"{self.folder}: the check of the models' caches and batches comes out otherwise than when the "
                f"recording began (another machine, or another load of it?): record into another folder"
            )
        self._write(now)

    def add(self, shard: Shard) -> None:
        """Enter a complete shard."""
        self._write(self.manifest.model_copy(update={"shards": (*self.manifest.shards, shard)}))

    def finish(self) -> Manifest:
        """Order the shards, report what the nuclei cut away, and remove files that an extension replaced."""
        order = {group: index for index, group in enumerate(self.plan.groups)}
        shards = sorted(self.manifest.shards, key=lambda shard: order[shard.prompt, shard.token_seed])
        ordered = self.manifest.model_copy(update={"shards": tuple(shards)})
        self._write(ordered.model_copy(update={"outside_mass": outside_mass(self.folder, ordered)}))
        (self.folder / self.file).replace(self.folder / MANIFEST)
        _remove_replaced(self.folder, self.manifest)
        return self.manifest

    def _write(self, manifest: Manifest) -> None:
        write_manifest(self.folder, manifest, self.file)
        self.manifest = manifest


def begin_or_resume(pair: Pair, plan: Plan, folder: Path) -> Ledger:
    """Begin a recording, or take up the one that the folder holds.

    Raises
    ------
    TraceError
        If the folder holds another recording.
    """
    manifest = empty_manifest(pair, plan)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MANIFEST).exists():
        earlier = read_manifest(folder)
        differing = _differing(earlier, manifest)
        if differing:
            more = "; --extend adds to it" if differing <= _GROWS else ""
            raise _other_recording(folder, differing, more)
        remove_partial_files(folder)
        ledger = Ledger(folder, plan, earlier)
        if ledger.is_finished and not (folder / EXTENSION).exists():
            # What an extension that was killed at its very end had still to do.
            _remove_replaced(folder, earlier)
        return ledger
    if any(folder.glob("*.safetensors")):
        raise TraceError(f"{folder}: holds safetensors files but no {MANIFEST}: choose another folder")
    remove_partial_files(folder)
    write_manifest(folder, manifest)
    return Ledger(folder, plan, manifest)


def _remove_replaced(folder: Path, manifest: Manifest) -> None:
    """Remove shards that an extension replaced."""
    listed = {shard.file for shard in manifest.shards}
    for path in folder.glob("p*-s*.safetensors"):
        if path.name not in listed:
            path.unlink()


def extend(pair: Pair, plan: Plan, folder: Path) -> Ledger:
    """Begin to add prompts, token seeds or policies to a recording, or take up where that ended.

    Raises
    ------
    TraceError
        If the folder holds no trace, or one that the plan does not contain.
    """
    before, manifest = read_manifest(folder), empty_manifest(pair, plan)
    differing = _differing(before, manifest)
    if not differing:
        return begin_or_resume(pair, plan, folder)
    if not differing <= _GROWS:
        raise _other_recording(folder, differing - _GROWS, "")
    if before.teacher_forced != manifest.teacher_forced:
        raise TraceError(f"{folder}: texts and policies can't be recorded in one trace")
    _check_contains(folder, before, manifest)
    base = (
        {} if before.policies == manifest.policies else {(s.prompt, s.token_seed): s for s in before.shards}
    )
    shards = () if base else before.shards
    kept = {"name": before.name, "calibration": before.calibration, "shards": shards}
    manifest = manifest.model_copy(update=kept)
    if (folder / EXTENSION).exists():
        started = read_manifest(folder, EXTENSION)
        differing = _differing(started, manifest)
        if differing:
            raise _other_recording(
                folder / EXTENSION, differing, "; finish it with its own command, or delete that file"
            )
        manifest = started
    remove_partial_files(folder)
    write_manifest(folder, manifest, EXTENSION)
    return Ledger(folder, plan, manifest, EXTENSION, base)


def _differing(earlier: Manifest, now: Manifest) -> set[str]:
    """Keys in which two recordings differ."""
    before, after = (_comparable(manifest) for manifest in (earlier, now))
    unsaid = _UNSAID if earlier.version == 1 else set()
    return {key for key in after if key not in unsaid and canonical(before[key]) != canonical(after[key])}


def _comparable(manifest: Manifest) -> dict[str, Any]:
    models = {role: {"width", "cached"} for role in ("slm", "llm")}
    values = manifest.model_dump(mode="json", exclude={**dict.fromkeys(_RESULTS, True), **models})
    values["eos"] = [manifest.eos] if isinstance(manifest.eos, int) else manifest.eos
    return values


def _other_recording(path: Path, differing: set[str], more: str) -> TraceError:
    return TraceError(
        f"{path}: holds another recording, which differs in {', '.join(sorted(differing))}{more}"
    )


def _check_contains(folder: Path, before: Manifest, now: Manifest) -> None:
    """Refuse a plan that would drop or renumber what is recorded."""
    if now.prompts[: len(before.prompts)] != before.prompts:
        raise TraceError(f"{folder}: an extension must begin with the {len(before.prompts)} prompts recorded")
    for what, old, new in (
        ("token seeds", before.token_seeds, now.token_seeds),
        ("policies", before.policies, now.policies),
    ):
        lost = [str(item) for item in old if item not in new]
        if lost:
            raise TraceError(f"{folder}: an extension must name the recorded {what} again: {', '.join(lost)}")


def outside_mass(folder: Path, manifest: Manifest) -> dict[str, float]:
    """Mean over nodes of the mass outside each model's nucleus."""
    sums, nodes = np.zeros(2), 0
    rule = manifest.sampler.temperature, manifest.sampler.top_p
    for shard in manifest.shards:
        table = read_shard(folder, shard, manifest.vocabulary_size, manifest.measure)
        _, slm = distributions(table.offsets, table.slm_logit, table.slm_sampling, *rule)
        _, llm = distributions(table.offsets, table.llm_logit, table.llm_sampling, *rule)
        sums += slm.sum(), llm.sum()
        nodes += table.num_nodes
    return {"slm": float(sums[0] / nodes), "llm": float(sums[1] / nodes)}
