"""Which prompts a pair of models can be given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.prompts.prompt import PromptError, PromptText
from traces.format.manifest import Prompt as RecordedPrompt


def fitting(
    prompts: Sequence[PromptText],
    encode: Callable[[PromptText], RecordedPrompt],
    num_tokens: int,
    max_positions: int,
) -> tuple[tuple[RecordedPrompt, ...], list[str]]:
    """Encode prompts, and part those that leave room for the answer from the others.

    Parameters
    ----------
    encode : callable
        Raises `PromptError` for a prompt that has no token, or lacks what is wanted of it.
    num_tokens : int
        Tokens that are to be generated.
    max_positions : int
        Longest sequence that both models take.

    Returns
    -------
    prompts : tuple of traces.manifest.Prompt
    faults : list of str
        One line for each other prompt.
    """
    kept, faults = [], []
    for prompt in prompts:
        try:
            encoded = encode(prompt)
        except PromptError as error:
            faults.append(str(error))
            continue
        needed = len(encoded.tokens) + num_tokens
        if needed > max_positions:
            faults.append(
                f"prompt {prompt.id!r} and {num_tokens} tokens take {needed} positions, "
                f"the models have {max_positions}: use shorter prompts or fewer tokens"
            )
        else:
            kept.append(encoded)
    return tuple(kept), faults
