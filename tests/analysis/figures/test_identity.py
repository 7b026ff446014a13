"""A policy looks the same everywhere, and no two look alike, with colour or without."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis.figures.identity import DASHES, FAMILIES, MAX_CURVES, looks_of

AXES = ["policy.name", "policy.threshold"]


def points(*names: str, thresholds: int = 1) -> pd.DataFrame:
    rows = [(name, np.nan) for name in names]
    rows += [("u-hlm", (number + 1) / (thresholds + 1)) for number in range(thresholds)]
    return pd.DataFrame(rows, columns=AXES)


@pytest.mark.parametrize(
    "whole",
    [
        points(thresholds=MAX_CURVES),
        points("slm", "llm", "hlm", "oracle", thresholds=MAX_CURVES - 4),
        points(*(f"mine:Policy{number}" for number in range(MAX_CURVES - 1))),
        pd.DataFrame(
            [(name, number / 10) for name in ("u-hlm", "cu-hlm", "rand-hlm") for number in range(8)],
            columns=AXES,
        ),
    ],
    ids=["one family", "baselines and a family", "policies of one's own", "three families"],
)
def test_no_two_of_as_many_as_a_figure_holds_look_alike_even_without_colour(whole: pd.DataFrame) -> None:
    looks = list(looks_of(whole, AXES).values())
    assert len(looks) == MAX_CURVES
    for one, other in combinations(looks, 2):
        assert (one.marker, one.dash) != (other.marker, other.dash)


def test_a_policy_keeps_its_look_whatever_stands_beside_it() -> None:
    few, many = points("slm", "hlm"), points("llm", "oracle", "hlm", "slm", "mine:Policy")
    ours, theirs = looks_of(few, AXES), looks_of(many, AXES)
    for name, threshold in (("slm", None), ("hlm", None), ("u-hlm", 0.5)):
        look = ours[name, threshold]
        assert look == theirs[name, threshold]
        assert (look.colour, look.marker, look.dash) == (*FAMILIES[name], DASHES[0])


def test_a_family_is_shades_of_one_hue_from_dark_to_light() -> None:
    looks = [look.colour for look in looks_of(points(thresholds=5), AXES).values()]
    brightness = [0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue in looks]
    assert brightness == sorted(brightness)
    assert brightness[-1] < 0.75  # still seen on white


def test_without_policies_among_the_axes_the_others_tell_apart() -> None:
    looks = looks_of(pd.DataFrame({"devices": [1, 2, 5]}), ["devices"])
    assert list(looks) == [(1,), (2,), (5,)]
    assert len({look.colour for look in looks.values()}) == 3
