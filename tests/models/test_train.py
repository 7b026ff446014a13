"""Training of a pair, on a few files and with tiny shapes: what is learnt, what is written, and what is reported."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from models import train
from models.text import part_of, source_files

CONTEXT = 32
#: Runs of statements, of which a held-out file has some that also stand in the training files, and some of its own.
SHARED = "".join(f"def add_{number}(first, second):\n    return first + second\n" for number in range(40))
OWN = "".join(f"class Layer{number}(Module):\n    size = {number}\n" for number in range(40))


@pytest.fixture(scope="module", name="text")
def write_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source files of every part that training needs, three to train on and one that is held out."""
    folder = tmp_path_factory.mktemp("text")
    names = [f"file_{number}.py" for number in range(200)]
    trained = [name for name in names if part_of(name) == "train"][:3]
    held_out = next(name for name in names if part_of(name) == "evaluation")
    for number, name in enumerate(trained):
        (folder / name).write_text(f"import math\n{SHARED}SEED = {number}\n")
    (folder / held_out).write_text(SHARED + OWN)
    return folder


@pytest.fixture(name="small", autouse=True)
def make_small(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same programs on less text, with models of some thousand weights."""
    monkeypatch.setattr(train, "source_files", lambda: source_files(text))
    monkeypatch.setattr(train, "SHAPES", {"slm": train.Shape(16, 1, 2, 16), "llm": train.Shape(32, 2, 2, 32)})
    monkeypatch.setattr(train, "VOCABULARY_SIZE", 300)
    monkeypatch.setattr(train, "BATCH", 4)
    monkeypatch.setattr(train, "CONTEXT", CONTEXT)


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["train", *map(str, words)])
    train.main()


def test_all_trains_a_pair_that_has_learnt_and_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "all", "--out", tmp_path, "--steps", "100")
    said = capsys.readouterr()
    reported = {role: float(value) for role, value in re.findall(r"(\wlm): .*perplexity ([\d.]+)", said.out)}
    for role in ("slm", "llm"):
        record = json.loads((tmp_path / role / "training.json").read_text())
        assert (record["steps"], record["seed"]) == (100, 0)
        assert f"{role}: step 100/100, loss {record['final_loss']:.3f}, 0 min left" in said.err
        # Another way to the same losses in single precision, and three decimals that are printed.
        assert reported[role] == pytest.approx(perplexity_by_its_own_loss(tmp_path, role), rel=1e-4)
        # Whoever has learnt nothing is as good as a guess among the vocabulary.
        assert 1 < reported[role] < 300 / 2
    share = re.search(r"training files: ([\d.]+)\n$", said.out)
    assert share
    # Three decimals are printed.
    assert float(share[1]) == pytest.approx(share_by_sets(tmp_path), abs=5e-4)


def perplexity_by_its_own_loss(folder: Path, role: str) -> float:
    """Perplexity of the held-out text by the loss that transformers computes, from the folder alone."""
    model = AutoModelForCausalLM.from_pretrained(folder / role, dtype=torch.float32)
    ids = torch.from_numpy(train.token_stream(folder, "evaluation").astype(np.int64))
    starts = np.linspace(0, len(ids) - CONTEXT - 1, 256).astype(int)
    with torch.inference_mode():
        windows = (ids[None, start : start + CONTEXT + 1] for start in starts)
        losses = [model(input_ids=window, labels=window).loss.item() for window in windows]
    return float(np.exp(np.mean(losses)))


def share_by_sets(folder: Path, window: int = 32) -> float:
    trained, held_out = (
        [tuple(stream[start : start + window]) for start in range(len(stream) - window + 1)]
        for stream in (train.token_stream(folder, part).tolist() for part in ("train", "evaluation"))
    )
    share = float(np.mean([own in set(trained) for own in held_out]))
    assert 0.2 < share < 0.8, "some of the text is of both kinds"
    return share


def test_the_tokens_are_the_text_of_the_files_each_with_its_end(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, "tokenizer", "--out", tmp_path)
    tokenizer = train.load_tokenizer(tmp_path)
    for part, count in (("train", 3), ("evaluation", 1)):
        stream = train.token_stream(tmp_path, part)
        assert (stream == tokenizer.eos_token_id).sum() == count
        whole = "".join(file.text + train.END_OF_TEXT for file in source_files(text) if file.part == part)
        assert tokenizer.decode(stream) == whole
        assert len(stream) < 2 / 3 * len(whole), "it is more than letters"


def test_training_again_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        run(monkeypatch, "tokenizer", "--out", folder)
        run(monkeypatch, "slm", "--out", folder, "--steps", "3")
    one, two = (tmp_path / name / "slm" / "model.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_layers_and_the_rest_are_trained_each_by_its_optimiser() -> None:
    model = train.build("llm")
    muon, adamw = (
        {id(weight) for group in part.param_groups for weight in group["params"]}
        for part in train.optimisers(model)
    )
    names = {id(weight): name for name, weight in model.named_parameters()}
    assert muon | adamw == set(names)
    assert not muon & adamw
    assert all(".layers." in names[one] and "norm" not in names[one] for one in muon)
    assert "model.embed_tokens.weight" in {names[one] for one in adamw}
