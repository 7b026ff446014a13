"""What a prompt is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


class PromptError(ValueError):
    """A prompt, or a file of prompts, that can't be used; the message names the file and the line or row."""


@dataclass(frozen=True)
class Message:
    """One message of a chat.

    Attributes
    ----------
    role : {'system', 'user'}
    content : str
    """

    role: str
    content: str


@dataclass(frozen=True)
class PromptText:
    """One prompt, with what a good answer looks like where that is known.

    Attributes
    ----------
    id : str
        Unique in its file. Of a cut prompt: source file and line, counted below the licence header.
    prompt : str
        As a model without a chat template is given it.
    reference : str, optional
        Reference answer.
    source : str, optional
        Where it was cut from.
    prompt_ids, reference_ids : [num_tokens], int, optional
        The same as token ids of the tokenizer that it was cut with: encoding a text that ends
        in the middle of a word again may give others.
    messages : tuple of Message
        As a model with a chat template is given it; none: `prompt` is the user's only message.
    """

    id: str
    prompt: str
    reference: str | None = None
    source: str | None = None
    prompt_ids: tuple[int, ...] | None = None
    reference_ids: tuple[int, ...] | None = None
    messages: tuple[Message, ...] = ()

    def chat(self, system: str | None = None) -> list[dict[str, str]]:
        """Messages in the form that chat templates take.

        Parameters
        ----------
        system : str, optional
            Put first where the prompt has no system message of its own.

        Examples
        --------
        >>> PromptText("0", "Sing.").chat(system="Be brief.")
        [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Sing.'}]
        """
        messages = list(self.messages) or [Message("user", self.prompt)]
        if system and messages[0].role != "system":
            messages.insert(0, Message("system", system))
        return [asdict(message) for message in messages]


def write_prompts(prompts: Sequence[PromptText], path: Path) -> None:
    """Write prompts as JSON lines that `read_prompts` reads back."""
    rows = (
        {key: value for key, value in asdict(prompt).items() if value not in (None, ())} for prompt in prompts
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
