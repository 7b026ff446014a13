"""Whether two tokenizers are one, and how many ids both models of a pair share."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from transformers import PreTrainedTokenizerBase

from traces.format.manifest import canonical

# Two tokenizers with the same tokens may still cut text differently (lower case, spaces, digits, accents).
_PROBE = "Hello, World!  naïve café\n\tx_1 = [3.14159, 1e-6]  # 温度 🙂 ﬁ\r\n    return None"


def tokenizer_difference(slm: PreTrainedTokenizerBase, llm: PreTrainedTokenizerBase) -> str | None:
    """Say the first difference that matters between two tokenizers; None if there is none.

    Compared: the ids of all tokens, the end of sequence, the merges, and what both make of a
    probing text. Padding, truncation and chat templates don't matter here. One may have tokens more (those that
    pad a vocabulary, such as ``[PAD151665]`` of GGUF files), if all of them come after the other's last.
    """
    small, large = slm.get_vocab(), llm.get_vocab()
    if len(small) != len(large) and not _extends(small, large):
        return f"they have {len(small)} and {len(large)} tokens"
    shared = min(max(small.values()), max(large.values()))
    for token, number in sorted(small.items(), key=lambda item: item[1]):
        if number <= shared and large.get(token) != number:
            other = f"id {large[token]}" if token in large else "missing"
            return f"token {token!r} has id {number} in the one and is {other} in the other"
    if slm.eos_token_id != llm.eos_token_id:
        return f"the end of sequence is {slm.eos_token!r} in the one and {llm.eos_token!r} in the other"
    if _merges(slm) != _merges(llm):
        return "the tokens are the same, their merges differ"
    small_ids, large_ids = (t.encode(_PROBE, add_special_tokens=False) for t in (slm, llm))
    if small_ids != large_ids:
        return f"they cut the text {_PROBE!r} into different tokens"
    return None


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 of the tokens in the order of their ids."""
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return hashlib.sha256(canonical(tokens).encode()).hexdigest()


def _extends(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether the larger vocabulary begins with the smaller one."""
    fewer, more = sorted((one, other), key=len)
    return len(fewer) == max(fewer.values()) + 1 and all(
        token in fewer or number >= len(fewer) for token, number in more.items()
    )


def _merges(tokenizer: PreTrainedTokenizerBase) -> Any:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return None if backend is None else json.loads(backend.to_str())["model"].get("merges")
