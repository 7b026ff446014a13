"""Loading pairs: any two models with one tokenizer, everything else refused with its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from models.pair import PairError, load_pair, pair_folders
from models.sources import load_model, max_positions, stop_tokens

TEXT = ["def add(first, second):\n    return first + second\n", "for index in range(10):\n    print(index)\n"]


def tokenizer(size: int = 300, special: str = "<end>", text: list[str] = TEXT) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[special], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(text, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=special)  # type: ignore[no-untyped-call]


def llama(width: int = 300) -> PreTrainedModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=width,
        max_position_embeddings=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    return LlamaForCausalLM(config)


def gpt2(width: int = 300) -> PreTrainedModel:
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=width, n_positions=48, n_embd=16, n_layer=2, n_head=2)
    return GPT2LMHeadModel(config)


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return save(llama(), tokenizer(), tmp_path / "slm"), save(gpt2(), tokenizer(), tmp_path / "llm")


def test_llama_and_gpt2_load_with_their_own_weights(folders: tuple[Path, Path]) -> None:
    pair = load_pair(*folders)
    assert pair.vocabulary_size == 300
    assert pair.max_positions == 48
    ids = torch.tensor([[1, 2, 3]])
    for loaded, built in ((pair.slm, llama()), (pair.llm, gpt2())):
        assert not loaded.training
        assert not any(p.requires_grad for p in loaded.parameters())
        with torch.inference_mode():
            assert torch.equal(loaded(ids).logits, built.train(mode=False)(ids).logits)


def test_dtype_is_the_one_asked_for(folders: tuple[Path, Path]) -> None:
    pair = load_pair(*folders, dtype="bfloat16")
    assert {p.dtype for p in (*pair.slm.parameters(), *pair.llm.parameters())} == {torch.bfloat16}


def test_logits_may_be_wider_than_the_tokenizer(tmp_path: Path) -> None:
    pair = load_pair(
        save(llama(320), tokenizer(), tmp_path / "slm"), save(gpt2(320), tokenizer(), tmp_path / "llm")
    )
    assert pair.vocabulary_size == 320


def replaced(folder: Path, old: str, new: str) -> None:
    path = folder / "tokenizer.json"
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new))


def test_a_tokenizer_with_fewer_merges_is_refused(tmp_path: Path) -> None:
    slm, llm = save(llama(), tokenizer(290), tmp_path / "slm"), save(gpt2(), tokenizer(), tmp_path / "llm")
    with pytest.raises(
        PairError, match="don't share a tokenizer: the tokens are the same, their merges differ"
    ):
        load_pair(slm, llm)


def with_token(token: str, number: int) -> PreTrainedTokenizerFast:
    """The tokenizer with one token more, at an id of its own."""
    own = tokenizer()
    content = json.loads(own.backend_tokenizer.to_str())
    content["model"]["vocab"][token] = number
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer.from_str(json.dumps(content)),
        eos_token="<end>",  # noqa: S106 - a token of text
    )


def test_tokens_that_only_pad_one_vocabulary_are_masked(tmp_path: Path) -> None:
    """As with Qwen's models of 0.5B and 7B, whose logits are 151936 and 152064 wide, padded by GGUF files with tokens."""
    slm = save(llama(300), tokenizer(), tmp_path / "slm")
    llm = save(gpt2(320), with_token("[PAD300]", 300), tmp_path / "llm")
    pair = load_pair(slm, llm)
    assert pair.vocabulary_size == 300
    assert load_pair(llm, slm).vocabulary_size == 300


def test_a_token_with_another_id_is_refused(tmp_path: Path) -> None:
    slm = save(llama(), tokenizer(), tmp_path / "slm")
    llm = save(gpt2(), tokenizer(), tmp_path / "llm")
    replaced(llm, '"A": ', '"swap": ')
    replaced(llm, '"B": ', '"A": ')
    replaced(llm, '"swap": ', '"B": ')
    ids = tokenizer().get_vocab()
    expected = f"token 'A' has id {ids['A']} in the one and is id {ids['B']} in the other"
    with pytest.raises(PairError, match=expected):
        load_pair(slm, llm)


def test_another_end_of_sequence_is_refused(tmp_path: Path) -> None:
    slm = save(llama(), tokenizer(), tmp_path / "slm")
    other = tokenizer()
    other.eos_token = "A"  # noqa: S105 - a token of text
    with pytest.raises(PairError, match="the end of sequence is '<end>' in the one and 'A' in the other"):
        load_pair(slm, save(gpt2(), other, tmp_path / "llm"))


def test_other_merges_are_refused(tmp_path: Path) -> None:
    slm = save(llama(), tokenizer(), tmp_path / "slm")
    other = tokenizer()
    other.backend_tokenizer.model = models.BPE(vocab=other.get_vocab(), merges=[])
    with pytest.raises(PairError, match="the tokens are the same, their merges differ"):
        load_pair(slm, save(gpt2(), other, tmp_path / "llm"))


def test_another_cut_before_the_merges_is_refused(tmp_path: Path) -> None:
    slm = save(llama(), tokenizer(), tmp_path / "slm")
    other = tokenizer()
    other.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    with pytest.raises(PairError, match="into different tokens"):
        load_pair(slm, save(gpt2(), other, tmp_path / "llm"))


def test_logits_of_different_width_share_the_narrower(tmp_path: Path) -> None:
    slm = save(llama(304), tokenizer(), tmp_path / "slm")
    assert load_pair(slm, save(gpt2(), tokenizer(), tmp_path / "llm")).vocabulary_size == 300


def test_logits_narrower_than_the_tokenizer_are_refused(tmp_path: Path) -> None:
    slm = save(llama(280), tokenizer(), tmp_path / "slm")
    with pytest.raises(PairError, match="ids up to 299, the logits only 280 entries"):
        load_pair(slm, save(gpt2(280), tokenizer(), tmp_path / "llm"))


def test_pickled_weights_are_refused(folders: tuple[Path, Path]) -> None:
    slm, _ = folders
    (slm / "model.safetensors").unlink()
    torch.save(llama().state_dict(), slm / "pytorch_model.bin")
    with pytest.raises(PairError, match=r"no model can be loaded from .*model\.safetensors"):
        load_model(slm, "float32", "cpu")


def test_code_beside_the_weights_is_not_run(folders: tuple[Path, Path]) -> None:
    slm, _ = folders
    config = (slm / "config.json").read_text()
    foreign = config.replace('"model_type": "llama"', '"model_type": "foreign"').replace(
        "{", '{"auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"},', 1
    )
    (slm / "config.json").write_text(foreign)
    (slm / "code.py").write_text(f"open({str(slm / 'ran')!r}, 'w')\n")
    with pytest.raises(PairError, match="no model can be loaded"):
        load_model(slm, "float32", "cpu")
    assert not (slm / "ran").exists()


def test_missing_weights_are_refused_not_drawn_at_random(folders: tuple[Path, Path]) -> None:
    slm, _ = folders
    config = (slm / "config.json").read_text()
    (slm / "config.json").write_text(config.replace('"num_hidden_layers": 1', '"num_hidden_layers": 2'))
    with pytest.raises(PairError, match=r"lacks weights of the model, e\.g\. model\.layers\.1\."):
        load_model(slm, "float32", "cpu")


def test_no_network_is_tried_when_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PairError, match="no tokenizer can be loaded from nobody/no-such-model"):
        load_pair("nobody/no-such-model", "nobody/no-such-model")


@pytest.mark.parametrize(
    ("dtype", "device", "message"),
    [
        ("float8", "cpu", "dtype 'float8' is not one of float32, bfloat16, float16"),
        ("float32", "gpu", "device 'gpu' is not one that torch knows"),
    ],
)
def test_unknown_dtype_and_device_are_named(
    folders: tuple[Path, Path], dtype: str, device: str, message: str
) -> None:
    with pytest.raises(PairError, match=message):
        load_pair(*folders, dtype=dtype, device=device)


def test_an_unknown_built_in_pair_is_named() -> None:
    with pytest.raises(PairError, match="pair 'huge': there is no model in"):
        pair_folders("huge")


def test_a_model_without_a_longest_sequence_has_a_far_one() -> None:
    config = BloomConfig(vocab_size=300, hidden_size=16, n_layer=1, n_head=2)
    assert max_positions(BloomForCausalLM(config)) == 10**6
    assert max_positions(gpt2()) == 48


def test_a_text_ends_where_the_model_says_or_else_its_tokenizer() -> None:
    model, own = llama(), tokenizer()
    end = own.convert_tokens_to_ids("<end>")
    for configured, stops in ((7, (7,)), ([7, 8], (7, 8)), (None, (end,))):
        model.generation_config.eos_token_id = configured
        assert stop_tokens(model, own) == stops
    assert stop_tokens(model, PreTrainedTokenizerFast(tokenizer_object=own.backend_tokenizer)) == ()  # type: ignore[no-untyped-call]


def test_a_pair_without_an_end_can_only_ignore_it(folders: tuple[Path, Path]) -> None:
    pair = load_pair(*folders)
    assert replace(pair, stops=(0, 5)).stops_for("stop") == (0, 5)
    endless = replace(pair, stops=())
    assert endless.stops_for("ignore") is None
    with pytest.raises(PairError, match="names a token that ends a text: use --eos ignore"):
        endless.stops_for("stop")
