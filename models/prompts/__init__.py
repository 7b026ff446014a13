"""Prompts: read from files of the kinds that people have, or cut from the held-out text of the built-in pair.

`files` turns a file into rows, `shapes` a row into a prompt, `read` does both and says which rows can't be used.
``python -m models.prompts.built_in`` writes the prompts of the built-in pair.
"""

from __future__ import annotations

from models.prompts.fit import fitting
from models.prompts.prompt import Message, PromptError, PromptText, write_prompts
from models.prompts.read import load_prompts, read_prompts

__all__ = ["Message", "PromptError", "PromptText", "fitting", "load_prompts", "read_prompts", "write_prompts"]
