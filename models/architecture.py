"""Models of a given architecture with random weights, for measuring latency.

Latency does not depend on the values of the weights, so a model of several billion parameters is
laid out on the meta device and filled with a short random block over and over, straight in the
dtype asked for: no second copy, no slow draw of every weight.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, PreTrainedModel

from models.sources import DTYPES, check_device

#: The papers' pair, as ``config.json`` of TinyLlama/TinyLlama-1.1B-Chat-v1.0 (arXiv 2401.02385)
#: and meta-llama/Llama-2-7b-hf (arXiv 2307.09288) has it. Both have 32 000 tokens.
ARCHITECTURES = {
    "tinyllama-1.1b": {
        "hidden_size": 2048,
        "intermediate_size": 5632,
        "num_hidden_layers": 22,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "max_position_embeddings": 2048,
    },
    "llama-2-7b": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 4096,
    },
}
_BLOCK = 1 << 20
_STANDARD_DEVIATION = 0.02


class ArchitectureError(ValueError):
    """An architecture that can't be built; the message says why."""


def architecture_config(name: str) -> PreTrainedConfig:
    """Configuration of an architecture.

    Parameters
    ----------
    name : str
        ``tinyllama-1.1b``, ``llama-2-7b``, or the path of a ``config.json``.

    Raises
    ------
    ArchitectureError
        If the name is not known, or the file is not the configuration of a causal model that
        the library has.
    """
    if name in ARCHITECTURES:
        return LlamaConfig.from_dict({"vocab_size": 32_000, "rms_norm_eps": 1e-5, **ARCHITECTURES[name]})
    if not Path(name).is_file():
        known = ", ".join(ARCHITECTURES)
        raise ArchitectureError(f"architecture {name!r} is not one of {known}, nor the path of a config.json")
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            name, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArchitectureError(f"{name}: not the configuration of a model: {error}") from error
    return config


def lay_out(config: PreTrainedConfig, dtype: str = "bfloat16") -> PreTrainedModel:
    """Model on the meta device: shapes and dtypes, no memory.

    Raises `ArchitectureError` if the configuration is not that of a causal language model.

    >>> lay_out(architecture_config("tinyllama-1.1b")).num_parameters()
    1100048384
    """
    if dtype not in DTYPES:
        raise ArchitectureError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
    try:
        with torch.device("meta"):
            model: PreTrainedModel = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]  # it has no types
                config, dtype=DTYPES[dtype], trust_remote_code=False
            )
    except ValueError as error:
        raise ArchitectureError(f"no causal model of type {config.model_type!r}: {error}") from error
    return model


def build_random(
    config: PreTrainedConfig, dtype: str = "bfloat16", device: str = "cpu", seed: int = 0
) -> PreTrainedModel:
    """Model of an architecture with random weights, in evaluation mode.

    Parameters
    ----------
    config : PreTrainedConfig
        See `architecture_config`.
    dtype : {'bfloat16', 'float16', 'float32'}
    device : str
        ``cpu``, ``cuda``, ``mps``.
    seed : int
        Of the random block.
    """
    check_device(device)
    model: PreTrainedModel = lay_out(config, dtype).to_empty(device=device)
    generator = torch.Generator(device).manual_seed(seed)
    block = torch.empty(_BLOCK, dtype=DTYPES[dtype], device=device)
    block.normal_(std=_STANDARD_DEVIATION, generator=generator)
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if any(parameter.ndim > 1 for parameter in own):
            for parameter in own:
                _fill(parameter, block)
        elif own or any(True for _ in module.buffers(recurse=False)):
            # Norms become 1, and the rotary tables, which no file holds, are computed again. This is
            # the hook by which every architecture of the library says how.
            model._init_weights(module)  # type: ignore[no-untyped-call]  # noqa: SLF001  (see above; it has no types)
    model.tie_weights()
    model.train(mode=False).requires_grad_(requires_grad=False)
    return model


@torch.no_grad()
def _fill(parameter: torch.Tensor, block: torch.Tensor) -> None:
    flat = parameter.view(-1)
    for start in range(0, len(flat), len(block)):
        part = flat[start : start + len(block)]
        part.copy_(block[: len(part)])
