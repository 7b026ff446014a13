"""What a recording says of itself before anything is recorded."""

from __future__ import annotations

import hashlib
import platform
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import torch
from transformers import PreTrainedModel

from models.pair import Pair
from models.plan import Plan
from models.sources import logits_width, model_name
from models.vocabulary import tokenizer_digest
from traces.format.manifest import Manifest, ModelSpec, SamplerSpec


def empty_manifest(pair: Pair, plan: Plan) -> Manifest:
    """Manifest of a plan of which nothing is recorded yet."""
    # Gigabytes to digest, which leaves the interpreter free for the other model.
    with ThreadPoolExecutor() as threads:
        slm, llm = threads.map(model_spec, (pair.slm, pair.llm))
    return Manifest(
        version=2,
        name=plan.name,
        slm=slm,
        llm=llm,
        tokenizer=tokenizer_digest(pair.tokenizer),
        vocabulary_size=pair.vocabulary_size,
        eos=plan.eos,
        sampler=SamplerSpec(temperature=plan.sampler.temperature, top_p=plan.sampler.top_p),
        measure=plan.measure_spec,
        num_tokens=plan.num_tokens,
        token_seeds=tuple(plan.token_seeds),
        policies=tuple(plan.policies),
        batch=plan.batch,
        prompts=tuple(plan.prompts),
        chat=plan.chat,
        score=plan.score[0] if plan.score else None,
        hardware={
            "machine": platform.machine(),
            "device": str(pair.llm.device),
            "dtype": str(pair.llm.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
        },
        versions={name: version(name) for name in ("torch", "transformers", "numpy")},
        shards=(),
    )


def model_spec(model: PreTrainedModel) -> ModelSpec:
    """Name, size and digest of a model's weights (names, types and bytes, in the order of the names)."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().cpu().reshape(-1).view(torch.uint8).numpy())
    return ModelSpec(
        name=model_name(model),
        parameters=model.num_parameters(),
        digest=digest.hexdigest(),
        width=logits_width(model),
    )
