"""Architectures with random weights: the published sizes, and models that compute what they should."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedConfig

from models.architecture import ArchitectureError, architecture_config, build_random, lay_out

LLAMA = LlamaConfig(
    vocab_size=300,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    tie_word_embeddings=True,
    rope_parameters={"rope_type": "linear", "rope_theta": 5000.0, "factor": 2.0},
)
GPT2 = GPT2Config(
    vocab_size=300, n_embd=32, n_layer=2, n_head=2, n_positions=64, eos_token_id=0, bos_token_id=0
)


@pytest.mark.parametrize(
    ("name", "hidden", "intermediate", "layers", "key_value_heads", "parameters"),
    [
        ("tinyllama-1.1b", 2048, 5632, 22, 4, 1_100_048_384),
        ("llama-2-7b", 4096, 11008, 32, 32, 6_738_415_616),
    ],
)
def test_published_architectures_have_their_size_and_take_no_memory(
    name: str, hidden: int, intermediate: int, layers: int, key_value_heads: int, parameters: int
) -> None:
    model = lay_out(architecture_config(name))
    attention = 2 * hidden**2 + 2 * hidden**2 * key_value_heads // 32
    by_hand = 2 * 32_000 * hidden + layers * (attention + 3 * hidden * intermediate + 2 * hidden) + hidden
    assert model.num_parameters() == by_hand == parameters
    assert {(p.device.type, p.dtype) for p in model.parameters()} == {("meta", torch.bfloat16)}


@pytest.mark.parametrize(("config", "kind"), [(LLAMA, LlamaForCausalLM), (GPT2, GPT2LMHeadModel)])
def test_random_models_compute_what_a_normally_built_one_computes(
    config: PreTrainedConfig, kind: type[LlamaForCausalLM | GPT2LMHeadModel]
) -> None:
    model = build_random(config, "float32")
    normal = kind(config)  # type: ignore[arg-type]
    missing, surplus = normal.load_state_dict(model.state_dict(), strict=True)
    assert not missing
    assert not surplus
    # Buffers that no file holds, rotary tables above all, must be those of the normal model.
    theirs = dict(normal.named_buffers())
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, theirs.pop(name))
    assert not theirs
    ids = torch.arange(20)[None]
    with torch.inference_mode():
        logits = model(ids).logits
        assert torch.equal(logits, normal.train(mode=False)(ids).logits)
    assert logits.isfinite().all()
    assert logits.std() > 0
    # Both configurations tie the embeddings, and laying out on the meta device undoes that.
    assert model.get_input_embeddings().weight is model.lm_head.weight


def test_rotary_tables_keep_their_precision_in_bfloat16() -> None:
    model = build_random(LLAMA, "bfloat16")
    expected = dict(LlamaForCausalLM(LLAMA).named_buffers())
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, expected[name])


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (
        build_random(GPT2, "float32", seed=seed).get_input_embeddings().weight for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)  # type: ignore[arg-type]
    assert not torch.equal(first, other)  # type: ignore[arg-type]


def test_a_configuration_file_is_an_architecture(tmp_path: Path) -> None:
    LLAMA.save_pretrained(tmp_path)
    config = architecture_config(str(tmp_path / "config.json"))
    assert lay_out(config).num_parameters() == LlamaForCausalLM(LLAMA).num_parameters()


def test_what_is_no_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchitectureError, match=r"'llama' is not one of tinyllama-1\.1b, llama-2-7b"):
        architecture_config("llama")
    (tmp_path / "config.json").write_text('{"hidden_size": 3}')
    with pytest.raises(ArchitectureError, match="not the configuration of a model"):
        architecture_config(str(tmp_path / "config.json"))
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(ArchitectureError, match="no causal model of type 'vit'"):
        lay_out(architecture_config(str(tmp_path / "config.json")))
    with pytest.raises(ArchitectureError, match="dtype 'int8' is not one of"):
        lay_out(LLAMA, "int8")
