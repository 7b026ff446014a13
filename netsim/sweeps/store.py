"""A results folder: finished chunks while a sweep runs, and one table in the sweep's order at its end.

Only the process that holds the folder's lock writes to it. What an earlier sweep left stays until what replaces it
is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from netsim.errors import Fault, InputError
from netsim.scenario import Scenario
from netsim.sweeps.chunk_files import ChunkFiles
from netsim.sweeps.chunks import SweepPoint
from netsim.sweeps.ownership import check_grows
from netsim.sweeps.products import MANIFEST, PRODUCTS, PROMPT_SUMS, RESULTS, SCENARIO, SUMMARY, manifest_text
from traces.format.manifest import replace_file

#: Lock of a results folder, and the sign that a folder is one.
LOCK = ".netsim-lock"
CHUNKS = "chunks"
#: Figures drawn from the results, with the SHA-256 of each: they go when the results change.
FIGURES = ".netsim-figures.json"


@contextmanager
def open_store(folder: Path, scenario: Scenario, *, fresh: bool = False) -> Iterator[Store]:
    """Take a results folder, made if it is not there, for this process alone.

    Parameters
    ----------
    scenario : Scenario. What is to be swept.
    fresh : bool. Forget what is there: its chunks now, its results when the new ones are complete.

    Raises
    ------
    InputError
        Another sweep is writing to it, it holds something else or another scenario's results (and is left
        untouched), or it can't be written.
    """
    if folder.exists() and not folder.is_dir():
        raise _refusal(folder, "not a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / LOCK).exists():
        raise _refusal(folder, "holds other files: name a new folder, or that of an earlier sweep")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise _refusal(folder, "another sweep is writing to it") from None
    except OSError as error:
        raise _refusal(folder, f"can't be written: {error.strerror}") from None
    try:
        if not fresh:
            _check_owner(folder, scenario)
        yield Store(folder, scenario, fresh=fresh)
    finally:
        lock.release()


def _refusal(folder: Path, text: str) -> InputError:
    return InputError([Fault(str(folder), "", text)])


def _check_owner(folder: Path, scenario: Scenario) -> None:
    """Refuse a folder whose chunks or results are another scenario's."""
    for owner in (folder / CHUNKS / SCENARIO, folder / SCENARIO):
        if owner.exists():
            check_grows(folder, owner, scenario)
            return
    if (folder / RESULTS).exists():
        raise _refusal(
            folder, f"holds results, but no {SCENARIO} that says of what: name a new folder, or give --fresh"
        )


class Store:
    """The chunks and products of one results folder; see `open_store`."""

    def __init__(self, folder: Path, scenario: Scenario, *, fresh: bool) -> None:
        self.folder = folder
        self.chunks = ChunkFiles(folder / CHUNKS, keep=(SCENARIO,))
        if fresh:
            self.chunks.forget()
        replace_file(folder / CHUNKS / SCENARIO, scenario.resolved_yaml().encode())

    def write_products(
        self, points: Sequence[SweepPoint], seeds: Sequence[int], scenario: Scenario, facts: Mapping[str, Any]
    ) -> int:
        """Write results and summary in the order of the sweep, the scenario and a manifest; returns the rows written.

        All of them are complete on disk before the first takes its place.
        """
        from netsim.sweeps.tables import write_tables  # noqa: PLC0415  (of no use before there are rows)

        for path in self.folder.glob("*.partial"):
            if path.name.startswith(PRODUCTS):
                path.unlink()
        partial = {name: self.folder / f"{name}.partial" for name in PRODUCTS}
        tables = {name: partial[name] for name in (RESULTS, PROMPT_SUMS, SUMMARY)}
        written = write_tables(self.chunks.tables(), points, seeds, tables)
        digests = {name: _digest(path) for name, path in tables.items()}
        text = scenario.resolved_yaml().encode()
        digests[SCENARIO] = hashlib.sha256(text).hexdigest()
        replace_file(partial[SCENARIO], text)
        replace_file(partial[MANIFEST], manifest_text(facts, digests).encode())
        for path in tables.values():
            _to_disk(path)
        if not _same_content(partial[RESULTS], self.folder / RESULTS):
            _remove_figures(self.folder)
        for name, path in partial.items():
            path.replace(self.folder / name)
        return written


def note_figure(folder: Path, path: Path) -> None:
    """Remember a figure that was drawn from a folder's results into that folder."""
    if path.resolve().parent != folder.resolve() or not (folder / LOCK).exists():
        return
    noted = {**_noted(folder), path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    replace_file(folder / FIGURES, (json.dumps(noted, indent=1, sort_keys=True) + "\n").encode())


def _noted(folder: Path) -> dict[str, str]:
    try:
        noted = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _remove_figures(folder: Path) -> None:
    """Remove the figures of results that are about to change; one that was worked on since is its owner's."""
    for name, digest in _noted(folder).items():
        path = folder / name
        if path.parent == folder and path.is_file() and _digest(path) == digest:
            path.unlink()
    (folder / FIGURES).unlink(missing_ok=True)


def _same_content(one: Path, other: Path) -> bool:
    return other.is_file() and _digest(one) == _digest(other)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(2**20):
            digest.update(part)
    return digest.hexdigest()


def _to_disk(path: Path) -> None:
    """Wait until a file's content would survive a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
