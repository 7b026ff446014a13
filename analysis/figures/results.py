"""What a sweep left behind, as the transforms and figures take it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

SNR = "channel.snr_db"


@dataclass(frozen=True)
class Results:
    """The rows of a sweep.

    Attributes
    ----------
    table : one row per point and seed; the columns of a results folder.
    axes : the columns that tell points apart, by the full path of the swept key (``channel.snr_db``).
    """

    table: pd.DataFrame
    axes: tuple[str, ...]

    def require(self, axis: str, kind: str) -> None:
        """Refuse a figure that needs an axis which the sweep does not have."""
        if axis not in self.axes:
            swept = ", ".join(self.axes) or "nothing"
            raise ValueError(f"{kind} needs a sweep over {axis}; this one is over {swept}")

    def at(self, axis: str, value: float) -> Results:
        """The rows where `axis` has one value; it is no axis of theirs."""
        rows = self.table[self.table[axis] == value]
        return replace(self, table=rows, axes=tuple(name for name in self.axes if name != axis))


def read_results(folder: Path) -> Results:
    """Read ``results.parquet`` of a results folder.

    Parameters
    ----------
    folder : the folder that a sweep wrote.

    Raises
    ------
    ValueError
        Where the folder has no such file, or the file no rows.
    """
    path = folder / "results.parquet"
    if not path.is_file():
        raise ValueError(f"{folder}: not a results folder: there is no results.parquet")
    table = pd.read_parquet(path)
    if table.empty:
        raise ValueError(f"{path}: no rows")
    # The swept keys come first, and the column `seed` ends them.
    axes = tuple(map(str, table.columns[: table.columns.get_loc("seed")]))
    return Results(table, axes)
