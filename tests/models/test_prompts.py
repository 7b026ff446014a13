"""Prompts from files, and those cut from the held-out text of the built-in pair."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from models.encode import encode_prompt
from models.prompts import (
    FOLDER,
    Prompt,
    PromptError,
    built_in_prompts,
    read_prompts,
    write_prompts,
)
from models.text import part_of, source_files
from models.train import load_tokenizer


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_text_is_one_prompt_a_line(tmp_path: Path) -> None:
    path = written(tmp_path / "prompts.txt", "first\n\n  second one \r\n")
    assert read_prompts(path) == [Prompt("0", "first"), Prompt("1", "  second one ")]


def test_jsonl_reads_prompt_and_reference(tmp_path: Path) -> None:
    rows = '{"id": "a", "prompt": "x\\u2028y", "reference": "z"}\n{"prompt": "w", "other": 1}\n'
    path = written(tmp_path / "prompts.jsonl", rows)
    assert read_prompts(path) == [Prompt("a", "x\u2028y", "z"), Prompt("1", "w")]


def test_alpaca_fields_become_its_training_prompt(tmp_path: Path) -> None:
    row = '{"instruction": "Add.", "input": "1 {2}", "output": "3"}'
    bare = '{"instruction": "Sing.", "input": "", "output": "La"}'
    with_input, without = read_prompts(written(tmp_path / "alpaca.json", f"[{row}, {bare}]"))
    assert with_input.prompt.endswith("### Instruction:\nAdd.\n\n### Input:\n1 {2}\n\n### Response:")
    assert with_input.reference == "3"
    assert without.prompt.endswith("request.\n\n### Instruction:\nSing.\n\n### Response:")
    assert read_prompts(written(tmp_path / "alpaca.jsonl", f"{row}\n{bare}\n")) == [with_input, without]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.jsonl", '{"prompt": "a"}\n{"prompt": \n', r"p\.jsonl:2: not JSON"),
        ("p.jsonl", '{"prompt": "a"}\n\n["b"]\n', r"p\.jsonl:3: expected an object, given a list"),
        ("p.jsonl", '{"reference": "a"}\n', r"p\.jsonl:1: prompt must be text, given None"),
        ("p.jsonl", '{"prompt": "a", "prompt_ids": [1, -1]}\n', r"prompt_ids must be a list of token ids"),
        ("p.jsonl", '{"id": 1, "prompt": "a"}\n{"prompt": "b"}\n', r"2 prompts have the id '1'"),
        ("p.json", '{"prompt": "a"}', r"expected a list of prompts, given a dict"),
        ("p.txt", "\n \n", r"holds no prompt"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        read_prompts(written(tmp_path / name, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"none\.txt: can't be read"):
        read_prompts(tmp_path / "none.txt")


def test_built_in_prompts_are_held_out_text() -> None:
    prompts = built_in_prompts(FOLDER, "evaluation", 12, prompt_tokens=40, reference_tokens=20, seed=3)
    texts = {file.name: file.text for file in source_files() if file.part == "evaluation"}
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    assert len({prompt.source for prompt in prompts}) == 12
    for prompt in prompts:
        assert prompt.source is not None
        assert prompt.reference is not None
        assert prompt.prompt_ids is not None
        assert prompt.reference_ids is not None
        assert (len(prompt.prompt_ids), len(prompt.reference_ids)) == (40, 20)
        assert (
            tokenizer.decode([*prompt.prompt_ids, *prompt.reference_ids]) == prompt.prompt + prompt.reference
        )
        assert "\n" + prompt.prompt + prompt.reference in "\n" + texts[prompt.source]


def test_built_in_prompts_follow_the_seed() -> None:
    first, again, other = (
        built_in_prompts(FOLDER, "calibration", 5, prompt_tokens=30, reference_tokens=10, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_more_prompts_than_files_are_all_different() -> None:
    prompts = built_in_prompts(FOLDER, "evaluation", 60, prompt_tokens=96, reference_tokens=64)
    assert len({prompt.id for prompt in prompts}) == 60


def test_more_prompts_than_the_text_holds_are_refused() -> None:
    with pytest.raises(PromptError, match="the evaluation files hold 0 prompts of this length, 1 wanted"):
        built_in_prompts(FOLDER, "evaluation", 1, prompt_tokens=10**6)


def test_written_prompts_read_back(tmp_path: Path) -> None:
    prompts = built_in_prompts(FOLDER, "evaluation", 2, prompt_tokens=20, reference_tokens=10)
    prompts.append(Prompt("plain", "naïve\u2028café"))
    write_prompts(prompts, tmp_path / "prompts.jsonl")
    assert read_prompts(tmp_path / "prompts.jsonl") == prompts


def test_own_token_ids_are_used_where_they_spell_the_prompt() -> None:
    tokenizer = load_tokenizer(FOLDER)
    letters = tuple(tokenizer.get_vocab()[letter] for letter in "import")
    prompt = Prompt("0", "import", prompt_ids=letters)
    assert len(letters) > len(tokenizer.encode("import"))
    assert encode_prompt(prompt, tokenizer) == list(letters)
    foreign = dataclasses.replace(prompt, prompt="return")
    assert encode_prompt(foreign, tokenizer) == tokenizer.encode("return")
    beyond = dataclasses.replace(prompt, prompt_ids=(10**6,))
    assert encode_prompt(beyond, tokenizer) == tokenizer.encode("import")


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(PromptError, match="prompt '0' is empty"):
        encode_prompt(Prompt("0", ""), load_tokenizer(FOLDER))


@pytest.mark.parametrize(("part", "count"), [("evaluation", 48), ("calibration", 64)])
def test_shipped_prompts_are_of_their_part(part: str, count: int) -> None:
    prompts = read_prompts(FOLDER / f"prompts-{part}.jsonl")
    assert len(prompts) == count
    assert {part_of(prompt.source or "") for prompt in prompts} == {part}
