"""Finished chunks on disk: one Parquet file each, named by its cells and by the SHA-256 of its bytes.

The name is the checksum: a chunk that has changed on disk is found out before a row of it is believed.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from netsim.results.columns import COLUMNS
from netsim.results.prompt_sums import DECIDED_SUMS, SUMS
from traces.format.manifest import replace_file

_TYPES = {int: pa.int64(), float: pa.float64(), str: pa.string()}
#: Columns of a row.
ROW = [(column.name, _TYPES[column.type]) for column in COLUMNS]
#: Sums of the prompts as a chunk has them: those that differ from row to row, and those that are decided. A list holds all
#: prompts of the first sum, then of the next; a list that is null is that of the row before.
OWN_SUMS = tuple(name for name in SUMS if name not in DECIDED_SUMS)
OWN, DECIDED = (f"prompts: {', '.join(names)}" for names in (OWN_SUMS, DECIDED_SUMS))
#: A chunk's columns: the point's digest, those of a row, and the sums of every prompt.
SCHEMA = pa.schema(
    [("point", pa.string()), *ROW, (OWN, pa.list_(pa.float64())), (DECIDED, pa.list_(pa.float64()))]
)
#: Columns of few different values, written as a dictionary and the places in it; of others that would be in vain.
_FEW_VALUES = ["point", *(name for name, of in ROW if of == pa.string())]

_NAME = re.compile(r"[0-9a-f]{32}\.([0-9a-f]{64})\.parquet")
#: What a process that was killed while it wrote leaves behind; see `replace_file`.
_PARTIAL = re.compile(rf"({_NAME.pattern}|scenario\.yaml)\.\d+\.partial")


class ChunkWarning(UserWarning):
    """Something in the folder of chunks that is not used."""


class DamagedChunkError(RuntimeError):
    """A chunk that changed on disk after this process had checked it."""


class OtherColumnsError(RuntimeError):
    """A chunk whose bytes are right, and whose columns are not those of this version."""


class ChunkFiles:
    """The chunks in one folder, which is made if it is not there.

    Warns with `ChunkWarning` of every chunk that is damaged, and removes it: its cells are computed again. What is
    no chunk of this version is left alone, and said.

    Attributes
    ----------
    done : dict of point digest to set of int. Seeds whose rows are stored.
    """

    def __init__(self, folder: Path, keep: Collection[str] = ()) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.done: dict[str, set[int]] = {}
        self._paths: list[Path] = []
        for path in sorted(folder.iterdir()):
            if path.name not in keep:
                self._find(path)

    def _find(self, path: Path) -> None:
        if _PARTIAL.fullmatch(path.name) and path.is_file():
            path.unlink()
        elif not _NAME.fullmatch(path.name) or not path.is_file():
            _warn(path, "not a chunk that this version of netsim wrote, left alone")
        else:
            try:
                cells = _read(path, ["point", "seed"])
            except OtherColumnsError:
                _warn(path, "has the columns of another version of netsim, left alone")
            except DamagedChunkError:
                path.unlink()
                _warn(path, "damaged, its cells are computed again")
            else:
                self._note(path, cells)

    def _note(self, path: Path, cells: pa.Table) -> None:
        self._paths.append(path)
        for point, seed in zip(cells["point"].to_pylist(), cells["seed"].to_pylist(), strict=True):
            self.done.setdefault(point, set()).add(seed)

    def forget(self) -> None:
        """Remove all chunks."""
        for path in self._paths:
            path.unlink(missing_ok=True)
        self.done.clear()
        self._paths.clear()

    def add(self, name: str, rows: pa.Table) -> None:
        """Store the rows of a chunk, at once and whole; ``rows`` has the columns of ``SCHEMA``."""
        content = io.BytesIO()
        pq.write_table(rows, content, use_dictionary=_FEW_VALUES)
        checksum = hashlib.sha256(content.getvalue()).hexdigest()
        path = self.folder / f"{name}.{checksum}.parquet"
        replace_file(path, content.getvalue())
        self._note(path, rows)

    def tables(self) -> Iterator[pa.Table]:
        """Stored rows, chunk by chunk in no order: each file is read once.

        Raises
        ------
        DamagedChunkError
            If a chunk has changed since it was checked.
        """
        return map(_read, self._paths)


def _read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Rows of a chunk whose bytes are those that its name promises; all columns of them, or some."""
    again = f"{path}: damaged; the same command computes its cells again"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedChunkError(f"{path}: can't be read: {error.strerror}") from None
    named = _NAME.fullmatch(path.name)
    if named is None or hashlib.sha256(content).hexdigest() != named[1]:
        raise DamagedChunkError(again)
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        if not file.schema_arrow.equals(SCHEMA):
            raise OtherColumnsError(f"{path}: has the columns of another version of netsim")
        return file.read(columns)
    except pa.ArrowException:
        raise DamagedChunkError(again) from None


def _warn(path: Path, text: str) -> None:
    warnings.warn(f"{path}: {text}", ChunkWarning, stacklevel=2)
