"""Rows as prompts: the fields that people's files have.

==================  ==============================================  ==========================================
kind                fields                                          prompt
==================  ==============================================  ==========================================
ours, HumanEval     ``prompt``                                      as it is
Alpaca, Dolly       ``instruction``, ``input`` or ``context``       in the template that Alpaca was trained with
self-instruct       ``instruction``, ``instances``                  the same, with the first instance
GSM8K, SQuAD        ``question``, ``context``                       the context and the question
chats, ShareGPT     ``messages`` or ``conversations``               what comes before the first answer
MT-Bench            ``turns``                                       the first turn
==================  ==============================================  ==========================================

A chat model is given an instruction without the template. References are the first answer of a chat, or the first of
`REFERENCES` that is there. ``system`` or ``system_prompt`` is the system message of a chat and the first paragraph of
a text. Null, NaN and empty text count as absent; any other value that is not text is refused, since what a number or
a list would look like as text is not for us to choose. Where a row has fields of two kinds, the later in
`_KINDS` gives way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from models.prompts.fields import (
    Fields,
    complete_text,
    first_of,
    first_text,
    is_absent,
    list_of,
    quoted,
    row_id,
    text_of,
    token_ids,
)
from models.prompts.prompt import Message, PromptError, PromptText

#: Columns that a table of prompts may have its prompts in.
TEXT_FIELDS = ("prompt", "instruction", "question")
LOOKED_FOR = "prompt, instruction, question, messages, conversations or turns"
REFERENCES = ("reference", "output", "response", "answer", "completion", "canonical_solution")
_CONTEXTS = ("input", "context")
#: Fields that belong to a question; a prompt without them is another one.
_BELONGS = (*_CONTEXTS, "passage", "choices", "options")
_ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}

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


def prompt_of(row: object, default_id: str) -> PromptText:
    """A row of a file as a prompt.

    Parameters
    ----------
    row : object
        Text, or a mapping of fields; upper and lower case of their names count as the same.
    default_id : str
        Of a row that has none.

    Raises
    ------
    PromptError
        If it is none; the message says what was looked for.
    """
    if isinstance(row, str):
        return PromptText(default_id, complete_text(row, "prompt"))
    if not isinstance(row, dict):
        raise PromptError(f"expected an object or text, given a {type(row).__name__}")
    fields = {str(name).strip().lower(): value for name, value in row.items()}
    if len(fields) < len(row):
        raise PromptError("two of its fields differ only in upper and lower case")
    for name, kind in _KINDS.items():
        if not is_absent(fields.get(name)):
            return kind(fields, row_id(fields, default_id))
    empty = [name for name in _KINDS if name in fields]
    if empty:
        raise PromptError(f"its {empty[0]} is empty, given {quoted(fields[empty[0]])}")
    names = ", ".join(map(quoted, list(fields)[:12])) or "no field"
    raise PromptError(f"no prompt in it, given {names}, looked for {LOOKED_FOR}")


def _own(fields: Fields, own_id: str) -> PromptText:
    _refuse_left_out(fields, _BELONGS)
    text = complete_text(fields["prompt"], "prompt")
    return PromptText(
        id=own_id,
        prompt=_after_system(fields, text),
        reference=_reference(fields),
        source=text_of(fields, "source"),
        prompt_ids=token_ids(fields, "prompt_ids"),
        reference_ids=token_ids(fields, "reference_ids"),
        messages=_with_system(fields, text),
    )


def _instruction(fields: Fields, own_id: str) -> PromptText:
    _refuse_left_out(fields, [name for name in _BELONGS if name not in _CONTEXTS])
    instruction, reference = complete_text(fields["instruction"], "instruction"), _reference(fields)
    given = first_text(fields, _CONTEXTS)
    if not is_absent(fields.get("instances")):
        instance = first_of(fields["instances"], "instances")
        if not isinstance(instance, dict):
            raise PromptError(f"instances must hold objects, given {quoted(instance)}")
        given, reference = text_of(instance, "input"), text_of(instance, "output")
    template = _ALPACA_WITH_INPUT if given else _ALPACA
    return PromptText(
        id=own_id,
        prompt=_after_system(fields, template.format(instruction=instruction, input=given)),
        reference=reference,
        messages=(*_system(fields), Message("user", f"{instruction}\n\n{given}" if given else instruction)),
    )


def _question(fields: Fields, own_id: str) -> PromptText:
    _refuse_left_out(fields, [name for name in _BELONGS if name not in _CONTEXTS])
    context, question = first_text(fields, _CONTEXTS), complete_text(fields["question"], "question")
    text = f"{context}\n\n{question}" if context else question
    return PromptText(
        id=own_id,
        prompt=_after_system(fields, text),
        reference=_reference(fields),
        messages=_with_system(fields, text),
    )


def _turns(fields: Fields, own_id: str) -> PromptText:
    text = complete_text(first_of(fields["turns"], "turns"), "turns")
    reference = fields.get("reference")
    if isinstance(reference, list):
        fields = {**fields, "reference": reference[0] if reference else None}
    return PromptText(
        id=own_id,
        prompt=_after_system(fields, text),
        reference=_reference(fields),
        messages=_with_system(fields, text),
    )


def _chat(fields: Fields, own_id: str) -> PromptText:
    name = "messages" if not is_absent(fields.get("messages")) else "conversations"
    asked, answer = list(_system(fields)), None
    for message in list_of(fields[name], name):
        role, content = _message(message, name)
        if content is None:
            continue
        if role == "assistant":
            answer = content
            break
        asked.append(Message(role, content))
    roles = [message.role for message in asked]
    if "user" not in roles:
        raise PromptError(
            f"{name} must begin with what a user says, given roles {', '.join(roles) or 'assistant'}"
        )
    if "system" in roles[1:]:
        raise PromptError(f"{name} has a system message that is not the only one and the first")
    text = text_of(fields, "prompt") or "\n\n".join(message.content for message in asked)
    return PromptText(own_id, text, answer or _reference(fields), messages=tuple(asked))


#: What is looked for, in this order; the first field that is there decides.
_KINDS: Mapping[str, Callable[[Fields, str], PromptText]] = {
    "messages": _chat,
    "conversations": _chat,
    "turns": _turns,
    "prompt": _own,
    "instruction": _instruction,
    "question": _question,
}


def _message(message: object, name: str) -> tuple[str, str | None]:
    """Role and text of a message, in the words of ``messages`` or in those of ShareGPT; only a system's may be empty."""
    if not isinstance(message, dict):
        raise PromptError(f"{name} must hold objects with role and content, given {quoted(message)}")
    role = message.get("role", message.get("from"))
    content = message.get("content", message.get("value"))
    if not isinstance(role, str) or role not in _ROLES:
        raise PromptError(f"{name} has the role {quoted(role)}, allowed: {', '.join(_ROLES)}")
    if role == "system" and is_absent(content):
        return role, None
    return _ROLES[role], complete_text(content, f"content of {role} in {name}")


def _reference(fields: Fields) -> str | None:
    return first_text(fields, REFERENCES)


def _system(fields: Fields) -> tuple[Message, ...]:
    text = first_text(fields, ("system", "system_prompt"))
    return (Message("system", text),) if text else ()


def _with_system(fields: Fields, text: str) -> tuple[Message, ...]:
    """Messages of a text that has a system message; none where the text is all there is."""
    system = _system(fields)
    return (*system, Message("user", text)) if system else ()


def _after_system(fields: Fields, text: str) -> str:
    return "\n\n".join([*(message.content for message in _system(fields)), text])


def _refuse_left_out(fields: Fields, names: Sequence[str]) -> None:
    for name in names:
        if not is_absent(fields.get(name)):
            raise PromptError(f"its {name} would be left out of the prompt: write it into the text")
