"""Sentence embeddings: the mean of the states of a text alone, whatever is beside it in the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from models.encoder import SentenceEncoder
from models.pair import PairError
from tests.random_pair import VOCABULARY, random_tokenizer

TEXTS = ["def add(first, second):", "return", "for index in range(10): " * 20]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(tmp_path)
    tokenizer: PreTrainedTokenizerFast = random_tokenizer()
    tokenizer.add_special_tokens({"pad_token": tokenizer.eos_token})
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_an_embedding_is_the_unit_mean_of_the_states(folder: Path) -> None:
    encoder = SentenceEncoder.load(folder)
    vectors = encoder.embed(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    for text, vector in zip(TEXTS, vectors, strict=True):
        ids = encoder.tokenizer.encode(text)[:32]
        with torch.inference_mode():
            mean = encoder.model(torch.tensor([ids])).last_hidden_state[0].mean(dim=0)
        # float32, padded in one case and not in the other.
        np.testing.assert_allclose(vector, mean / mean.norm(), atol=1e-5)


def test_a_folder_without_an_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PairError, match="not a sentence encoder"):
        SentenceEncoder.load(tmp_path / "none")
