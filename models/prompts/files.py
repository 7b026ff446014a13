"""Files of prompts as rows: JSON, JSON lines, tables with a header, and plain text, told apart by their content."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from models.prompts.prompt import PromptError
from models.prompts.shapes import LOOKED_FOR, TEXT_FIELDS

#: A mark at the start of a file, and the encoding it stands for; the longer one first.
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Tab first: in a table of one column a comma is then part of the text.
_DELIMITERS = "\t,;"
_COLUMN_NAME = re.compile(r"[\w.-]*")


@dataclass(frozen=True)
class FileRow:
    """One row of a file.

    Attributes
    ----------
    place : str
        ``file:line``, or ``file: row n`` in a JSON list, both from 1.
    value : object
        Text, or whatever JSON holds.
    fault : str
        Why there is no value.
    """

    place: str
    value: Any = None
    fault: str = ""


def read_rows(path: Path) -> list[FileRow]:
    """Rows of a file, in order; empty lines are passed over.

    Raises
    ------
    PromptError
        If the file can't be read, or its content is of no kind or of two.
    """
    text = _text(path)
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return _json_rows(text, path)
    names, delimiter = _header(text)
    if names:
        return list(_table_rows(text, names, delimiter, path))
    if path.suffix.lower() in (".csv", ".tsv") and start:
        raise PromptError(
            f"{path}:1: the first line must name the columns, given {text.splitlines()[0][:60]!r}, "
            f"looked for one of: {', '.join(TEXT_FIELDS)}"
        )
    return _lines(text, path)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        encoding = "utf-8"
        for mark, name in _MARKS:
            if content.startswith(mark):
                encoding = name
        text = content.decode(encoding).removeprefix("\ufeff")
    except OSError as error:
        raise PromptError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PromptError(f"{path}: not UTF-8 text (byte {error.start}): convert it first") from error
    if "\0" in text:
        raise PromptError(f"{path}: not text: it holds a zero byte")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _numbered(text: str) -> list[tuple[int, str]]:
    # Not splitlines: a JSON string may hold U+2028, which splitlines would cut at.
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _json_rows(text: str, path: Path) -> list[FileRow]:
    lines = _numbered(text)
    try:
        whole = _parse(text)
    except json.JSONDecodeError as error:
        if not _is_json_lines([line for _, line in lines]):
            raise PromptError(
                f"{path}:{error.lineno}: not JSON: {error.msg} (column {error.colno}); "
                "text whose first line begins with a bracket has to come as a JSON list"
            ) from error
        return [_json_line(line, f"{path}:{number}") for number, line in lines]
    except (ValueError, RecursionError) as error:
        raise PromptError(f"{path}: not JSON: {error}") from error
    if isinstance(whole, dict):
        return [FileRow(f"{path}:{lines[0][0]}", whole)]
    return [FileRow(f"{path}: row {number}", value) for number, value in enumerate(whole, 1)]


def _is_json_lines(lines: Sequence[str]) -> bool:
    """Whether a file that begins with a bracket holds one object a line, some perhaps damaged."""
    if all(line.lstrip().startswith("{") for line in lines):
        return True
    try:
        return isinstance(_parse(lines[0]), dict)
    except (ValueError, RecursionError):
        return False


def _json_line(line: str, place: str) -> FileRow:
    try:
        return FileRow(place, _parse(line))
    except (ValueError, RecursionError) as error:
        return FileRow(place, fault=f"not JSON: {error}")


def _parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(
            f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice in one object"
        )
    return found


def _header(text: str) -> tuple[list[str], str]:
    """Column names of a table that has a column of prompts, and what parts them; none: not a table."""
    first = text.lstrip("\n").split("\n", 1)[0]
    for delimiter in _DELIMITERS:
        names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        known = {name.lower() for name in names} & set(TEXT_FIELDS)
        if known and all(_COLUMN_NAME.fullmatch(name) for name in names):
            return names, delimiter
    return [], ""


def _table_rows(text: str, names: Sequence[str], delimiter: str, path: Path) -> Iterator[FileRow]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line, header = 1, True
    try:
        for cells in reader:
            place, line = f"{path}:{line}", reader.line_num + 1
            if header or not cells:
                header = header and not cells
            elif len(cells) != len(names):
                yield FileRow(
                    place, fault=f"has {len(cells)} cells, the first line names {len(names)} columns"
                )
            else:
                yield FileRow(place, {name: cell for name, cell in zip(names, cells, strict=True) if name})
    except csv.Error as error:
        raise PromptError(f"{path}:{line}: not a table: {error} (is a quotation mark unclosed?)") from error


def _lines(text: str, path: Path) -> list[FileRow]:
    rows = []
    for number, line in _numbered(text):
        if line.lstrip().startswith("{") and isinstance(_json_line(line, "").value, dict):
            raise PromptError(
                f"{path}:{number}: an object of JSON in a file whose first line is not one: "
                f"remove what stands above it, or give a table or JSON with {LOOKED_FOR}"
            )
        rows.append(FileRow(f"{path}:{number}", line))
    return rows
