"""Record a trace: walk every group with both models in the loop and store what they thought."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from models.expand import GroupTree, TreeSettings
from models.pair import Pair
from traces.draws import token_draws
from traces.forest import distributions
from traces.manifest import (
    MANIFEST,
    Manifest,
    MeasureSpec,
    ModelSpec,
    Prompt,
    SamplerSpec,
    Shard,
    TraceError,
    canonical,
    read_manifest,
    write_manifest,
)
from traces.nodes import NodeTable, Sampler
from traces.shards import read_shard, write_shard
from traces.uncertainty import THETA_POINTS
from traces.walk import Measure, Policy, walk

#: Told after every group: (groups done, groups in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What to record.

    Attributes
    ----------
    prompts : sequence of Prompt
    policies : mapping of spec (``u-hlm:threshold=0.3``) to Policy
        Every path of these is recorded; all share the tree.
    eos : int, optional
        Token that ends a prompt; None records to the full length.
    """

    name: str
    prompts: Sequence[Prompt]
    num_tokens: int
    token_seeds: Sequence[int]
    sampler: Sampler
    measure: Measure
    policies: dict[str, Policy]
    eos: int | None

    @property
    def groups(self) -> Iterator[tuple[int, int]]:
        """(prompt, token seed), a prompt's seeds together, so that whole prompts are finished early."""
        return ((p, seed) for p in range(len(self.prompts)) for seed in self.token_seeds)


def record(pair: Pair, plan: Plan, folder: Path, progress: Progress) -> Manifest:
    """Record a plan into a folder, going on where an earlier run of the same plan ended.

    Raises
    ------
    TraceError
        If the folder holds another recording, or a prompt is too long for the models.
    """
    longest = max(len(prompt.tokens) for prompt in plan.prompts) + plan.num_tokens
    if longest > pair.max_positions:
        raise TraceError(
            f"prompt and tokens take {longest} positions, the models have {pair.max_positions}: "
            f"use shorter prompts or fewer tokens"
        )
    manifest = _begin(pair, plan, folder)
    settings = TreeSettings(plan.sampler, plan.measure.theta_max, THETA_POINTS, manifest.batch)
    done = {(shard.prompt, shard.token_seed) for shard in manifest.shards}
    total = len(plan.prompts) * len(plan.token_seeds)
    for group in plan.groups:
        if group in done:
            continue
        table = _record_group(pair, plan, settings, group)
        shard = write_shard(folder, *group, table, pair.vocabulary_size)
        done.add(group)
        manifest = manifest.model_copy(update={"shards": (*manifest.shards, shard)})
        write_manifest(folder, manifest)
        progress(len(done), total)
    return _finish(folder, manifest, plan)


def _record_group(pair: Pair, plan: Plan, settings: TreeSettings, group: tuple[int, int]) -> NodeTable:
    tree = GroupTree(pair, plan.prompts[group[0]].tokens, settings)
    draws = token_draws([group], plan.num_tokens, plan.measure.samples or 0)
    walk(
        tree.forest,
        np.array([0]),
        list(plan.policies.values()),
        draws,
        plan.num_tokens,
        plan.measure,
        eos=plan.eos,
        expand=tree.expand,
    )
    return tree.forest.table


def _begin(pair: Pair, plan: Plan, folder: Path) -> Manifest:
    manifest = Manifest(
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
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MANIFEST).exists():
        if any(folder.glob("*.safetensors")):
            raise TraceError(f"{folder}: holds safetensors files but no {MANIFEST}: choose another folder")
        write_manifest(folder, manifest)
        return manifest
    earlier = read_manifest(folder)
    ignored = {"shards", "outside_mass", "calibration"}
    before, now = (m.model_dump(mode="json", exclude=ignored) for m in (earlier, manifest))
    differing = [key for key in now if canonical(before[key]) != canonical(now[key])]
    if differing:
        raise TraceError(f"{folder}: holds another recording, which differs in {', '.join(differing)}")
    return earlier


def _finish(folder: Path, manifest: Manifest, plan: Plan) -> Manifest:
    """Order the shards and report what the nuclei cut away."""
    order = {group: index for index, group in enumerate(plan.groups)}
    shards = tuple(sorted(manifest.shards, key=lambda shard: order[shard.prompt, shard.token_seed]))
    manifest = manifest.model_copy(update={"shards": shards, "outside_mass": _outside_mass(folder, manifest)})
    write_manifest(folder, manifest)
    return manifest


def _outside_mass(folder: Path, manifest: Manifest) -> dict[str, float]:
    """Mean over nodes of the mass outside each model's nucleus."""
    sums, nodes = np.zeros(2), 0
    rule = manifest.sampler.temperature, manifest.sampler.top_p

    def of(shard: Shard) -> tuple[float, float, int]:
        table = read_shard(folder, shard, manifest.vocabulary_size, manifest.measure)
        _, slm = distributions(table.offsets, table.slm_logit, table.slm_sampling, *rule)
        _, llm = distributions(table.offsets, table.llm_logit, table.llm_sampling, *rule)
        return float(slm.sum()), float(llm.sum()), table.num_nodes

    for shard in manifest.shards:
        slm, llm, count = of(shard)
        sums += slm, llm
        nodes += count
    return {"slm": float(sums[0] / nodes), "llm": float(sums[1] / nodes)}


def model_spec(model: PreTrainedModel) -> ModelSpec:
    """Name, size and digest of a model's weights (names, types and bytes, in the order of the names)."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().cpu().view(torch.uint8).numpy().tobytes())
    return ModelSpec(
        name=Path(model.config.name_or_path or "").name or model.config.model_type,
        parameters=model.num_parameters(),
        digest=digest.hexdigest(),
    )


def tokenizer_digest(pair: Pair) -> str:
    """SHA-256 of the tokens in the order of their ids."""
    tokens = sorted(pair.tokenizer.get_vocab().items(), key=lambda item: item[1])
    return hashlib.sha256(canonical(tokens).encode()).hexdigest()
