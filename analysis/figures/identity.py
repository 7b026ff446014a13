"""The look of a policy: the same colour and marker in every figure, a hue for a family, and apart without colour."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns

Colour = tuple[float, float, float]
Dash = str | tuple[int, tuple[float, ...]]

#: Okabe and Ito's colours as seaborn has them, without the two that are too pale for a thin line.
COLOURS: list[Colour] = [sns.color_palette("colorblind")[i] for i in (0, 1, 2, 3, 4, 5, 9)]
#: Hue and marker of the project's policies; the baselines that every figure shows are greys.
FAMILIES: dict[str, tuple[Colour, str]] = {
    "slm": ((0.5, 0.5, 0.5), "o"),
    "llm": ((0.2, 0.2, 0.2), "s"),
    "hlm": (COLOURS[1], "D"),
    "u-hlm": (COLOURS[0], "^"),
    "cu-hlm": (COLOURS[2], "v"),
    "rand-hlm": (COLOURS[5], "P"),
    "oracle": (COLOURS[4], "X"),
    "spec": (COLOURS[3], "*"),
    "gelato": (COLOURS[6], "p"),
}
#: For policies of a user's own, in the order of the sweep.
OTHERS: tuple[tuple[Colour, str], ...] = tuple(
    zip(COLOURS[::-1], ("h", "<", ">", "d", "8", "H", "4"), strict=True)
)
#: For the members of a family after the first ones.
SPARE_MARKERS = ("<", ">", "d", "h", "8", "H", "o", "s", "D", "p")
DASHES: tuple[Dash, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (5, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
)
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "||||", "oooo")
#: Lightness of the first and the last member of a family; paler is too faint for a thin line.
DARKEST, LIGHTEST = 0.25, 0.66
#: What one figure can hold.
MAX_CURVES = 24


@dataclass(frozen=True)
class Appearance:
    """How one curve, point or bar is drawn.

    Attributes
    ----------
    colour : red, green and blue in [0, 1].
    marker, dash : as matplotlib takes them; the pair is different for each of up to `MAX_CURVES` looks.
    """

    colour: Colour
    marker: str
    dash: Dash


def family_of(point: dict[Hashable, Any]) -> str:
    """The policy's name; empty where the policy is not swept."""
    name = point.get("policy.name", "")
    return "" if pd.isna(name) else str(name)


def looks_of(whole: pd.DataFrame, axes: Sequence[str]) -> dict[tuple[Any, ...], Appearance]:
    """A look for each combination of the axes that tell curves apart.

    Parameters
    ----------
    whole : coordinates of all points of a sweep, so that a choice among them changes no look.
    axes : the keys that tell apart; each a column of ``whole``.

    Returns
    -------
    dict of `key_of` to Appearance
    """
    points = whole[list(axes)].drop_duplicates().to_dict("records") if axes else [{}]
    members: dict[str, list[dict[Hashable, Any]]] = {}
    for point in points:
        members.setdefault(family_of(point), []).append(point)
    taken: set[tuple[str, Dash]] = set()
    others = iter(OTHERS * (1 + len(members) // len(OTHERS)))
    found: dict[tuple[Any, ...], Appearance] = {}
    for family, own in members.items():
        base, marker = FAMILIES.get(family) or (FAMILIES["u-hlm"] if not family else next(others))
        for colour, point in zip(shades(base, len(own)), in_order(own, axes), strict=True):
            # Past what anybody can tell apart looks repeat: such a figure is thinned or refused before it is drawn.
            pair = next((pair for pair in _pairs(marker) if pair not in taken), (marker, DASHES[0]))
            taken.add(pair)
            found[key_of(point, axes)] = Appearance(colour, *pair)
    return found


def key_of(point: dict[Hashable, Any], axes: Sequence[str]) -> tuple[Any, ...]:
    """A point's values on the axes, hashable; an empty one is None."""
    return tuple(None if pd.isna(point[axis]) else point[axis] for axis in axes)


def in_order(points: Sequence[dict[Hashable, Any]], axes: Sequence[str]) -> list[dict[Hashable, Any]]:
    """Points by the numbers among their values, whatever order a file names them in; by name where there are none."""

    def place(point: dict[Hashable, Any]) -> list[tuple[float, str]]:
        return [
            (float(value), "") if isinstance(value, (int, float)) else (np.inf, str(value))
            for value in key_of(point, axes)
        ]

    return sorted(points, key=place)


def shades(base: Colour, number: int) -> list[Colour]:
    """So many shades of one hue, from dark to light; one alone is the hue itself."""
    if number == 1:
        return [base]
    return [sns.set_hls_values(base, l=level) for level in np.linspace(DARKEST, LIGHTEST, number)]


def _pairs(marker: str) -> Iterator[tuple[str, Dash]]:
    """Markers and dashes in a family's order of preference."""
    for own in (marker, *SPARE_MARKERS, *(other for _, other in FAMILIES.values())):
        for dash in DASHES:
            yield own, dash
