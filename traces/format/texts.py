"""The text of each token that a trace can produce, so that a replay can be read without its tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from traces.format.sealed import read_json, sealed

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
        content = read_json(folder / TEXTS)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / TEXTS}: damaged: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise ValueError(f"{folder / TEXTS}: not a table of token texts")
    try:
        return {int(token): text for token, text in content.items()}
    except ValueError:
        raise ValueError(f"{folder / TEXTS}: not a table of token texts") from None


def write_token_texts(folder: Path, texts: Mapping[int, str]) -> None:
    """Write the texts of a trace's tokens, in the order of the tokens."""
    content = {str(token): texts[token] for token in sorted(texts)}
    text = json.dumps(sealed(content), ensure_ascii=False, separators=(",", ":"))
    (folder / TEXTS).write_text(text + "\n", encoding="utf-8")
