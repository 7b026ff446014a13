"""A small trace whose texts are colours and numbers, and an encoder that counts words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.trace_factory import make_trace
from traces.format.manifest import write_manifest
from traces.format.trace import Trace
from traces.speculative.walk import Policy

WORDS = ["red", "green", "blue", "one", "two", "three", "four", "five"]


def decode(tokens: Sequence[int]) -> str:
    """Text of token ids: a word each."""
    return " ".join(WORDS[token % 8] for token in tokens)


def embed(texts: Sequence[str]) -> NDArray[np.float64]:
    """Unit vectors of the words' counts."""
    counts = np.array([[text.split().count(word) for word in WORDS] for text in texts], float)
    vectors: NDArray[np.float64] = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    return vectors


REFERENCES = [f"red {WORDS[n]} blue two {WORDS[n + 3]}" for n in range(3)]


def by_policy_and_score(compared: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of a comparison."""
    rows = ({str(key): value for key, value in row.items()} for row in compared.to_dict("records"))
    return {(row["policy"], row["score"]): row for row in rows}


def scored_trace(
    folder: Path,
    references: Sequence[str] = REFERENCES,
    token_seeds: Sequence[int] = (0, 1, 2),
    policies: dict[str, Policy] | None = None,
    num_tokens: int = 6,
) -> Trace:
    """Three prompts with references."""
    made = make_trace(folder, prompts=3, num_tokens=num_tokens, token_seeds=token_seeds, policies=policies)
    prompts = zip(made.manifest.prompts, references, strict=True)
    answered = tuple(own.model_copy(update={"reference": text}) for own, text in prompts)
    write_manifest(folder, made.manifest.model_copy(update={"prompts": answered}))
    return Trace.open(folder)
