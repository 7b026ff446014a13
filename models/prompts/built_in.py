"""Prompts cut from the held-out text of the built-in pair.

``python -m models.prompts.built_in`` writes those of the built-in pair, for evaluation and for calibration.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from models.prompts.prompt import PromptError, PromptText, write_prompts
from models.text import SourceFile, source_files

FOLDER = Path(__file__).parents[1] / "tiny"
#: Prompts of the built-in pair by part of the text; calibration prompts fit the line, no sweep uses them.
COUNTS = {"evaluation": 48, "calibration": 64}


def built_in_prompts(
    folder: Path, part: str, count: int, prompt_tokens: int = 96, reference_tokens: int = 64, seed: int = 0
) -> list[PromptText]:
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
    prompts: list[PromptText] = []
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
) -> Iterator[PromptText]:
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
        yield PromptText(
            id=f"{file.name}:{line + 1}",
            prompt=prompt,
            reference=reference,
            source=file.name,
            prompt_ids=tuple(ids[:prompt_tokens]),
            reference_ids=tuple(ids[prompt_tokens:]),
        )


def main() -> None:
    """Write the prompts of the built-in pair."""
    parser = argparse.ArgumentParser(prog="python -m models.prompts.built_in", description=__doc__)
    parser.add_argument("--pair", type=Path, default=FOLDER, help="folder of the pair (default: models/tiny)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for part, count in COUNTS.items():
        prompts = built_in_prompts(arguments.pair, part, count, seed=arguments.seed)
        write_prompts(prompts, arguments.pair / f"prompts-{part}.jsonl")


if __name__ == "__main__":
    main()
