"""Prompts that leave the models room for the answer."""

from __future__ import annotations

from models.prompts import PromptError, PromptText, fitting
from traces.format.manifest import Prompt as RecordedPrompt


def encode(prompt: PromptText) -> RecordedPrompt:
    if not prompt.prompt:
        raise PromptError(f"prompt {prompt.id!r} is empty")
    return RecordedPrompt(id=prompt.id, tokens=tuple(map(ord, prompt.prompt)), text=prompt.prompt)


def test_empty_and_too_long_prompts_are_parted_from_the_others() -> None:
    prompts = [PromptText(str(count), "x" * count) for count in (0, 5, 6, 7)]
    kept, faults = fitting(prompts, encode, num_tokens=4, max_positions=10)
    assert [(prompt.id, len(prompt.tokens)) for prompt in kept] == [("5", 5), ("6", 6)]
    assert [fault[:11] for fault in faults] == ["prompt '0' ", "prompt '7' "]
    assert "take 11 positions, the models have 10" in faults[1]
