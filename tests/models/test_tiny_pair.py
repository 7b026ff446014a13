"""The pair that ships: sizes, weights, and that the larger model is the better one on text it has not seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from models.encode import encode_prompt
from models.pair import Pair, load_pair, pair_folders
from models.prompts import read_prompts
from models.text import source_files
from models.train import FOLDER

PROMPTS = FOLDER / "prompts-evaluation.jsonl"


@pytest.fixture(scope="module")
def pair() -> Pair:
    return load_pair(*pair_folders("tiny"))


def test_sizes(pair: Pair) -> None:
    assert (pair.vocabulary_size, pair.max_positions) == (2048, 256)
    assert (pair.slm.num_parameters(), pair.llm.num_parameters()) == (418_272, 5_344_512)
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.safetensors")) < 12.5e6


def nll(model: PreTrainedModel, prompt: list[int], reference: list[int]) -> float:
    tokens = torch.tensor([[*prompt, *reference]])
    with torch.inference_mode():
        logits = model(tokens[:, :-1]).logits[0, len(prompt) - 1 :]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(reference)).item()


def test_the_llm_predicts_held_out_text_better(pair: Pair) -> None:
    """All 48 evaluation prompts with their references: 3072 tokens, compared prompt by prompt."""
    gains = []
    for prompt in read_prompts(PROMPTS):
        tokens = encode_prompt(prompt, pair.tokenizer)
        assert prompt.reference_ids is not None
        reference = list(prompt.reference_ids)
        gains.append(nll(pair.slm, tokens, reference) - nll(pair.llm, tokens, reference))
    gain = torch.tensor(gains)
    error = (gain.std() / len(gains) ** 0.5).item()
    # The model card's ratio of perplexities, 0.585, is a gain of 0.54 nats a token; prompts are another sample.
    assert abs(gain.mean().item() - 0.54) < 4 * error
    assert gain.mean().item() > 4 * error


def test_prompts_are_cut_from_held_out_files_and_the_parts_do_not_meet() -> None:
    parts = {file.name: file.part for file in source_files()}
    for part in ("evaluation", "calibration"):
        prompts = read_prompts(FOLDER / f"prompts-{part}.jsonl")
        assert {parts[prompt.source or ""] for prompt in prompts} == {part}


def test_the_card_says_what_the_training_wrote() -> None:
    card = (FOLDER / "README.md").read_text()
    for role in ("slm", "llm"):
        record = json.loads((Path(FOLDER) / role / "training.json").read_text())
        assert f"{record['final_loss']:.3f}" in card
        assert f"{record['steps']:,}".replace(",", " ") in card
