"""YAML 1.2 as plain data, with the line of every key, every fault said, and nothing executed."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from netsim.errors import Fault, InputError, beside, quote
from traces.format.sealed import read_regular

KeyPath = tuple[str | int, ...]

MAX_BYTES = 4 * 2**20
"""A scenario of a hundred thousand keys and values is smaller."""
MAX_DEPTH = 32
"""Levels of nesting; a scenario uses six. Also stops an alias that contains itself."""
MAX_NODES = 100_000
"""Keys and values after aliases are followed, so that aliases of aliases can't fill the memory."""

_TAG = "tag:yaml.org,2002:"


def spell(path: KeyPath) -> str:
    """Spell a path of keys and list positions.

    Examples
    --------
    >>> spell(("sweep", "policy", 2, "threshold"))
    'sweep.policy[2].threshold'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


@dataclass
class Document:
    """Plain data and where each part of it stands.

    Parameters
    ----------
    data : dict, list or scalar
        The document's content.
    lines : dict of path to int
        The line of each key and list item, from 1.
    faults : list of Fault
        What is wrong with single keys and values: duplicates, tags.
    """

    data: Any
    lines: dict[KeyPath, int]
    faults: list[Fault]


def read_yaml(path: Path, source: str) -> Document:
    """Read a YAML file.

    Parameters
    ----------
    path : Path
        The file.
    source : str
        Its name in messages.

    Raises
    ------
    InputError
        Missing, unreadable, not UTF-8 or not YAML 1.2, too large or too deep.
    """
    try:
        raw = read_regular(path, MAX_BYTES)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(
            [Fault(source, "", f"can't be read: {reason}, allowed: a YAML file{beside(path)}")]
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        given = f"byte 0x{raw[error.start]:02x}"
        raise InputError([Fault(source, "", f"not text, given {given}, allowed: UTF-8", line)]) from None
    return parse_yaml(text, source)


def parse_yaml(text: str, source: str) -> Document:
    r"""Parse one YAML 1.2 document; see `read_yaml`.

    Examples
    --------
    >>> parse_yaml("a: 1e6\nb: no", "here").data
    {'a': 1000000.0, 'b': 'no'}
    """
    directive = re.search(r"^%YAML[ \t]+(?!1\.2\b)(\S*)", text, re.MULTILINE)
    if directive:
        line = text.count("\n", 0, directive.start()) + 1
        fault = Fault(source, "", f"wrong YAML version, given {directive[1]}, allowed: 1.2", line)
        raise InputError([fault])
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        raise InputError([_syntax_fault(error, source)]) from None
    except YAMLError as error:
        raise InputError([Fault(source, "", f"not YAML: {str(error).splitlines()[0]}")]) from None
    except RecursionError:
        raise InputError([_too_deep(source, None)]) from None
    builder = _Builder(yaml, source)
    data = None if root is None else builder.build(root, ())
    return Document(data, builder.lines, builder.faults)


def _syntax_fault(error: MarkedYAMLError, source: str) -> Fault:
    problem = error.problem or "unreadable"
    if "'\\t'" in problem:
        problem = "a tab, allowed: indentation by spaces"
    mark = error.problem_mark
    return Fault(source, "", f"not YAML: {problem}", None if mark is None else mark.line + 1)


def _too_deep(source: str, line: int | None) -> Fault:
    return Fault(source, "", f"nested too deeply, allowed: at most {MAX_DEPTH} levels", line)


def dump_yaml(data: dict[str, Any]) -> str:
    """Write plain data as YAML that `parse_yaml` reads back equal (tuples come back as lists).

    Examples
    --------
    >>> print(dump_yaml({"rate_bps": float("inf"), "seeds": (1, 2)}), end="")
    rate_bps: .inf
    seeds:
    - 1
    - 2
    """
    yaml = YAML()
    yaml.width = 1_000_000  # never fold a long line
    yaml.representer.ignore_aliases = lambda _: True
    yaml.representer.add_representer(
        tuple, lambda representer, items: representer.represent_list(list(items))
    )
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


class _Builder:
    """Turns the nodes of one document into plain data, noting lines and faults."""

    def __init__(self, yaml: YAML, source: str) -> None:
        self.source = source
        self.faults: list[Fault] = []
        self.lines: dict[KeyPath, int] = {}
        self._constructor = yaml.constructor
        self._nodes = 0

    def build(self, node: Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self._nodes += 1
        if self._nodes > MAX_NODES:
            text = f"too large, allowed: at most {MAX_NODES} keys and values, those behind aliases included"
            raise InputError([Fault(self.source, "", text, line)])
        if len(path) > MAX_DEPTH:
            raise InputError([_too_deep(self.source, line)])
        self.lines.setdefault(path, line)
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self._fault(path, "a key that is not a word, allowed: plain keys", line)
                continue
            key = str(key_node.value)
            if key in content:
                first = self.lines[(*path, key)]
                text = f"duplicate key, given again after line {first}, allowed: each key once"
                self._fault((*path, key), text, line)
                continue
            self.lines[(*path, key)] = line
            content[key] = self.build(value_node, (*path, key))
        return content

    def _scalar(self, node: Node, path: KeyPath) -> Any:
        tag, text = str(node.tag), str(node.value)
        line = node.start_mark.line + 1
        kind = tag.removeprefix(_TAG)
        try:
            if kind == "null":
                return None
            if kind in ("bool", "int", "float"):
                return getattr(self._constructor, f"construct_yaml_{kind}")(node)
        except (ValueError, KeyError, IndexError):
            self._fault(path, f"not of the type {kind}, given {quote(text)}", line)
            return None
        # 'merge', 'value' and 'timestamp' are plain words in YAML 1.2's core schema.
        if any("\ud800" <= char <= "\udfff" for char in text):
            self._fault(
                path, f"half of a surrogate pair, given {quote(text)}, allowed: whole characters", line
            )
        if kind not in ("str", "merge", "value", "timestamp"):
            self._fault(path, f"unknown tag, given {quote(tag)}, allowed: values without a tag", line)
        return text

    def _fault(self, path: KeyPath, text: str, line: int) -> None:
        self.faults.append(Fault(self.source, spell(path), text, line))
