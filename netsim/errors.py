"""What was wrong with the input, said in one line a fault."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

LONGEST_QUOTE = 60
"""Characters of a given value that a message repeats; the rest is cut, since a fault is one line."""
PREFIXES = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the input.

    Parameters
    ----------
    source : str
        The file as the user named it, or the option (``--set channel.snr_db``). Empty where there is none.
    path : str
        Dotted path of the key at fault (``channel.snr_db``). Empty for the file as a whole.
    text : str
        What is wrong, what was given, what is allowed.
    line : int or None
        Line in ``source``, from 1.

    Examples
    --------
    >>> print(Fault("a.yaml", "tokens", "out of range, given 0, allowed: a whole number of at least 1", 3))
    a.yaml:3: tokens: out of range, given 0, allowed: a whole number of at least 1
    """

    source: str
    path: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return printable(": ".join(part for part in (place, self.path, self.text) if part))


class InputError(Exception):
    """The input was bad: every fault found, in the order of the input's lines.

    Parameters
    ----------
    faults : iterable of Fault
        At least one. ``str(error)`` is one line a fault.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        if not self.faults:
            raise ValueError("an InputError needs at least one fault")
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


@contextmanager
def at_key(path: str) -> Iterator[None]:
    """Put ``path`` before the keys that faults of the body name; those that name a source have their place.

    Examples
    --------
    >>> with at_key("devices[2].policy"):
    ...     raise InputError([Fault("", "threshold", "is not calibrated")])
    Traceback (most recent call last):
    netsim.errors.InputError: devices[2].policy.threshold: is not calibrated
    """
    try:
        yield
    except InputError as error:
        raise InputError(
            fault if fault.source else replace(fault, path=f"{path}.{fault.path}".rstrip("."))
            for fault in error.faults
        ) from None


class InterruptedCommand(Exception):  # noqa: N818  (no error: somebody wanted it)
    """Ctrl-C ended a command; the text says what is kept and how to go on."""


def printable(text: str) -> str:
    r"""Escape what a terminal would obey and what no encoding can hold: one line, whatever a file put into it.

    Examples
    --------
    >>> printable("a\nb \x1b[2J é")
    'a\\nb \\x1b[2J é'
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
        for char in text
    )


def reason(error: OSError | ValueError) -> str:
    """Why something couldn't be read, in the system's words but without its number.

    >>> reason(FileNotFoundError(2, "No such file or directory", "snr.csv")), reason(ValueError("snr.csv:2: no number"))
    ('no such file or directory: snr.csv', 'snr.csv:2: no number')
    """
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    words = error.strerror[0].lower() + error.strerror[1:]
    return f"{words}: {error.filename}" if error.filename else words


def quote(value: object) -> str:
    """Spell a given value in one short line, as a scenario file would.

    Examples
    --------
    >>> quote("ten"), quote(True), quote(float("inf")), quote(None)
    ("'ten'", 'true', '.inf', 'null')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    if isinstance(value, float) and math.isnan(value):
        return ".nan"
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the known word nearest to the one given, or nothing.

    Examples
    --------
    >>> did_you_mean("rayliegh", ["none", "rayleigh", "rician"])
    "; did you mean 'rayleigh'?"
    >>> did_you_mean("wifi", ["none", "rayleigh"])
    ''
    """
    if not isinstance(given, str):
        return ""
    nearest = difflib.get_close_matches(given.lower(), list(known), n=1)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def beside(path: Path) -> str:
    """``; did you mean 'x'?`` for the file or folder that lies where a missing one would and has the nearest name, or nothing."""
    try:
        names = [] if path.exists() else [one.name for one in path.parent.iterdir()]
    except (OSError, ValueError):
        return ""
    nearest = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {str(path.with_name(nearest[0]))!r}?" if nearest else ""


def in_unit(given: object, unit: str) -> str:
    """``; did you mean 0.02?`` where a number was given with its unit, or nothing.

    Examples
    --------
    >>> in_unit("20 ms", "s"), in_unit("10MHz", "Hz"), in_unit("5 dB", "dB"), in_unit("5 dB", "s")
    ('; did you mean 0.02?', '; did you mean 10000000?', '; did you mean 5?', '')
    """
    number = r"([-+]?[0-9]+(?:[.][0-9]*)?(?:[eE][-+]?[0-9]+)?)"
    found = (
        re.fullmatch(rf"{number} *([{''.join(PREFIXES)}]?){re.escape(unit)}", str(given)) if unit else None
    )
    if not found:
        return ""
    value = float(found[1]) * PREFIXES.get(found[2], 1.0)
    return f"; did you mean {value:.12g}?"
