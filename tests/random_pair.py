"""A pair of randomly initialised models of two architectures with one tokenizer: none of the project's weights."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXT = ["def add(first, second):\n    return first + second\n", "for index in range(10):\n    print(index)\n"]
VOCABULARY, POSITIONS = 300, 192
END = "<end>"


def save_random_pair(folder: Path) -> tuple[Path, Path]:
    """Save a GPT-2 as the small model and a Llama as the large one; returns both folders.

    Weights are wide enough that neither model is uniform: about three of four drafts are rejected.
    """
    torch.manual_seed(0)
    small = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=POSITIONS,
            n_embd=16,
            n_layer=1,
            n_head=2,
            initializer_range=0.5,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    large = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            max_position_embeddings=POSITIONS,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            initializer_range=0.3,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    tokenizer = random_tokenizer()
    folders = folder / "slm", folder / "llm"
    for model, target in zip((small, large), folders, strict=True):
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
    return folders


def random_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of ``VOCABULARY`` tokens."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(TEXT, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END)  # type: ignore[no-untyped-call]
