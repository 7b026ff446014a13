from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.sweeps.ordering import BACK, PLACE, distinct, parts_in_order, rearranged, with_back


def table(places: list[int]) -> pa.Table:
    """Rows of which those that follow each other and have the same remainder share a list."""
    text = pa.array([None if place % 5 == 0 else f"row {place}" for place in places], pa.string())
    alike = [number > 0 and place % 3 == places[number - 1] % 3 for number, place in enumerate(places)]
    lists = [None if same else [float(place % 3)] * 4 for same, place in zip(alike, places, strict=True)]
    columns = {
        "text": text,
        PLACE: pa.array(places, pa.int64()),
        "lists": pa.array(lists, pa.list_(pa.float64())),
    }
    return with_back(pa.table(columns), "lists")


def lists_of(part: pa.Table) -> list[list[float]]:
    """What each row has of its own, or shares."""
    lists = part["lists"].to_pylist()
    return [lists[number - back] for number, back in enumerate(part[BACK].to_pylist())]


@settings(max_examples=60, deadline=None)
@given(
    tables=st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=12),
    part_size=st.integers(1, 70),
    rows_in_memory=st.integers(1, 40),
)
def test_every_place_once_in_order_part_by_part(
    tmp_path_factory: pytest.TempPathFactory, tables: list[list[int]], part_size: int, rows_in_memory: int
) -> None:
    folder = tmp_path_factory.mktemp("aside")
    parts = list(parts_in_order(map(table, tables), "lists", part_size, rows_in_memory, folder))
    wanted = sorted(set().union(*tables))
    assert [place for part in parts for place in part[PLACE].to_pylist()] == wanted
    for part in parts:
        places = part[PLACE].to_pylist()
        assert len({place // part_size for place in places}) == 1
        assert part["text"].to_pylist() == table(places)["text"].to_pylist()
        assert lists_of(part) == [[float(place % 3)] * 4 for place in places]
    assert not list(folder.iterdir())


def test_what_is_set_aside_has_no_name_while_it_is_read(tmp_path: Path) -> None:
    rows = [table([place]) for place in reversed(range(20))]
    parts = parts_in_order(iter(rows), "lists", 5, 4, tmp_path)
    next(parts)
    assert not list(tmp_path.iterdir())


def test_what_rows_share_is_there_once_and_none_of_it_without_them() -> None:
    rows = table([0, 3, 6, 1, 4, 2])
    assert rows["lists"].null_count == 3
    mixed = rearranged(rows, "lists", np.array([4, 2, 3, 1]))
    assert mixed[PLACE].to_pylist() == [4, 6, 1, 3]
    assert mixed["lists"].to_pylist() == [[1.0] * 4, [0.0] * 4, None, None]
    assert mixed[BACK].to_pylist() == [0, 0, 2, 2]
    apart = rearranged(rows, "lists", np.array([4, 2, 3, 1]), np.array([0, 0, 1, 1]))
    assert apart["lists"].null_count == 0
    assert apart[BACK].to_pylist() == [0] * 4


def test_distinct_values_and_which_of_them() -> None:
    column = pa.chunked_array([pa.array([5, 3]), pa.array([], pa.int64()), pa.array([5])])
    values, which = distinct(column)
    assert np.array(values)[which].tolist() == [5, 3, 5]
