"""Columns of numbers in a CSV file, as measurement tools and spreadsheets write it, each fault with its line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

#: A series of an hour at 1 ms has some 60 MB.
MAX_BYTES = 256 * 2**20
CONVERT = "commas between columns and points in numbers: sed 's/,/./g; s/;/,/g'"


def read_columns(path: Path, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Read the named columns of a CSV file, row by row.

    Empty lines, and lines that begin with ``#``, are passed over, further columns as well.

    Parameters
    ----------
    path : Path. The file, UTF-8, with a header.
    names : sequence of str. The columns wanted, wherever they stand.

    Yields
    ------
    (str, list of str)
        The row's ``file:line``, and its values in the order of ``names``.

    Raises
    ------
    OSError
        The file can't be read.
    ValueError
        It is no such file; the message begins with ``file:line``.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: not a regular file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path}: {path.stat().st_size} bytes, at most {MAX_BYTES} are read")
    header: list[str] | None = None
    with path.open(newline="", encoding="utf-8-sig") as file:
        for place, row in _rows(path, file):
            if header is None:
                header = [name.strip() for name in row]
                _check_header(place, header, names)
            elif len(row) != len(header):
                raise ValueError(
                    f"{place}: needs {len(header)} values as the header has, got {','.join(row)[:60]!r}"
                )
            else:
                yield place, [row[header.index(name)] for name in names]
    if header is None:
        raise ValueError(f"{path}:1: the header must be {','.join(names)}, got ''")


def _rows(path: Path, file: Iterator[str]) -> Iterator[tuple[str, list[str]]]:
    """Rows with their places; a value does not go on in the next line."""
    number = 0
    try:
        for number, line in enumerate(file, 1):
            if line.strip() and not line.startswith("#"):
                yield f"{path}:{number}", next(csv.reader([line.rstrip("\r\n")], strict=True))
    except csv.Error as error:
        raise ValueError(f"{path}:{number}: not CSV: {error}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}:{number + 1}: not UTF-8 text: {error.reason}") from None


def _check_header(place: str, header: Sequence[str], names: Sequence[str]) -> None:
    if all(header.count(name) == 1 for name in names):
        return
    hint = f"; a file with semicolons needs {CONVERT}" if ";" in ",".join(header) else ""
    raise ValueError(f"{place}: the header must be {','.join(names)}, got {','.join(header)[:60]!r}{hint}")
