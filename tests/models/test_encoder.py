"""Sentence embeddings: the states of a text alone, pooled as its folder says, whatever is beside it in the batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
)

from models.encoder import SentenceEncoder
from models.pair import PairError
from tests.random_pair import VOCABULARY, random_tokenizer

TEXTS = ["def add(first, second):", "return", "for index in range(10): " * 20]
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def save_tokenizer(folder: Path) -> None:
    tokenizer: PreTrainedTokenizerFast = random_tokenizer()
    tokenizer.add_special_tokens({"pad_token": tokenizer.eos_token})
    tokenizer.save_pretrained(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    BertModel(BertConfig(**SMALL, max_position_embeddings=32)).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    return tmp_path


def write(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def add_modules(folder: Path, pooling: dict[str, bool], dense: dict[str, Any] | None = None) -> None:
    """What sentence-transformers writes beside the weights."""
    kinds = ["Transformer", "Pooling", *(["Dense"] if dense else []), "Normalize"]
    paths = ["", "1_Pooling", *(["2_Dense"] if dense else []), "3_Normalize"]
    modules = zip(kinds, paths, strict=True)
    write(
        folder / "modules.json",
        [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in modules],
    )
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, **pooling})
    if dense:
        write(folder / "2_Dense" / "config.json", dense)


def states(encoder: SentenceEncoder, text: str, longest: int) -> torch.Tensor:
    ids = encoder.tokenizer.encode(text)[:longest]
    with torch.inference_mode():
        found: torch.Tensor = encoder.model(torch.tensor([ids])).last_hidden_state[0]
    return found


def check(encoder: SentenceEncoder, longest: int, expected: Any) -> None:
    """Every vector is what ``expected`` makes of the states of its text alone."""
    vectors = encoder.embed(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    for text, vector in zip(TEXTS, vectors, strict=True):
        one = expected(states(encoder, text, longest))
        # float32, padded in one case and not in the other.
        np.testing.assert_allclose(vector, one / one.norm(), atol=1e-5)


def test_a_plain_encoder_is_averaged(folder: Path) -> None:
    check(SentenceEncoder.load(folder), 32, lambda found: found.mean(dim=0))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("pooling_mode_mean_tokens", lambda found: found.mean(dim=0)),
        ("pooling_mode_cls_token", lambda found: found[0]),
        ("pooling_mode_max_tokens", lambda found: found.amax(dim=0)),
    ],
)
def test_the_folder_says_how_states_are_pooled(folder: Path, mode: str, expected: Any) -> None:
    add_modules(folder, {"pooling_mode_mean_tokens": False, mode: True})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 8})
    check(SentenceEncoder.load(folder), 8, expected)


def test_a_dense_layer_follows_the_pooling(folder: Path) -> None:
    torch.manual_seed(1)
    layer = torch.nn.Linear(16, 4)
    add_modules(
        folder,
        {"pooling_mode_mean_tokens": True},
        {"activation_function": "torch.nn.modules.activation.Tanh", "in_features": 16, "out_features": 4},
    )
    save_file(
        {"linear.weight": layer.weight.detach(), "linear.bias": layer.bias.detach()},
        folder / "2_Dense" / "model.safetensors",
    )
    with torch.inference_mode():
        check(SentenceEncoder.load(folder), 32, lambda found: torch.tanh(layer(found.mean(dim=0))))


def test_a_default_prompt_stands_before_every_text(folder: Path) -> None:
    plain = SentenceEncoder.load(folder).embed([f"query: {text}" for text in TEXTS])
    write(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": "query: "}, "default_prompt_name": "query"},
    )
    np.testing.assert_allclose(SentenceEncoder.load(folder).embed(TEXTS), plain, atol=1e-6)


def test_positions_that_padding_keeps_are_not_a_texts(tmp_path: Path) -> None:
    torch.manual_seed(0)
    RobertaModel(RobertaConfig(**SMALL, max_position_embeddings=34, pad_token_id=1)).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    encoder = SentenceEncoder.load(tmp_path)
    assert encoder.max_tokens == 32
    assert encoder.embed(TEXTS).shape == (3, 16)


def test_of_an_encoder_and_a_decoder_the_encoder_is_taken(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = T5Config(vocab_size=VOCABULARY, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    check(SentenceEncoder.load(tmp_path), 10**6, lambda found: found.mean(dim=0))


def test_texts_are_told_apart_by_place_and_an_empty_one_is_near_nothing(folder: Path) -> None:
    encoder = SentenceEncoder.load(folder)
    many = [f"{text} {number}" for number in range(30) for text in TEXTS[:2]]
    np.testing.assert_allclose(encoder.embed(many)[[3, 50]], encoder.embed([many[3], many[50]]), atol=1e-5)
    assert encoder.embed([]).shape[0] == 0
    assert (encoder.embed(["", "return"])[0] == 0).all()


def test_the_name_follows_weights_and_settings(folder: Path) -> None:
    names = {SentenceEncoder.load(folder).name}
    add_modules(folder, {"pooling_mode_cls_token": True})
    names.add(SentenceEncoder.load(folder).name)
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"] += 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    names.add(SentenceEncoder.load(folder).name)
    assert len(names) == 3


def test_a_folder_without_an_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PairError, match="not a sentence encoder"):
        SentenceEncoder.load(tmp_path / "none")


@pytest.mark.parametrize(
    ("pooling", "dense", "message"),
    [
        ({"pooling_mode_lasttoken": True}, None, "its pooling is pooling_mode_lasttoken, allowed: one of"),
        ({"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}, None, "cls_token and pooling"),
        ({}, None, "its pooling is none"),
        (
            {"pooling_mode_mean_tokens": True},
            {"activation_function": "torch.nn.GELU"},
            "the activation GELU is not known",
        ),
    ],
)
def test_what_can_not_be_computed_as_meant_is_refused(
    folder: Path, pooling: dict[str, bool], dense: dict[str, Any] | None, message: str
) -> None:
    add_modules(folder, pooling, dense)
    with pytest.raises(PairError, match=message):
        SentenceEncoder.load(folder)


def test_weights_that_are_missing_are_not_drawn_at_random(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    pooler = {name for name in weights if name.startswith("pooler.")}
    assert pooler
    save_file({name: weights[name] for name in weights.keys() - pooler}, folder / "model.safetensors")
    SentenceEncoder.load(folder)
    del weights["encoder.layer.0.output.dense.weight"]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(PairError, match=r"lacks weights of the encoder, e\.g\. encoder\.layer\.0\.output"):
        SentenceEncoder.load(folder)


def test_a_language_model_is_no_sentence_encoder(tmp_path: Path) -> None:
    LlamaForCausalLM(LlamaConfig(**SMALL)).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    with pytest.raises(PairError, match="LlamaForCausalLM is a language model, not a sentence encoder"):
        SentenceEncoder.load(tmp_path)
