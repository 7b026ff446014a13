"""Prompts cut from the held-out text of the built-in pair, and their token ids."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from models.encode import encode_prompt
from models.prompts import Message, PromptError, PromptText, built_in, read_prompts, write_prompts
from models.prompts.built_in import COUNTS, FOLDER, built_in_prompts
from models.text import SourceFile, part_of, source_files
from models.train import load_tokenizer


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
    prompts.append(PromptText("plain", "naïve\u2028café"))
    prompts.append(
        PromptText("chat", "Sing.\n\nLa", "La", messages=(Message("system", "Sing."), Message("user", "La")))
    )
    write_prompts(prompts, tmp_path / "prompts.jsonl")
    assert read_prompts(tmp_path / "prompts.jsonl") == prompts


def test_own_token_ids_are_used_where_they_spell_the_prompt() -> None:
    tokenizer = load_tokenizer(FOLDER)
    letters = tuple(tokenizer.get_vocab()[letter] for letter in "import")
    prompt = PromptText("0", "import", prompt_ids=letters)
    assert len(letters) > len(tokenizer.encode("import"))
    assert encode_prompt(prompt, tokenizer) == list(letters)
    foreign = dataclasses.replace(prompt, prompt="return")
    assert encode_prompt(foreign, tokenizer) == tokenizer.encode("return")
    beyond = dataclasses.replace(prompt, prompt_ids=(10**6,))
    assert encode_prompt(beyond, tokenizer) == tokenizer.encode("import")


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(PromptError, match="prompt '0' is empty"):
        encode_prompt(PromptText("0", ""), load_tokenizer(FOLDER))


@pytest.mark.parametrize(("part", "count"), [("evaluation", 48), ("calibration", 64)])
def test_shipped_prompts_are_of_their_part(part: str, count: int) -> None:
    prompts = read_prompts(FOLDER / f"prompts-{part}.jsonl")
    assert len(prompts) == count
    assert {part_of(prompt.source or "") for prompt in prompts} == {part}


def test_the_command_writes_the_prompts_of_both_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(FOLDER / "tokenizer.json", tmp_path)
    monkeypatch.setattr(built_in, "COUNTS", dict.fromkeys(COUNTS, 2))
    monkeypatch.setattr(sys, "argv", ["built_in", "--pair", str(tmp_path), "--seed", "5"])
    built_in.main()
    for part in COUNTS:
        written = read_prompts(tmp_path / f"prompts-{part}.jsonl")
        assert written == built_in_prompts(tmp_path, part, 2, seed=5)


def test_a_prompt_ends_between_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character of several bytes takes several tokens of the built-in pair: lines cut within one are passed over."""
    text = "".join(f"# {'x' * (number % 7)} \u4e16\u754c\n" for number in range(60))
    monkeypatch.setattr(built_in, "source_files", lambda: [SourceFile("a.py", text, "train")])
    prompts = built_in_prompts(FOLDER, "train", 5, prompt_tokens=30, reference_tokens=11)
    assert all(prompt.prompt + (prompt.reference or "") in text for prompt in prompts)
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    lines = text.splitlines(keepends=True)
    cuts = [tokenizer.decode(tokenizer.encode("".join(lines[first:])).ids[:41]) for first in range(40)]
    assert any(cut.endswith("\ufffd") for cut in cuts), "some line is passed over"
