"""Files that are read whole: regular ones only, and JSON that carries the digest of its content."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path
from typing import Any

#: Key of the digest; a file of an earlier version, or one written by hand, lacks it.
DIGEST = "digest"
#: Larger files of JSON are refused unread: a manifest of 10 000 prompts has some 20 MB.
MAX_JSON_BYTES = 256 * 2**20


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON value's canonical text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def read_regular(path: Path, most_bytes: int = MAX_JSON_BYTES) -> bytes:
    """Content of a regular file: a pipe would be waited for, a device would never end.

    Raises
    ------
    OSError
        Missing, unreadable, not a regular file, or larger than ``most_bytes``.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    size = path.stat().st_size
    if size > most_bytes:
        raise OSError(errno.EFBIG, f"{size} bytes, at most {most_bytes} are read", str(path))
    return path.read_bytes()


def read_json(path: Path) -> Any:
    """Content of a JSON file, less its digest, which has to be that of the rest where it is there.

    Raises
    ------
    OSError
        As `read_regular`.
    ValueError
        Not JSON, damaged, or with text that no file can hold.
    """
    try:
        content = json.loads(read_regular(path).decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(content, dict):
        return content
    given = content.pop(DIGEST, None)
    try:
        digest = digest_of(content)
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is no text") from None
    if given is not None and given != digest:
        raise ValueError(f"its {DIGEST} is not that of its content (take it out of a file that you changed)")
    return content


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The content with its digest, as it is to be written."""
    # As it will be read back: numbers of numpy, tuples and the like have become plain.
    plain = json.loads(json.dumps(content))
    return {**plain, DIGEST: digest_of(plain)}
