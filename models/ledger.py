"""The manifest of a recording while it is under way: begun or resumed, added to, finished."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from models.pair import Pair, model_name
from models.plan import Group, Plan
from traces.forest import distributions
from traces.manifest import (
    MANIFEST,
    Manifest,
    MeasureSpec,
    ModelSpec,
    SamplerSpec,
    Shard,
    TraceError,
    canonical,
    read_manifest,
    remove_partial_files,
    write_manifest,
)
from traces.shards import read_shard
from traces.uncertainty import THETA_POINTS

#: What a resumed recording may have that a new one has not.
_RESULTS = {"shards", "outside_mass", "calibration"}


@dataclass
class Ledger:
    """The manifest of a recording, on disk at any time.

    Attributes
    ----------
    folder : Path
    plan : Plan
    manifest : Manifest
        As written last.
    """

    folder: Path
    plan: Plan
    manifest: Manifest

    @property
    def done(self) -> set[Group]:
        """Groups whose shard is complete."""
        return {(shard.prompt, shard.token_seed) for shard in self.manifest.shards}

    def add(self, shard: Shard) -> None:
        """Enter a complete shard."""
        self._write(self.manifest.model_copy(update={"shards": (*self.manifest.shards, shard)}))

    def finish(self) -> Manifest:
        """Order the shards and report what the nuclei cut away."""
        order = {group: index for index, group in enumerate(self.plan.groups)}
        shards = sorted(self.manifest.shards, key=lambda shard: order[shard.prompt, shard.token_seed])
        outside = _outside_mass(self.folder, self.manifest)
        self._write(self.manifest.model_copy(update={"shards": tuple(shards), "outside_mass": outside}))
        return self.manifest

    def _write(self, manifest: Manifest) -> None:
        write_manifest(self.folder, manifest)
        self.manifest = manifest


def open_ledger(pair: Pair, plan: Plan, folder: Path) -> Ledger:
    """Begin a recording, or take up the one that the folder holds.

    Raises
    ------
    TraceError
        If the folder holds another recording.
    """
    manifest = _empty_manifest(pair, plan)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MANIFEST).exists():
        earlier = read_manifest(folder)
        _check_same(folder, earlier, manifest)
        remove_partial_files(folder)
        return Ledger(folder, plan, earlier)
    if any(folder.glob("*.safetensors")):
        raise TraceError(f"{folder}: holds safetensors files but no {MANIFEST}: choose another folder")
    write_manifest(folder, manifest)
    return Ledger(folder, plan, manifest)


def _check_same(folder: Path, earlier: Manifest, now: Manifest) -> None:
    before, after = (m.model_dump(mode="json", exclude=_RESULTS) for m in (earlier, now))
    differing = [key for key in after if canonical(before[key]) != canonical(after[key])]
    if differing:
        raise TraceError(f"{folder}: holds another recording, which differs in {', '.join(differing)}")


def _empty_manifest(pair: Pair, plan: Plan) -> Manifest:
    return Manifest(
        name=plan.name,
        slm=model_spec(pair.slm),
        llm=model_spec(pair.llm),
        tokenizer=tokenizer_digest(pair),
        vocabulary_size=pair.vocabulary_size,
        eos=plan.eos,
        sampler=SamplerSpec(temperature=plan.sampler.temperature, top_p=plan.sampler.top_p),
        measure=MeasureSpec(
            samples=plan.measure.samples, theta_max=plan.measure.theta_max, theta_points=THETA_POINTS
        ),
        num_tokens=plan.num_tokens,
        token_seeds=tuple(plan.token_seeds),
        policies=tuple(plan.policies),
        batch=len(plan.policies),
        prompts=tuple(plan.prompts),
        hardware={
            "machine": platform.machine(),
            "device": str(pair.llm.device),
            "dtype": str(pair.llm.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
        },
        versions={name: version(name) for name in ("torch", "transformers", "numpy")},
        shards=(),
    )


def _outside_mass(folder: Path, manifest: Manifest) -> dict[str, float]:
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


def model_spec(model: PreTrainedModel) -> ModelSpec:
    """Name, size and digest of a model's weights (names, types and bytes, in the order of the names)."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().cpu().view(torch.uint8).numpy().tobytes())
    return ModelSpec(
        name=model_name(model),
        parameters=model.num_parameters(),
        digest=digest.hexdigest(),
    )


def tokenizer_digest(pair: Pair) -> str:
    """SHA-256 of the tokens in the order of their ids."""
    tokens = sorted(pair.tokenizer.get_vocab().items(), key=lambda item: item[1])
    return hashlib.sha256(canonical(tokens).encode()).hexdigest()
