"""Prompts and their references as token ids of a pair's tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from models.prompts import PromptError, PromptText
from traces.format.manifest import ChatSpec
from traces.format.manifest import Prompt as RecordedPrompt


def chat_spec(tokenizer: PreTrainedTokenizerBase, system: str | None) -> ChatSpec:
    """The tokenizer's chat template with a system prompt, None for the template's own.

    Raises `PromptError` if the tokenizer has no template.
    """
    try:
        template = tokenizer.get_chat_template()
    except ValueError:
        raise PromptError("the tokenizer has no chat template: record without --chat") from None
    return ChatSpec(template=template, system=system)


def encode_prompt(
    prompt: PromptText, tokenizer: PreTrainedTokenizerBase, chat: ChatSpec | None = None
) -> list[int]:
    """Token ids of a prompt: its own where they spell its text in this tokenizer, else encoded.

    With ``chat``, its messages in that template, up to where the answer begins.

    Raises `PromptError` if the prompt has no token, or the template refuses it.
    """
    if chat is not None:
        try:
            text = tokenizer.apply_chat_template(
                prompt.chat(chat.system),
                chat_template=chat.template,
                tokenize=False,
                add_generation_prompt=True,
            )
        except Exception as error:  # noqa: BLE001 - a template is a program that may raise anything
            raise PromptError(f"prompt {prompt.id!r}: the chat template refuses it: {error}") from None
        # The template has written the special tokens.
        return list(tokenizer.encode(str(text), add_special_tokens=False))
    ids = list(prompt.prompt_ids or ())
    if not ids or max(ids) >= len(tokenizer) or tokenizer.decode(ids) != prompt.prompt:
        ids = tokenizer.encode(prompt.prompt)
    if not ids:
        raise PromptError(f"prompt {prompt.id!r} is empty: a model needs at least one token to go on from")
    return ids


def encode_reference(prompt: PromptText, tokenizer: PreTrainedTokenizerBase, end: int | None) -> list[int]:
    """Token ids of a prompt's reference: its own where they spell it in this tokenizer, else encoded.

    Parameters
    ----------
    end : int, optional
        End-of-sequence token that closes an encoded answer.

    Raises
    ------
    PromptError
        If the prompt has no reference.
    """
    if not prompt.reference:
        raise PromptError(f"prompt {prompt.id!r} has no reference to follow")
    ids = list(prompt.reference_ids or ())
    if not ids or max(ids) >= len(tokenizer) or tokenizer.decode(ids) != prompt.reference:
        ids = tokenizer.encode(prompt.reference, add_special_tokens=False)
        ids += [] if end is None else [end]
    return ids


def prompts_to_record(
    prompts: Sequence[PromptText],
    tokenizer: PreTrainedTokenizerBase,
    follow: int = 0,
    end: int | None = None,
    chat: ChatSpec | None = None,
) -> tuple[RecordedPrompt, ...]:
    """Prompts as a trace holds them.

    Parameters
    ----------
    follow : int
        Tokens of the reference that a teacher-forced recording follows; 0 in any other.
    end : int, optional
        As in `encode_reference`.
    chat : ChatSpec, optional
        As in `encode_prompt`.
    """
    return tuple(
        RecordedPrompt(
            id=own.id,
            tokens=tuple(encode_prompt(own, tokenizer, chat)),
            text=own.prompt,
            source=own.source or "",
            reference=own.reference or "",
            continuation=tuple(encode_reference(own, tokenizer, end)[:follow]) if follow else (),
        )
        for own in prompts
    )
