"""Quantiles of values in order against numpy's own, of the values that are left."""

from __future__ import annotations

import numpy as np
import pytest

from netsim.costs.workload import Workload
from netsim.results.compiled_quantiles import GroupedQuantiles
from netsim.results.order import KINDS, TableQuantiles, quantile

#: Both interpolate between the same two values; numpy turns its formula round above the middle, some roundings of 1e-16.
ROUNDINGS = 1e-14
LEVELS = (0.0, 0.05, 0.5, 0.95, 0.99, 1.0)


@pytest.mark.parametrize("level", LEVELS)
def test_all_values(level: float) -> None:
    values = np.random.default_rng(1).exponential(size=(3, 41))
    expected = np.quantile(values, level, axis=-1)
    np.testing.assert_allclose(quantile(np.sort(values), level), expected, rtol=ROUNDINGS)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("zeros", [0, 7])
@pytest.mark.parametrize("different", [4, 1000])
def test_some_left_out_and_zeros_beside(level: float, zeros: int, different: int) -> None:
    """With few different values most are equal to some that are left out."""
    rng = np.random.default_rng(2)
    for left_out in (0, 1, 9, 29):
        values = rng.integers(different, size=(5, 30)).astype(float)
        found = quantile(np.sort(values), level, np.sort(values[:, :left_out]), zeros)
        left = np.concatenate([np.zeros((5, zeros)), values[:, left_out:]], axis=1)
        np.testing.assert_allclose(found, np.quantile(left, level, axis=-1), rtol=ROUNDINGS)


def test_one_row() -> None:
    assert quantile(np.array([1.0, 2.0, 4.0]), 0.5, np.array([2.0])) == 2.5


def workload(length: list[int], tokens: np.ndarray) -> Workload:
    """So many exchanges of every session, each with so many tokens; nothing else counts here."""
    columns = dict.fromkeys(Workload.__dataclass_fields__, np.zeros(tokens.shape))
    return Workload(**{**columns, "length": np.array(length), "tokens": tokens})


def seconds_of(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Seconds of many exchanges."""
    rng = np.random.default_rng(3)
    spread = rng.exponential(size=shape)
    return {
        "spread": spread,
        "equal": np.full(shape, 0.02),
        "few": rng.integers(0, 5, shape).astype(float),
        "many equal": np.where(spread < 0.5, 0.02, spread),
        "two alike": np.where(spread < 0.5, 0.02, np.where(spread < 1.5, 0.02 * (1 + 1e-15), spread)),
        "tiny and huge": spread * 10.0 ** rng.integers(-300, 300, shape),
        "close together beside one far off": np.where(spread == spread.max(), 1e300, 1 + 1e-9 * spread),
        "infinite": np.where(spread > 2, np.inf, spread),
        "below 0": -spread,
        "nothing and less than nothing": np.where(spread > 1, 0.0, -0.0),
    }[kind]


@pytest.mark.parametrize("emitted", [1, 3])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "kind",
    [
        "spread", "equal", "few", "many equal", "two alike", "tiny and huge", "close together beside one far off",
        "infinite", "below 0", "nothing and less than nothing",
    ],
)  # fmt: skip
def test_quantiles_without_sorting_are_those_of_sorted_exchanges(
    kind: str, whole: bool, emitted: int
) -> None:
    """Workloads one after the other: the second has other tokens, and sessions without any."""
    rng = np.random.default_rng(4)
    num_sessions, num_tokens = 5, 61
    shape = num_sessions, num_tokens
    works = [
        workload([num_tokens] * 5 if whole else [61, 7, 1, 60, 2], np.full(shape, emitted)),
        workload([num_tokens] * 5 if whole else [0, 61, 0, 33, 5], rng.integers(1, emitted + 1, shape)),
    ]
    round_s = seconds_of(kind, (len(works), *shape))
    levels = np.array(LEVELS)
    found = np.empty((len(works), len(KINDS), levels.size))
    before = round_s.copy()
    GroupedQuantiles.of(works).write(round_s.reshape(len(works), -1), levels, found)
    np.testing.assert_array_equal(round_s, before)
    for work, own_s, own in zip(works, round_s, found, strict=True):
        table = TableQuantiles(own_s, work)
        with np.errstate(invalid="ignore"):  # between two infinities
            expected = [[table.of(one, level) for level in LEVELS] for one in KINDS]
        np.testing.assert_array_equal(own, np.array(expected))


def test_quantiles_of_a_table_are_numpys_over_tokens_and_gaps() -> None:
    """By the definition: every token of an exchange, and every gap between two tokens of a prompt."""
    round_s = np.random.default_rng(5).exponential(size=(2, 3))
    table = TableQuantiles(round_s, workload([3, 2], np.array([[1, 2, 1], [3, 1, 9]])))
    tokens = [round_s[0, 0], *[round_s[0, 1] / 2] * 2, round_s[0, 2], *[round_s[1, 0] / 3] * 3, round_s[1, 1]]
    gaps = [round_s[0, 1], 0.0, round_s[0, 2], 0.0, 0.0, round_s[1, 1]]
    exchanges = [*round_s[0], *round_s[1, :2]]
    for kind, values in zip(KINDS, (exchanges, tokens, gaps), strict=True):
        for level in LEVELS:
            np.testing.assert_allclose(table.of(kind, level), np.quantile(values, level), rtol=ROUNDINGS)


def test_there_are_no_gaps_where_every_prompt_has_one_token() -> None:
    found = np.empty((1, len(KINDS), 1))
    works = [workload([1, 1], np.ones((2, 4), np.int64))]
    GroupedQuantiles.of(works).write(np.ones((1, 8)), np.array([0.5]), found)
    np.testing.assert_array_equal(found[0, :, 0], [1.0, 1.0, np.nan])
