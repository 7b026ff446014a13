"""The files of a finished sweep, each with its digest in the manifest: one that has changed since is refused, not shown."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netsim.errors import Fault, InputError, reason
from traces.format.sealed import read_json, read_regular, sealed

RESULTS, SUMMARY = "results.parquet", "summary.csv"
#: Sums of every prompt: a row per point, seed and prompt.
PROMPT_SUMS = "prompts.parquet"
SCENARIO, MANIFEST = "scenario.yaml", "manifest.json"
#: All of them.
PRODUCTS = (RESULTS, PROMPT_SUMS, SUMMARY, SCENARIO, MANIFEST)
#: Key of the manifest with the SHA-256 of every other file; manifests of earlier versions lack it.
FILES = "files"


def manifest_text(facts: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """Text of a manifest.

    Parameters
    ----------
    facts : mapping. What the results came from.
    digests : mapping of file name to SHA-256.
    """
    return json.dumps(sealed({**facts, FILES: dict(digests)}), indent=2) + "\n"


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a results folder came from; empty where it has no manifest, as rows that were copied elsewhere.

    Raises
    ------
    InputError
        If the manifest is damaged, or none.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise _refusal(path, f"can't be read: {reason(error)}") from None
    if not isinstance(content, dict):
        raise _refusal(path, "not a manifest")
    return content


def read_product(folder: Path, name: str) -> bytes:
    """Content of a file of a results folder, as the sweep wrote it.

    Raises
    ------
    InputError
        If it is missing, not a regular file, or not what the manifest says of it.
    """
    path = folder / name
    if not folder.is_dir():
        raise _refusal(folder, "no such folder" if not folder.exists() else "not a folder")
    if not path.exists():
        raise _refusal(folder, f"not a results folder: there is no {name}")
    try:
        content = read_regular(path, most_bytes=sys.maxsize)
    except OSError as error:
        raise _refusal(path, f"can't be read: {error.strerror}") from None
    files = read_manifest(folder).get(FILES)
    if isinstance(files, dict) and hashlib.sha256(content).hexdigest() != files.get(name):
        text = "not what the sweep wrote: damaged or changed since, the same sweep writes it again"
        raise _refusal(path, text)
    return content


def _refusal(path: Path, text: str) -> InputError:
    return InputError([Fault(str(path), "", text)])
