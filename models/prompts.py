"""Prompts: read from a file, or cut from the held-out text of the built-in pair.

``python -m models.prompts`` writes those of the built-in pair, for evaluation and for calibration.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from models.text import SourceFile, source_files

FOLDER = Path(__file__).parent / "tiny"
#: Prompts of the built-in pair by part of the text; calibration prompts fit the line, no sweep uses them.
COUNTS = {"evaluation": 48, "calibration": 64}

# The prompt that Alpaca was trained with: PROMPT_DICT in train.py of github.com/tatsu-lab/stanford_alpaca.
_ALPACA = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)
_ALPACA_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
)


class PromptError(ValueError):
    """A file of prompts that can't be used; the message names the file and the line."""


@dataclass(frozen=True)
class Prompt:
    """One prompt, with what a good answer looks like where that is known.

    Attributes
    ----------
    id : str
        Unique in its file. Of a cut prompt: source file and line, counted below the licence header.
    prompt : str
    reference : str, optional
        Reference answer.
    source : str, optional
        Where it was cut from.
    prompt_ids, reference_ids : [num_tokens], int, optional
        The same as token ids of the tokenizer that it was cut with: encoding a text that ends
        in the middle of a word again may give others.
    """

    id: str
    prompt: str
    reference: str | None = None
    source: str | None = None
    prompt_ids: tuple[int, ...] | None = None
    reference_ids: tuple[int, ...] | None = None


def read_prompts(path: Path) -> list[Prompt]:
    """Read prompts from a file.

    ``.jsonl``: one object a line, with the fields of `Prompt` (only ``prompt`` is needed) or of
    Alpaca (``instruction``, ``input``, ``output``; other fields are passed over). ``.json``: a list
    of such objects. Any other name: text, one prompt a line, empty lines passed over.

    Raises
    ------
    PromptError
        If the file can't be read, a line is not a prompt, or there is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: can't be read as UTF-8 text: {error}") from error
    if path.suffix == ".json":
        rows = _parse(text, str(path))
        if not isinstance(rows, list):
            raise PromptError(f"{path}: expected a list of prompts, given a {type(rows).__name__}")
        prompts = [_prompt(row, number, f"{path}: prompt {number}") for number, row in enumerate(rows)]
    else:
        # Not splitlines: a JSON string may hold U+2028, which splitlines would cut at.
        lines = [(n, line.rstrip("\r")) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        if path.suffix == ".jsonl":
            rows = [(f"{path}:{n}", _parse(line, f"{path}:{n}")) for n, line in lines]
            prompts = [_prompt(row, number, place) for number, (place, row) in enumerate(rows)]
        else:
            prompts = [Prompt(id=str(number), prompt=line) for number, (_, line) in enumerate(lines)]
    if not prompts:
        raise PromptError(f"{path}: holds no prompt")
    name, times = Counter(prompt.id for prompt in prompts).most_common(1)[0]
    if times > 1:
        raise PromptError(f"{path}: {times} prompts have the id {name!r}")
    return prompts


def write_prompts(prompts: list[Prompt], path: Path) -> None:
    """Write prompts as JSONL that `read_prompts` reads back."""
    lines = [json.dumps({k: v for k, v in asdict(p).items() if v is not None}) + "\n" for p in prompts]
    path.write_text("".join(lines), encoding="utf-8")


def built_in_prompts(
    folder: Path, part: str, count: int, prompt_tokens: int = 96, reference_tokens: int = 64, seed: int = 0
) -> list[Prompt]:
    """Cut prompts from the held-out text of the built-in pair.

    Each starts at the beginning of a line, drawn uniformly from those that enough text follows, and
    the text that follows is its reference. Files take turns in random order; files that are too
    short are passed over.

    Parameters
    ----------
    folder : Path
        Holds the pair's ``tokenizer.json``.
    part : {'evaluation', 'calibration'}
    count, prompt_tokens, reference_tokens : int
        How many prompts, and the length of each and of its reference in tokens.
    seed : int
        Of the choice of files and lines.

    Raises
    ------
    PromptError
        If the text of that part doesn't hold so many prompts.
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rng = np.random.default_rng(seed)
    files = [file for file in source_files() if file.part == part]
    order = rng.permutation(len(files))
    cuts = [_cuts(files[i], tokenizer, prompt_tokens, reference_tokens, rng) for i in order]
    prompts: list[Prompt] = []
    while cuts and len(prompts) < count:
        still = []
        for cut in cuts:
            prompt = next(cut, None)
            if prompt is not None:
                prompts.append(prompt)
                still.append(cut)
            if len(prompts) == count:
                break
        cuts = still
    if len(prompts) < count:
        raise PromptError(f"the {part} files hold {len(prompts)} prompts of this length, {count} wanted")
    return prompts


def _cuts(
    file: SourceFile,
    tokenizer: Tokenizer,
    prompt_tokens: int,
    reference_tokens: int,
    rng: np.random.Generator,
) -> Iterator[Prompt]:
    """Yield prompts of one file, from random lines, each line at most once."""
    lines = file.text.splitlines(keepends=True)
    starts = np.cumsum([0, *map(len, lines)])
    wanted = prompt_tokens + reference_tokens
    if len(tokenizer.encode(file.text).ids) < wanted:
        return
    for line in rng.permutation([i for i, text in enumerate(lines) if text.strip()]):
        rest = file.text[starts[line] :]
        ids = tokenizer.encode(rest).ids[:wanted]
        if len(ids) < wanted:
            continue
        prompt, reference = tokenizer.decode(ids[:prompt_tokens]), tokenizer.decode(ids[prompt_tokens:])
        # A cut inside a character of several bytes can't be written as text.
        if not rest.startswith(prompt + reference):
            continue
        yield Prompt(
            id=f"{file.name}:{line + 1}",
            prompt=prompt,
            reference=reference,
            source=file.name,
            prompt_ids=tuple(ids[:prompt_tokens]),
            reference_ids=tuple(ids[prompt_tokens:]),
        )


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PromptError(f"{place}: not JSON: {error}") from error


def _prompt(row: Any, number: int, place: str) -> Prompt:
    if not isinstance(row, dict):
        raise PromptError(f"{place}: expected an object, given a {type(row).__name__}")
    if "prompt" not in row and "instruction" in row:
        template = _ALPACA_WITH_INPUT if row.get("input") else _ALPACA
        prompt = template.format(instruction=row["instruction"], input=row.get("input"))
        row = {"id": row.get("id"), "prompt": prompt, "reference": row.get("output")}
    for name in ("prompt", "reference", "source"):
        text = row.get(name)
        if not isinstance(text, str) and (text is not None or name == "prompt"):
            raise PromptError(f"{place}: {name} must be text, given {text!r}")
    return Prompt(
        id=str(number if row.get("id") is None else row["id"]),
        prompt=row["prompt"],
        reference=row.get("reference"),
        source=row.get("source"),
        prompt_ids=_ids(row.get("prompt_ids"), f"{place}: prompt_ids"),
        reference_ids=_ids(row.get("reference_ids"), f"{place}: reference_ids"),
    )


def _ids(value: Any, place: str) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(i) is int and i >= 0 for i in value):
        raise PromptError(f"{place} must be a list of token ids >= 0")
    return tuple(value)


def main() -> None:
    """Write the prompts of the built-in pair."""
    parser = argparse.ArgumentParser(prog="python -m models.prompts", description=__doc__)
    parser.add_argument("--pair", type=Path, default=FOLDER, help="folder of the pair (default: models/tiny)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for part, count in COUNTS.items():
        prompts = built_in_prompts(arguments.pair, part, count, seed=arguments.seed)
        write_prompts(prompts, arguments.pair / f"prompts-{part}.jsonl")


if __name__ == "__main__":
    main()
