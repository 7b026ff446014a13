"""The text of each token that a trace can produce, so that a replay can be read without its tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

#: Lies beside the manifest; a trace without it is replayed as well, but shows token ids.
TEXTS = "texts.json"


def token_texts(folder: Path) -> dict[int, str]:
    """Text of each token; empty where the trace has none.

    Raises
    ------
    ValueError
        If the file is there and is not such a table.
    """
    try:
        content = json.loads((folder / TEXTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise ValueError(f"{folder / TEXTS}: not a table of token texts")
    return {int(token): text for token, text in content.items()}


def write_token_texts(folder: Path, texts: Mapping[int, str]) -> None:
    """Write the texts of a trace's tokens, in the order of the tokens."""
    content = {str(token): texts[token] for token in sorted(texts)}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    (folder / TEXTS).write_text(text + "\n", encoding="utf-8")
