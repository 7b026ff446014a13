from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.sweeps.ordering import PLACE, distinct, parts_in_order


def table(places: list[int]) -> pa.Table:
    lists = pa.array([[float(place)] * (place % 3) for place in places], pa.list_(pa.float64()))
    text = pa.array([None if place % 5 == 0 else f"row {place}" for place in places], pa.string())
    return pa.table({"text": text, "lists": lists, PLACE: pa.array(places, pa.int64())})


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
    parts = list(parts_in_order(map(table, tables), part_size, rows_in_memory, folder))
    wanted = sorted(set().union(*tables))
    assert [place for part in parts for place in part[PLACE].to_pylist()] == wanted
    for part in parts:
        places = part[PLACE].to_pylist()
        assert len({place // part_size for place in places}) == 1
        assert part.equals(table(places))
    assert not list(folder.iterdir())


def test_what_is_set_aside_has_no_name_while_it_is_read(tmp_path: Path) -> None:
    rows = [table([place]) for place in reversed(range(20))]
    parts = parts_in_order(iter(rows), 5, 4, tmp_path)
    next(parts)
    assert not list(tmp_path.iterdir())


def test_distinct_values_and_which_of_them() -> None:
    column = pa.chunked_array([pa.array([5, 3]), pa.array([], pa.int64()), pa.array([5])])
    values, which = distinct(column)
    assert np.array(values)[which].tolist() == [5, 3, 5]
