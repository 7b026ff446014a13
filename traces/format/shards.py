"""Shards: the tree of one prompt under one token seed as a safetensors file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from traces.format.manifest import MeasureSpec, Shard, TraceError, replace_file
from traces.format.nodes import NodeTable, columns

_PER_NODE = [
    "slm_sampling", "llm_sampling", "slm_unit", "llm_unit", "slm_entropy", "llm_entropy",
]  # fmt: skip

_LOGITS = ["slm_logit", "llm_logit"]
#: More than the names, types and shapes of the tensors take.
MAX_HEADER_BYTES = 2**14


def shard_name(prompt: int, token_seed: int, num_policies: int = 0) -> str:
    """File name of a group: another one when the paths of further policies are added.

    >>> shard_name(3, 0), shard_name(3, 0, 24)
    ('p00003-s00000.safetensors', 'p00003-s00000-24.safetensors')
    """
    policies = f"-{num_policies}" if num_policies else ""
    return f"p{prompt:05d}-s{token_seed:05d}{policies}.safetensors"


def id_type(vocabulary_size: int) -> type[np.uint16 | np.int32]:
    """Smallest stored type of a token id."""
    return np.uint16 if vocabulary_size <= 2**16 else np.int32


def write_shard(
    folder: Path,
    prompt: int,
    token_seed: int,
    table: NodeTable,
    vocabulary_size: int,
    file: str | None = None,
) -> Shard:
    """Write one group's nodes; a reader never sees a part of the file. ``file`` defaults to ``shard_name``."""
    tensors: dict[str, NDArray[Any]] = {name: getattr(table, name) for name in columns() if name != "offsets"}
    if np.isnan(table.score).all():
        del tensors["score"]
    for name in _LOGITS:
        tensors[name] = tensors[name].astype(np.float16)
    tensors["ids"] = table.ids.astype(id_type(vocabulary_size))
    tensors["count"] = np.diff(table.offsets).astype(np.int32)
    content = save(tensors)
    file = file or shard_name(prompt, token_seed)
    replace_file(folder / file, content)
    return Shard(
        file=file,
        prompt=prompt,
        token_seed=token_seed,
        num_nodes=table.num_nodes,
        num_entries=len(table.ids),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def read_shard(folder: Path, shard: Shard, vocabulary_size: int, measure: MeasureSpec) -> NodeTable:
    """Read one group's nodes, checked against the manifest and for sense.

    Raises
    ------
    TraceError
        Missing, damaged (its bytes differ from those recorded), or not what the manifest says.
    """
    path = folder / shard.file
    content = _read(path, _most_bytes(shard, vocabulary_size, measure))
    if hashlib.sha256(content).hexdigest() != shard.sha256:
        raise TraceError(f"{path}: damaged or of another recording: its digest is not that of trace.json")
    try:
        tensors = load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise TraceError(f"{path}: damaged: not safetensors ({error})") from None
    return _checked(path, tensors, shard, vocabulary_size, measure)


def _read(path: Path, most_bytes: int) -> bytes:
    """Content of a regular file that is no larger than it may be: a link to a device would never end."""
    if not path.is_file():
        raise TraceError(f"{path}: missing, or not a file")
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise TraceError(f"{path}: damaged: {size} bytes, trace.json allows {most_bytes}")
        return path.read_bytes()
    except OSError as error:
        raise TraceError(f"{path}: unreadable ({error.strerror})") from None


def _most_bytes(shard: Shard, vocabulary_size: int, measure: MeasureSpec) -> int:
    per_node = 4 * (3 + measure.theta_points + len(_PER_NODE) + 1)
    per_entry = np.dtype(id_type(vocabulary_size)).itemsize + 2 * len(_LOGITS)
    return shard.num_nodes * per_node + shard.num_entries * per_entry + MAX_HEADER_BYTES


def _checked(
    path: Path, tensors: dict[str, NDArray[Any]], shard: Shard, vocabulary_size: int, measure: MeasureSpec
) -> NodeTable:
    nodes, entries = (shard.num_nodes,), (shard.num_entries,)
    expected: dict[str, tuple[tuple[int, ...], type[Any]]] = {
        "parent": (nodes, np.int32),
        "token": (nodes, np.int32),
        "count": (nodes, np.int32),
        "ids": (entries, id_type(vocabulary_size)),
        **dict.fromkeys(_LOGITS, (entries, np.float16)),
        "slm_log_partition": ((*nodes, measure.theta_points), np.float32),
        **dict.fromkeys(_PER_NODE, (nodes, np.float32)),
        **({"score": (nodes, np.float32)} if "score" in tensors else {}),
    }
    if set(tensors) != set(expected):
        odd = ", ".join(sorted(set(tensors) ^ set(expected)))
        raise TraceError(f"{path}: tensors missing or unknown: {odd}")
    for name, (shape, kind) in expected.items():
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != kind:
            raise TraceError(
                f"{path}: {name}: {tensor.dtype} {list(tensor.shape)}, expected {np.dtype(kind)} {list(shape)}"
            )
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise TraceError(f"{path}: {name}: a value is not finite")
    count = tensors.pop("count").astype(np.int64)
    if (count < 1).any() or count.sum() != shard.num_entries:
        raise TraceError(f"{path}: count: does not add up to the entries")
    # Memory holds what compiled code can read: it knows no float16.
    tensors |= {name: tensors[name].astype(np.float32) for name in _LOGITS}
    tensors.setdefault("score", np.full(nodes, np.nan, np.float32))
    tensors |= {"ids": tensors["ids"].astype(np.int32), "offsets": np.concatenate([[0], np.cumsum(count)])}
    table = NodeTable(**tensors)
    _check_tree(path, table, vocabulary_size)
    return table


def _check_tree(path: Path, table: NodeTable, vocabulary_size: int) -> None:
    """Refuse what a walk could trip over: forward parents, ids out of order or range, positive logits."""
    index = np.arange(table.num_nodes)
    if table.parent[0] != -1 or (table.parent[1:] < 0).any() or (table.parent >= index).any():
        raise TraceError(f"{path}: parent: not a tree whose nodes follow their parents")
    if (table.token[1:] < 0).any() or (table.token >= vocabulary_size).any():
        raise TraceError(f"{path}: token: outside the vocabulary")
    ascending = np.diff(table.ids) > 0
    ascending[table.offsets[1:-1] - 1] = True
    if not ascending.all() or (table.ids >= vocabulary_size).any() or (table.ids < 0).any():
        raise TraceError(f"{path}: ids: not ascending token ids of the vocabulary")
    for name in _LOGITS:
        # Either model's likeliest token is in its nucleus: without it a node may have no mass at all.
        if (np.maximum.reduceat(getattr(table, name), table.offsets[:-1]) != 0).any():
            raise TraceError(f"{path}: {name}: a node's largest shifted logit is not 0")
    largest = np.log(vocabulary_size) + 1e-5  # float32 of a sum of at most that many ones
    for name in ("slm_sampling", "llm_sampling", "slm_unit", "llm_unit"):
        if (getattr(table, name) < 0).any() or (getattr(table, name) > largest).any():
            raise TraceError(f"{path}: {name}: outside 0 to log {vocabulary_size}")
