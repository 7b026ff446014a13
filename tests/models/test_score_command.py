"""The command that scores texts, on a random pair and a random encoder: nothing of ours, nothing downloaded."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from netsim.cli.record import record
from netsim.cli.score import score
from netsim.errors import InputError
from tests.random_pair import VOCABULARY, random_tokenizer, save_random_pair

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ["hlm", "llm", "u-hlm:threshold=0.6", "u-hlm:threshold=1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of four prompts and two token seeds, its models and an encoder."""
    folder = tmp_path_factory.mktemp("score")
    slm, llm = save_random_pair(folder)
    rows = [{"prompt": f"def add{n}(", "reference": f"first, index{n}): return first"} for n in range(4)]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options: dict[str, Any] = {"slm": str(slm), "llm": str(llm), "tokens": 6, "seeds": 2, "quiet": True}
    record(folder / "trace", folder / "prompts.jsonl", POLICIES, **options)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(folder / "encoder")
    tokenizer: PreTrainedTokenizerFast = random_tokenizer()
    tokenizer.add_special_tokens({"pad_token": tokenizer.eos_token})
    tokenizer.save_pretrained(folder / "encoder")
    return folder


def test_all_recorded_policies_are_scored_and_stored_scores_need_no_model(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    shutil.copytree(folder / "trace", trace)
    models: dict[str, Any] = {"tokenizer": str(folder / "llm"), "encoder": folder / "encoder"}
    capsys.readouterr()
    score(trace, **models, out=tmp_path / "all.csv", store=True, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert {row["policy"] for row in rows} == set(POLICIES)
    names = {"likelihood", "tv_to_llm", "cosine", "cosine_llm", "rouge_l", "rouge_l_llm"}
    assert {row["score"] for row in rows} == names
    # Random models may share no word with a reference: 0 of 0 is no ratio.
    assert all(row["of_llm"] == 1 for row in rows if row["policy"] == "llm" and row["mean"] > 0)
    with (tmp_path / "all.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(POLICIES) * 4 * 2
    code = (
        "import sys; sys.modules |= dict.fromkeys(('torch', 'transformers', 'tokenizers')); "
        f"from netsim.cli.score import score; from pathlib import Path; score(Path({str(trace)!r}), as_json=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == rows
    with pytest.raises(InputError, match="would lose the cosines of encoder@"):
        score(trace, tokenizer=str(folder / "llm"), store=True)


def test_what_can_not_be_scored_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    score(folder / "trace", ["u-hlm:threshold=0.6"])
    table, said = capsys.readouterr()
    assert "nan" not in table
    assert "no interval: fewer than 8 prompts determine none" in said
    assert "no cosine: needs --tokenizer and --encoder" in said
    for options, message in (
        ({"encoder": folder / "encoder"}, "--encoder: needs --tokenizer"),
        ({"store": True}, "--store: needs --tokenizer"),
        ({"tokenizer": str(folder / "none")}, "no tokenizer can be loaded"),
        (
            {"tokenizer": str(ROOT / "models" / "tiny" / "llm")},
            "is not the tokenizer that the trace was recorded with",
        ),
        ({"tokenizer": str(folder / "llm"), "encoder": tmp_path}, "not a sentence encoder"),
    ):
        with pytest.raises(InputError, match=message):
            score(folder / "trace", **options)
