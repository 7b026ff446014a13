"""The text of the built-in pair: Python source that an installed dependency carries.

Templated code is what makes a useful pair of models: most tokens are nearly certain, and on
those the larger model is more certain than the smaller one. The text itself is not shipped;
anyone who installs the extra ``models`` has it on disk.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "transformers"
#: Of 25 files, one is held out; of the held-out files, every other one is for calibration.
HELD_OUT_OF = 25


@dataclass(frozen=True)
class SourceFile:
    """One file of the text: its place below the package, its text, and its part of the split."""

    name: str
    text: str
    part: str


def package_version() -> str:
    """Version of the package whose source is the text."""
    return importlib.metadata.version(PACKAGE)


def strip_header(text: str) -> str:
    r"""Drop the comment block (licence, "do not edit") that a file begins with.

    >>> strip_header("# Copyright\n#\n\nimport math\n# kept\n")
    'import math\n# kept\n'
    """
    lines = text.splitlines(keepends=True)
    first = 0
    while first < len(lines) and (not lines[first].strip() or lines[first].lstrip().startswith("#")):
        first += 1
    return "".join(lines[first:])


def part_of(name: str) -> str:
    """Part of the split a file belongs to, from its name alone: stable when files are added."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    if number % HELD_OUT_OF:
        return "train"
    return "calibration" if (number // HELD_OUT_OF) % 2 else "evaluation"


def source_files(root: Path | None = None) -> Iterator[SourceFile]:
    """Yield the files of the text in the order of their names, exact duplicates dropped.

    Parameters
    ----------
    root : Path, optional
        Folder of model sources. Default: ``models/`` of the installed ``transformers``,
        found without importing it.

    Raises
    ------
    FileNotFoundError
        If the package is not installed.
    """
    if root is None:
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError(f"{PACKAGE} is not installed: pip install -e '.[models]'")
        root = Path(next(iter(spec.submodule_search_locations))) / "models"
    seen = set()
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        if path.name.startswith("convert_") or path.name == "__init__.py":
            continue
        text = strip_header(path.read_text(encoding="utf-8"))
        digest = hashlib.sha256(text.encode()).digest()
        if digest in seen or not text:
            continue
        seen.add(digest)
        name = path.relative_to(root).as_posix()
        yield SourceFile(name, text, part_of(name))
