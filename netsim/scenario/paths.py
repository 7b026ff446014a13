"""Files and folders that a scenario names: found beside its file, else in the current folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from netsim.scenario.fields import ReadFile

PROJECT = Path(__file__).resolve().parents[2]
PROJECT_TRACES = PROJECT / "traces"
"""Where a trace named without a path is looked up first."""
BUILT_IN_PROMPTS = PROJECT / "models" / "tiny" / "prompts-evaluation.jsonl"

MOST_CHARACTERS = 1000
"""Of a path; a file system takes 255 in each of its parts, which opening it finds out."""


def _folders(info: ValidationInfo) -> list[Path]:
    """Where a relative path may start: the folder of the scenario file, then the current one."""
    beside: list[Path] = [info.context["folder"]] if info.context else []
    return [*beside, Path.cwd()]


def _find(text: str, info: ValidationInfo) -> Path | None:
    return next((path.resolve() for folder in _folders(info) if exists(path := folder / text)), None)


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; a name too long to be one, or with a zero byte, is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def path_if_there(text: str, info: ValidationInfo) -> str:
    """Make a name absolute where a file of that name exists: otherwise it is a name to look up later."""
    return str(_find(text, info) or text)


def absolute_path(text: str, info: ValidationInfo) -> str:
    """Make a path absolute: the file beside the scenario, else that in the current folder."""
    return str(_find(text, info) or os.path.abspath(_folders(info)[0] / text))  # noqa: PTH100  (no look at the disk)


def known_traces() -> list[str]:
    """Names of the traces that a name alone finds: the project's, and those of a folder ``traces`` in the current one."""
    folders = (PROJECT_TRACES, Path.cwd() / "traces")
    return sorted({path.parent.name for folder in folders for path in folder.glob("*/trace.json")})


def trace_path(name: str, info: ValidationInfo) -> str:
    """Keep the name of one of the project's traces; make any other path absolute.

    A name alone is also looked up in a folder ``traces`` beside the scenario and in the current folder.
    """
    if "/" not in name and exists(PROJECT_TRACES / name):
        return name
    if "/" in name:
        return absolute_path(name, info)
    found = _find(name, info) or _find(f"traces/{name}", info)
    return str(found or name)


PathText = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS, pattern=r"^[^\x00-\x1f]+$")]
#: A file that is not a result's business, such as the prompts of live models.
FilePath = Annotated[PathText, AfterValidator(absolute_path)]
#: A file that decides results.
ResultFile = Annotated[FilePath, ReadFile()]
FolderOrName = Annotated[PathText, AfterValidator(path_if_there)]
