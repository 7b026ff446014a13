"""What pydantic found wrong with a scenario, in the words of a `Fault`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import ValidationError

from netsim.errors import Fault, did_you_mean, in_unit, quote
from netsim.scenario.yaml_file import KeyPath, spell


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a scenario's data, not yet with its place in a file.

    Parameters
    ----------
    path : tuple of str and int
        Keys and list positions from the top of the scenario.
    text : str
        What is wrong, what was given, what is allowed.
    kind : str
        ``unknown_key``, ``missing`` or another of the kinds below.
    """

    path: KeyPath
    text: str
    kind: str


def explain(error: ValidationError, data: object) -> list[Finding]:
    """Explain every error of a validation.

    Parameters
    ----------
    error : ValidationError
        From validating ``data`` against a `netsim.scenario.fields.Block`.
    data : object
        What was validated: a path in it leaves out the tags that pydantic adds for the kinds of a block.
    """
    return [_finding(dict(part), data) for part in error.errors(include_url=False)]


def _finding(part: dict[str, Any], data: object) -> Finding:
    kind, context, given = part["type"], part.get("ctx", {}), part["input"]
    path = _path_in(data, part["loc"], keep_last=kind == "missing") + tuple(context.get("path", ()))
    if kind == "unknown_key":
        keys = context["keys"]
        hint = did_you_mean(path[-1], keys) or _meant_below(path[-1], context["block"])
        text = f"unknown key, given {quote(path[-1])}, allowed: {', '.join(keys)}{hint}"
    elif kind == "missing":
        text = f"missing, allowed: {context['allowed']}" if context.get("allowed") else "missing"
    elif kind == "not_a_block":
        text = (
            f"wrong type, given {quote(given)}, allowed: a block with the keys {', '.join(context['keys'])}"
        )
    elif kind == "choice":
        return _choice_finding(path, given, context, data)
    elif kind == "expected":
        hint = in_unit(given, context["unit"]) or did_you_mean(given, context["words"])
        text = f"{context['wrong']}, given {quote(given)}, allowed: {context['allowed']}{hint}"
    else:
        text = part["msg"] if kind == "said" else f"{part['msg']}, given {quote(given)}"
    return Finding(path, text, kind)


def _meant_below(key: object, block: Any) -> str:
    """The paths that end in a key which stands a block too high, or in the nearest one to it."""
    inside = [
        (name, part)
        for name, field in block.model_fields.items()
        for part in (field.annotation, *get_args(field.annotation))
        if hasattr(part, "model_fields")
    ]
    nearest = difflib.get_close_matches(
        str(key), {key for _, part in inside for key in part.model_fields}, n=1
    )
    found = [f"{name}.{key}" for name, part in inside for key in nearest if key in part.model_fields]
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


def _choice_finding(path: KeyPath, given: Any, choice: dict[str, Any], data: object) -> Finding:
    key = choice["key"]
    if isinstance(given, str):
        given = {key: given}
    if not isinstance(given, dict):
        return Finding(path, f"wrong type, given {quote(given)}, allowed: {choice['form']}", "choice")
    # A word that stands for a block (`fading: rayleigh`) has no key of its own in the file.
    if isinstance(_at(data, path), dict):
        path = (*path, key)
    if key not in given:
        return Finding(path, f"missing, allowed: {choice['allowed']}", "missing")
    word = given[key]
    hint = did_you_mean(word, choice["words"])
    text = f"unknown value, given {quote(word)}, allowed: {choice['allowed']}{hint}"
    return Finding(path, text, "choice")


def _at(data: object, path: KeyPath) -> object:
    for part in path:
        data = data[part]  # type: ignore[index]
    return data


def _path_in(data: object, location: KeyPath, *, keep_last: bool) -> KeyPath:
    path: KeyPath = ()
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if _holds(data, part):
            data = _at(data, (part,))
        elif not (last and keep_last):
            continue
        path += (part,)
    return path


def _holds(data: object, part: str | int) -> bool:
    return (
        part in data if isinstance(data, dict) else isinstance(data, (list, tuple)) and isinstance(part, int)
    )


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """The faults in the order of their lines, the first of each key and line."""
    first: dict[tuple[str, str, int | None], Fault] = {}
    for fault in faults:
        first.setdefault((fault.source, fault.path, fault.line), fault)
    return sorted(first.values(), key=lambda fault: fault.line or 0)


@dataclass
class KeySources:
    """Where each key of a scenario was written: a line of its file, or an option of the command line.

    Parameters
    ----------
    source : str
        The file's name in messages.
    lines : dict of path to int
        From `netsim.scenario.yaml_file.Document`.
    options : dict of path to str
        Keys that an option set, with the option's name.
    """

    source: str
    lines: dict[KeyPath, int]
    options: dict[KeyPath, str] = field(default_factory=dict)

    def set_by(self, option: str, path: KeyPath) -> None:
        """Note that ``option`` gave the value at ``path``, and whatever is below it."""
        for places in (self.lines, self.options):
            for below in [known for known in places if known[: len(path)] == path]:
                del places[below]
        self.options[path] = option

    def faults(self, findings: Iterable[Finding]) -> list[Fault]:
        """Findings as faults in the order of the file, one a key and line: what isn't YAML isn't also of a wrong type."""
        return in_order(self.fault(found.path, found.text) for found in findings)

    def fault(self, path: KeyPath, text: str) -> Fault:
        """Put ``text`` to its place: that of ``path``, of an option below it, or of what it is part of."""
        for option_path, option in self.options.items():
            if path == option_path[: len(path)] and path not in self.lines:
                return self._of_option(option, option_path, path, text)
        for length in range(len(path), -1, -1):
            start = path[:length]
            if start in self.options:
                return self._of_option(self.options[start], start, path, text)
            if start in self.lines:
                return Fault(self.source, spell(path), text, self.lines[start])
        return Fault(self.source, spell(path), text)

    @staticmethod
    def _of_option(option: str, option_path: KeyPath, path: KeyPath, text: str) -> Fault:
        return Fault(option, "" if path == option_path else spell(path), text)
