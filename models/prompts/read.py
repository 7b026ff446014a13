"""Read a file of prompts, and say which of its rows can't be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from models.prompts.files import FileRow, read_rows
from models.prompts.prompt import PromptError, PromptText
from models.prompts.shapes import prompt_of


def read_prompts(path: Path) -> list[PromptText]:
    """Read a file of which every row is a prompt that can be used.

    The format is told from the content, whatever the name: a JSON list, JSON lines, a table with a header (comma,
    semicolon or tab), or text, one prompt a line. `models.prompts.shapes` says which fields make a prompt.

    Raises
    ------
    PromptError
        If the file can't be read, a row is no prompt, two share an id, or there is none.
    """
    prompts, faults = load_prompts(path)
    if faults:
        more = f" (and {len(faults) - 1} more rows)" if len(faults) > 1 else ""
        raise PromptError(f"{faults[0]}{more}")
    return prompts


def load_prompts(path: Path) -> tuple[list[PromptText], list[str]]:
    """Read the prompts of a file, and one line about each row that is none.

    A row without an id gets its number in the file, from 0, bad rows counted.

    Raises
    ------
    PromptError
        If the file can't be read, or no row is left.
    """
    prompts: dict[str, PromptText] = {}
    places: dict[str, str] = {}
    faults = []
    for number, row in enumerate(read_rows(path)):
        try:
            prompt = _usable(row, str(number), places)
        except PromptError as error:
            faults.append(f"{row.place}: {error}")
        else:
            prompts[prompt.id] = prompt
            places[prompt.id] = row.place
    if not prompts:
        raise PromptError(faults[0] if len(faults) == 1 else f"{path}: holds no prompt" + _first(faults))
    return list(prompts.values()), faults


def _usable(row: FileRow, default_id: str, places: Mapping[str, str]) -> PromptText:
    """The prompt of a row, if its id is none of those that ``places`` has seen."""
    if row.fault:
        raise PromptError(row.fault)
    prompt = prompt_of(row.value, default_id)
    if prompt.id in places:
        number = " (its number in the file, for want of one)" if prompt.id == default_id else ""
        raise PromptError(f"its id {prompt.id!r}{number} is also that of {places[prompt.id]}")
    return prompt


def _first(faults: list[str]) -> str:
    return f"; {len(faults)} rows can't be used, the first: {faults[0]}" if faults else ""
