"""A random model as a GGUF file of some hundred kB, written with the ``gguf`` package."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from tests.random_pair import random_tokenizer

#: Layers of a file and of the library's model; weights of the others have one name.
_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
#: Tokens that the library adds to every tokenizer of this architecture; real files have them.
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def random_model(seed: int, layers: int = 1) -> PreTrainedModel:
    """A small Qwen2 with wide weights, each a multiple of 1/64 so that blocks of eight bits nearly hold it."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(random_tokenizer()) + len(SPECIAL),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=192,
        tie_word_embeddings=False,
        eos_token_id=0,
        bos_token_id=0,
    )
    model = Qwen2ForCausalLM(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.eval()  # type: ignore[no-untyped-call]
    model.requires_grad_(False)
    return model


def save_gguf(model: PreTrainedModel, path: Path, quantised: str = "Q8_0") -> Path:
    """Write a model with the random tokenizer: matrices quantised, vectors as they are."""
    config = model.config
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name(path.stem)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    _add_tokenizer(writer)
    kind = gguf.GGMLQuantizationType[quantised]
    for name, tensor in model.state_dict().items():
        values = tensor.numpy().astype(np.float32)
        if values.ndim > 1:
            writer.add_tensor(_gguf_name(name), gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(_gguf_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _gguf_name(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    if stem.startswith("model.layers."):
        _, _, number, rest = stem.split(".", 3)
        return f"blk.{number}.{_NAMES[rest]}.{kind}"
    return f"{_NAMES[stem]}.{kind}"


def _add_tokenizer(writer: gguf.GGUFWriter) -> None:
    content = json.loads(random_tokenizer().backend_tokenizer.to_str())
    vocabulary = sorted(content["model"]["vocab"].items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([*(token for token, _ in vocabulary), *SPECIAL])
    ended = {token["id"] for token in content["added_tokens"]}
    kinds = [gguf.TokenType.CONTROL if number in ended else gguf.TokenType.NORMAL for _, number in vocabulary]
    kinds += [gguf.TokenType.CONTROL] * len(SPECIAL)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(merge) for merge in content["model"]["merges"]])
    writer.add_eos_token_id(0)
    writer.add_chat_template(TEMPLATE)
