"""GGUF files: the weights, the tokenizer and the chat template that they hold, as a pair that records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from models.pair import PairError, load_pair
from netsim.cli.profile import profile
from netsim.cli.record import record
from netsim.costs.latency import load_latency
from netsim.errors import InputError
from tests.random_gguf import TEMPLATE, random_model, save_gguf
from tests.random_pair import random_tokenizer
from traces.format.trace import Trace

RECORD: dict[str, Any] = {"tokens": 6, "seeds": 2, "top_p": 0.9, "quiet": True, "jobs": 1}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("gguf")
    return save_gguf(random_model(0), folder / "small.Q8_0.gguf"), save_gguf(
        random_model(1, 2), folder / "large.gguf"
    )


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps({"prompt": "def add(", "reference": "first, second)"}) + "\n")
    return path


def test_weights_and_tokens_are_those_of_the_file(files: tuple[Path, Path]) -> None:
    pair = load_pair(*files)
    assert pair.tokenizer.encode("def add(") == random_tokenizer().encode("def add(")
    assert (pair.stops, pair.max_positions, pair.vocabulary_size) == ((0,), 192, 303)
    built = random_model(0)
    for name, expected in built.state_dict().items():
        values = expected.numpy()
        if values.ndim > 1:
            kind = gguf.GGMLQuantizationType.Q8_0
            values = gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind)
        np.testing.assert_allclose(pair.slm.state_dict()[name].numpy(), values, rtol=1e-6, err_msg=name)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        distance = torch.softmax(pair.slm(ids).logits, -1) - torch.softmax(built(ids).logits, -1)
    # Eight bits of every weight are not all of it.
    assert 0 < float(distance.abs().sum(-1).max() / 2) < 0.2


def test_a_pair_of_files_is_recorded_as_chats(
    files: tuple[Path, Path], prompts: Path, tmp_path: Path
) -> None:
    pair: dict[str, Any] = {"slm": str(files[0]), "llm": str(files[1])}
    record(tmp_path / "t", prompts, ["hlm"], **pair, **RECORD, chat=True, system="Be brief.")
    manifest = Trace.open(tmp_path / "t").manifest
    assert (manifest.slm.name, manifest.llm.name) == ("small.Q8_0", "large")
    assert manifest.chat is not None
    assert (manifest.chat.template, manifest.chat.system) == (TEMPLATE, "Be brief.")
    text = random_tokenizer().decode(list(manifest.prompts[0].tokens))
    assert text == "<system>Be brief.\n<user>def add(\n<assistant>"
    assert manifest.prompts[0].text == "def add("
    latency = load_latency("recorded", "llm", tmp_path / "t")
    assert latency.seconds(context=len(manifest.prompts[0].tokens), positions=1) > 0


def test_both_files_are_profiled_as_a_pair(files: tuple[Path, Path], tmp_path: Path) -> None:
    grid = {"contexts": [0, 8], "positions": [1, 4], "batches": [1, 2], "repeats": 1}
    profile(tmp_path / "p.json", slm=str(files[0]), llm=str(files[1]), **grid, quiet=True)  # type: ignore[arg-type]
    content = json.loads((tmp_path / "p.json").read_text())
    assert (content["slm"]["model"], content["llm"]["model"]) == ("small.Q8_0", "large")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"slm": "nowhere.gguf"}, "nowhere.gguf: there is no such file"),
        ({"system": "Be brief."}, "--system: needs --chat"),
        ({"slm": "{prompts}"}, "a model is a folder, a .gguf file, or a name of the hub"),
    ],
)
def test_what_is_no_model_is_said(
    files: tuple[Path, Path], prompts: Path, tmp_path: Path, change: dict[str, str], fault: str
) -> None:
    given = {"slm": str(files[0]), "llm": str(files[1])} | {
        key: value.replace("{prompts}", str(prompts)) for key, value in change.items()
    }
    with pytest.raises(InputError, match=fault):
        record(tmp_path / "t", prompts, ["hlm"], **RECORD, **given)  # type: ignore[arg-type]
    assert not (tmp_path / "t").exists()


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(b"GGUF" + bytes(range(200)))
    with pytest.raises(PairError, match=r"^no tokenizer can be loaded from [^\n]*damaged.gguf: [^\n]*$"):
        load_pair(path, path)
