"""Work out what comes next while what is there is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, each worked out in a thread while the one before it is used."""
    coming = iter(items)

    def following() -> list[Item]:
        return list(islice(coming, 1))

    with ThreadPoolExecutor(1) as beside:
        under_way = beside.submit(following)
        while item := under_way.result():
            under_way = beside.submit(following)
            yield from item
