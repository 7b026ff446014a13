"""Stored distributions of many architectures against plain forward passes without a cache: right, or refused."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from models.pair import Pair, PairError
from models.passes import Passes
from models.plan import Plan
from models.record import record
from models.sources import max_positions
from netsim.deciding.policies import Hlm, UHlm
from tests.random_pair import random_tokenizer
from traces.format.manifest import Manifest, Prompt
from traces.format.nodes import Sampler
from traces.format.trace import Trace
from traces.speculative.walk import Measure

WIDTH, LONG = 300, 20
ATTENTION = {
    "vocab_size": WIDTH,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "initializer_range": 0.3,
}
GPT = {
    "vocab_size": WIDTH,
    "n_positions": 128,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "initializer_range": 0.3,
}
STATE = {
    "vocab_size": WIDTH,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "state_size": 8,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
HYBRID = {
    **ATTENTION,
    "num_experts": 2,
    "attn_layer_period": 2,
    "attn_layer_offset": 1,
    "expert_layer_period": 2,
    "mamba_d_state": 8,
    "mamba_dt_rank": 4,
    "use_mamba_kernels": False,
}
WINDOW = {**ATTENTION, "sliding_window": 6}
#: Architecture by its class, with its configuration: attention, learned positions, ALiBi, windows, experts, ...
CACHED: dict[str, dict[str, Any]] = {
    "Llama": ATTENTION,
    "Mistral": WINDOW,
    "Qwen2": {**WINDOW, "use_sliding_window": True, "max_window_layers": 1},
    "Qwen3": ATTENTION,
    "Gemma2": {**WINDOW, "query_pre_attn_scalar": 8},
    "Gemma3Text": WINDOW,
    "Phi3": ATTENTION,
    "StableLm": ATTENTION,
    "Olmo2": ATTENTION,
    "Cohere2": WINDOW,
    "GPT2": GPT,
    "GPTNeoX": ATTENTION,
    "GPTJ": {**GPT, "rotary_dim": 4},
    "OPT": {**ATTENTION, "ffn_dim": 48, "word_embed_proj_dim": 32},
    "Bloom": {"vocab_size": WIDTH, "hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3},
    "Falcon": {
        "vocab_size": WIDTH,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "alibi": True,
    },
    "Mixtral": {**WINDOW, "num_local_experts": 2, "num_experts_per_tok": 1},
}
#: Those whose cache is a state, or is ignored: they run without one.
UNCACHED: dict[str, dict[str, Any]] = {
    "OpenAIGPT": GPT,
    "Rwkv": {
        "vocab_size": WIDTH,
        "context_length": 64,
        "hidden_size": 32,
        "attention_hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
    },
    "Mamba": STATE,
    "Mamba2": {**STATE, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 8},
    "Jamba": HYBRID,
    "Lfm2": {**ATTENTION, "layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
    "Qwen3Next": {
        **ATTENTION,
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "num_experts": 2,
        "num_experts_per_tok": 1,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
    },
}


def build(name: str, config: dict[str, Any], seed: int) -> PreTrainedModel:
    """A random model; wide weights, so that it is not uniform."""
    library = importlib.import_module("transformers")
    head = {
        "OpenAIGPT": "OpenAIGPTLMHeadModel",
        "GPT2": "GPT2LMHeadModel",
        "Gemma3Text": "Gemma3ForCausalLM",
        "Bert": "BertLMHeadModel",
    }
    torch.manual_seed(seed)
    own = getattr(library, f"{name}Config")(**config)
    built: PreTrainedModel = getattr(library, head.get(name, f"{name}ForCausalLM"))(own)
    # Not all architectures take a width of their initial weights.
    for parameter in built.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    built.eval()  # type: ignore[no-untyped-call]
    built.requires_grad_(False)
    return built


def pair_of(name: str, config: dict[str, Any]) -> Pair:
    small, large = build(name, config, 0), build(name, config, 1)
    return Pair(small, large, random_tokenizer(), WIDTH, min(max_positions(small), 128))


def recorded(pair: Pair, folder: Path) -> Manifest:
    prompts = [
        Prompt(id=str(n), tokens=tuple(range(5 + n, 5 + n + length))) for n, length in enumerate((3, LONG))
    ]
    plan = Plan(
        "random",
        prompts,
        5,
        (0, 1),
        Sampler(1.0, 1.0),
        Measure(20, 2.0),
        {"hlm": Hlm(), "u-hlm:threshold=0.9": UHlm(0.9)},
        eos=None,
        batch=4,
    )
    return record(pair, plan, folder, lambda _: None)


def total_variations(pair: Pair, folder: Path) -> list[float]:
    """Of every node and both models: what is stored, and a pass over the whole prefix without a cache."""
    trace, found = Trace.open(folder), []
    for group in ((0, 0), (1, 1)):
        forest = trace.forest([group])
        paths: list[tuple[int, ...]] = [trace.prompt(group[0]).tokens]
        parents, tokens = forest.table.parent.tolist()[1:], forest.table.token.tolist()[1:]
        for parent, token in zip(parents, tokens, strict=True):
            paths.append((*paths[parent], token))
        for node, path in enumerate(paths):
            for model, stored in ((pair.slm, forest.x), (pair.llm, forest.y)):
                with torch.inference_mode():
                    logits = model(input_ids=torch.tensor([path])).logits[0, -1, :WIDTH]
                own = np.zeros(WIDTH)
                entries = slice(forest.starts[node], forest.ends[node])
                own[forest.table.ids[entries]] = stored[entries]
                found.append(float(np.abs(own - torch.softmax(logits.double(), -1).numpy()).sum() / 2))
    return found


@pytest.mark.parametrize("name", [*CACHED, *UNCACHED])
def test_what_is_stored_is_what_a_plain_pass_says(name: str, tmp_path: Path) -> None:
    pair = pair_of(name, (CACHED | UNCACHED)[name])
    manifest = recorded(pair, tmp_path / "trace")
    assert (manifest.slm.cached, manifest.llm.cached) == (name in CACHED,) * 2
    found = total_variations(pair, tmp_path / "trace")
    assert len(found) >= 20
    # float32, and logits stored as float16.
    assert max(found) < 1e-3


def test_a_model_that_looks_ahead_is_refused() -> None:
    bert = {key: value for key, value in ATTENTION.items() if key not in ("num_key_value_heads", "head_dim")}
    with pytest.raises(
        PairError, match=r"depends on later tokens, so it is no causal language model \(bert\)"
    ):
        Passes(pair_of("Bert", bert), 4)


def test_logits_that_are_not_finite_are_one_line(tmp_path: Path) -> None:
    pair = pair_of("Llama", ATTENTION)
    pair.llm.get_output_embeddings().weight.data[7] = float("inf")  # type: ignore[no-untyped-call]
    with pytest.raises(
        PairError, match=r"^[^\n]*prompt '0': the large model's logits are not finite in float32[^\n]*$"
    ):
        recorded(pair, tmp_path / "trace")


class Grabbing(torch.nn.Module):
    """A last layer that gives a row something of its neighbour, as experts of limited capacity do."""

    def __init__(self, inner: torch.nn.Linear) -> None:
        super().__init__()
        self.inner, self.weight = inner, inner.weight

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits, in the last bits those of all rows."""
        result: torch.Tensor = self.inner(hidden)
        return result + 1e-6 * result.mean(dim=0, keepdim=True)


def test_rows_that_touch_each_other_grow_one_tree_at_a_time(tmp_path: Path) -> None:
    pair = pair_of("Llama", ATTENTION)
    pair.llm.lm_head = Grabbing(pair.llm.lm_head)
    one = recorded(pair, tmp_path / "one")
    assert (one.slm.cached, one.llm.cached, one.side_by_side) == (True, True, False)
    recorded(pair, tmp_path / "other")
    for shard in one.shards:
        assert (tmp_path / "one" / shard.file).read_bytes() == (tmp_path / "other" / shard.file).read_bytes()
