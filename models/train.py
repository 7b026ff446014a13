"""Train the built-in pair: one byte-level BPE tokenizer and two small Llama models.

``python -m models.train tokenizer``, then ``slm`` and ``llm`` (side by side: one thread each is
faster than two), then ``report``; or ``all`` for the four in a row. The optimiser is Muon on the
hidden matrices (Jordan et al., 2024; ``torch.optim.Muon``) and AdamW on the rest, both with
a linear decay over the last 60 % of the steps.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from models.text import package_version, source_files

FOLDER = Path(__file__).parent / "tiny"
VOCABULARY_SIZE = 2048
END_OF_TEXT = "<|endoftext|>"
BATCH, CONTEXT = 16, 256


class Shape(NamedTuple):
    """Size of a Llama model."""

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int


SHAPES = {"slm": Shape(96, 2, 4, 256), "llm": Shape(256, 6, 4, 704)}
STEPS = {"slm": 3000, "llm": 3200}
MUON_RATE, ADAMW_RATE, DECAY_SHARE, WARM_UP_STEPS = 0.02, 4e-3, 0.6, 50


def train_tokenizer(folder: Path) -> None:
    """Train the tokenizer on the training files and write ``tokenizer.json``."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (file.text for file in source_files() if file.part == "train")
    tokenizer.train_from_iterator(texts, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Tokenizer of the pair, with the end-of-text mark as its end-of-sequence token."""
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # its parameters have no types
        tokenizer_file=str(folder / "tokenizer.json"),
        eos_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )


def token_stream(folder: Path, part: str) -> np.ndarray:
    """Token ids of all files of one part of the split, each ended by the end-of-text mark.

    Returns
    -------
    [num_tokens], uint16
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    end = tokenizer.token_to_id(END_OF_TEXT)
    texts = [file.text for file in source_files() if file.part == part]
    rows = [np.array([*encoding.ids, end], np.uint16) for encoding in tokenizer.encode_batch(texts)]
    return np.concatenate(rows)


def build(role: str) -> LlamaForCausalLM:
    """Untrained model of one role, weights drawn from torch's generator."""
    shape = SHAPES[role]
    config = LlamaConfig(
        vocab_size=VOCABULARY_SIZE,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=shape.intermediate_size,
    )
    return LlamaForCausalLM(config)


def rate_factor(step: int, steps: int) -> float:
    """Learning rate over its maximum: a short warm-up, flat, then linear to 0.

    >>> [round(rate_factor(step, 1000), 2) for step in (0, 100, 400, 700, 1000)]
    [0.02, 1.0, 1.0, 0.5, 0.0]
    """
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm * min(1.0, (1 - step / steps) / DECAY_SHARE)


def optimisers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings and norms."""
    hidden = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(hidden, lr=MUON_RATE, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=ADAMW_RATE, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def train(role: str, folder: Path, steps: int, seed: int = 0) -> None:
    """Train one model and write its folder: config, fp16 safetensors, tokenizer, ``training.json``."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    stream = token_stream(folder, "train")
    model = build(role)
    parts = optimisers(model)
    base = [group["lr"] for part in parts for group in part.param_groups]
    losses, started = [], time.monotonic()
    for step in range(steps):
        groups = [group for part in parts for group in part.param_groups]
        for group, rate in zip(groups, base, strict=True):
            group["lr"] = rate * rate_factor(step, steps)
        starts = rng.integers(0, len(stream) - CONTEXT - 1, BATCH)
        rows = np.stack([stream[start : start + CONTEXT + 1] for start in starts]).astype(np.int64)
        batch = torch.from_numpy(rows)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for part in parts:
            part.step()
            part.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            pace = (time.monotonic() - started) / (step + 1)
            left = pace * (steps - step - 1) / 60
            mean = float(np.mean(losses[-100:]))
            sys.stderr.write(f"{role}: step {step + 1}/{steps}, loss {mean:.3f}, {left:.0f} min left\n")
    save(model, role, folder, {"steps": steps, "seed": seed, "final_loss": float(np.mean(losses[-200:]))})


def save(model: LlamaForCausalLM, role: str, folder: Path, record: dict[str, Any]) -> None:
    """Write the model's folder in half precision."""
    target = folder / role
    torch.nn.Module.to(model, torch.float16)
    model.save_pretrained(target)
    load_tokenizer(folder).save_pretrained(target)
    record |= {"torch": torch.__version__, "text": f"transformers {package_version()}"}
    (target / "training.json").write_text(json.dumps(record, indent=2) + "\n")


@torch.inference_mode()
def perplexity(role: str, folder: Path, part: str = "evaluation", windows: int = 256) -> float:
    """Perplexity (temperature 1, full vocabulary) over evenly spaced windows of held-out files."""
    model = LlamaForCausalLM.from_pretrained(folder / role, dtype=torch.float32).train(mode=False)
    stream = token_stream(folder, part)
    starts = np.linspace(0, len(stream) - CONTEXT - 1, windows).astype(int)
    total = 0.0
    for start in starts:
        row = torch.from_numpy(stream[start : start + CONTEXT + 1].astype(np.int64))
        logits = model(row[None, :-1]).logits[0]
        total += torch.nn.functional.cross_entropy(logits, row[1:]).item()
    return math.exp(total / windows)


def verbatim_share(folder: Path, window: int = 32) -> float:
    """Share of the evaluation files' windows of tokens that stand verbatim in the training files.

    Windows are compared by a 64-bit polynomial hash: among 1e13 pairs, a false match is a one-in-a-million event.
    """
    train, held_out = (_window_hashes(token_stream(folder, part), window) for part in ("train", "evaluation"))
    return float(np.isin(held_out, train).mean())


def _window_hashes(stream: np.ndarray, window: int) -> np.ndarray:
    count = len(stream) - window + 1
    hashes = np.zeros(count, np.uint64)
    for offset in range(window):
        # An odd multiplier (that of Knuth's MMIX generator), modulo 2^64.
        hashes = (
            hashes * np.uint64(6364136223846793005)
            + stream[offset : offset + count].astype(np.uint64)
            + np.uint64(1)
        )
    return hashes


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    parser.add_argument("what", choices=["tokenizer", "slm", "llm", "report", "all"])
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the pair (default: models/tiny)")
    parser.add_argument("--steps", type=int, help="override the number of steps (for a trial)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    every = ["tokenizer", "slm", "llm", "report"]
    for what in every if arguments.what == "all" else [arguments.what]:
        if what == "tokenizer":
            train_tokenizer(arguments.out)
        elif what == "report":
            for role in SHAPES:
                sys.stdout.write(f"{role}: held-out perplexity {perplexity(role, arguments.out):.3f}\n")
            share = verbatim_share(arguments.out)
            sys.stdout.write(f"held-out 32-token windows that stand in the training files: {share:.3f}\n")
        else:
            train(what, arguments.out, arguments.steps or STEPS[what])


if __name__ == "__main__":
    main()
