"""Values that break programs, and ways to put them into what was well."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

NUMBERS: list[Any] = [
    0, -1, 1, 2, 3, 0.5, -0.5, 1e-300, 1e-9, 1e9, 1e300, -1e300, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1,
    10**12, 10**40, float("inf"), float("-inf"), float("nan"), True, False,
]  # fmt: skip
TEXTS: list[Any] = [
    "", " ", "none", "null", "hlm", "inf", "auto", "\x1b[2J", "a\nb", "[red]x[/red]", "x" * 300, "../../etc/passwd",
    "/dev/zero", "/dev/null", "os:system", "netsim", "é\u202e", "0x10", "1e400", "${HOME}", "%s%n",
]  # fmt: skip
SHAPES: list[Any] = [
    None,
    [],
    {},
    [[]],
    [1, "a", None],
    {"name": "hlm"},
    {"start": 0, "stop": 1, "step": 0.5},
    [{"name": "slm"}] * 2,
]
VALUES = st.sampled_from(NUMBERS + TEXTS + SHAPES)


def paths(data: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in nested data, the whole included."""
    yield at
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from paths(value, (*at, key))


def value_at(data: Any, path: Path) -> Any:
    """What stands at a place of nested data."""
    return value_at(data[path[0]], path[1:]) if path else data


@st.composite
def mutated(draw: st.DrawFn, original: Any, *, most: int = 3) -> Any:
    """The data with up to ``most`` values replaced, dropped, doubled or put under another key."""
    data = copy.deepcopy(original)
    # Mostly one: what is wrong in two places is refused for the first and says nothing of the second.
    for _ in range(draw(st.sampled_from([1, 1, 1, *range(1, most + 1)]))):
        places = [place for place in paths(data) if place]
        if not places:
            break
        *above, last = draw(st.sampled_from(places))
        parent = value_at(data, tuple(above))
        kind = draw(st.sampled_from(["replace", "replace", "replace", "drop", "double", "rename"]))
        if kind == "replace":
            # A copy: the next change may fall into it, and it must not be put into itself.
            parent[last] = copy.deepcopy(draw(VALUES))
        elif kind == "drop":
            del parent[last]
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(value_at(parent, (last,))))
        elif kind == "rename":
            parent[draw(st.sampled_from([text for text in TEXTS if isinstance(text, str)]))] = parent.pop(
                last
            )
        else:
            parent[f"{last}s"] = copy.deepcopy(parent[last])
    return data


@st.composite
def damaged(draw: st.DrawFn, original: bytes) -> bytes:
    """The bytes with a bit flipped, a part cut out, doubled or zeroed, or cut short."""
    content = bytearray(original)
    first = draw(st.integers(0, len(content) - 1))
    length = draw(st.integers(1, min(64, len(content) - first)))
    kind = draw(st.sampled_from(["flip", "flip", "cut", "double", "zero", "short"]))
    if kind == "flip":
        content[first] ^= 1 << draw(st.integers(0, 7))
    elif kind == "cut":
        del content[first : first + length]
    elif kind == "double":
        content[first:first] = content[first : first + length]
    elif kind == "zero":
        content[first : first + length] = bytes(length)
    else:
        del content[first:]
    return bytes(content)
