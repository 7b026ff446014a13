"""Values of a row's fields, checked: text, lists, ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.prompts.prompt import PromptError

#: A row, its names in lower case.
Fields = Mapping[str, Any]

_IDS = ("id", "task_id", "question_id", "prompt_id")


def complete_text(value: object, name: str) -> str:
    """Text that has to be there."""
    text = _checked_text(value, name)
    if text is None:
        raise PromptError(f"its {name} is empty, given {quoted(value)}")
    return text


def text_of(fields: Fields, name: str) -> str | None:
    """Text of a field; None where it is absent."""
    return _checked_text(fields.get(name), name)


def _checked_text(value: object, name: str) -> str | None:
    if is_absent(value):
        return None
    if not isinstance(value, str):
        raise PromptError(f"{name} must be text, given {quoted(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PromptError(
            f"{name} holds half of a pair of surrogates, which is not text: {quoted(value)}"
        ) from None
    return value


def is_absent(value: object) -> bool:
    """Null, NaN (which is not itself), empty text, or an empty list."""
    return value is None or value != value or value == [] or (isinstance(value, str) and not value.strip())  # noqa: PLR0124  (NaN)


def first_text(fields: Fields, names: Sequence[str]) -> str | None:
    """The first of some fields that is there."""
    texts = (text_of(fields, name) for name in names)
    return next((text for text in texts if text is not None), None)


def list_of(value: object, name: str) -> list[Any]:
    """A list that has to be one."""
    if not isinstance(value, list):
        raise PromptError(f"{name} must be a list, given {quoted(value)}")
    return value


def first_of(value: object, name: str) -> Any:
    """First element of a list that is not empty."""
    return list_of(value, name)[0]


def row_id(fields: Fields, default: str) -> str:
    """Id of a row, by any of its names."""
    for name in _IDS:
        value = fields.get(name)
        if not is_absent(value):
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise PromptError(f"{name} must be text or a whole number, given {quoted(value)}")
            return str(value)
    return default


def token_ids(fields: Fields, name: str) -> tuple[int, ...] | None:
    """Token ids of a field; None where there are none."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(i) is int and i >= 0 for i in value):
        raise PromptError(f"{name} must be a list of token ids >= 0")
    return tuple(value)


def quoted(value: object) -> str:
    """A value for a message, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
