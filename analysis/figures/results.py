"""What a sweep left behind, as the transforms and figures take it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from netsim.errors import InputError, did_you_mean
from netsim.results.columns import BY_NAME
from netsim.sweeps.products import PROMPT_SUMS, RESULTS, SUMMARY, read_manifest, read_product

SNR = "channel.snr_db"
Interval = Literal["", "prompts", "draws"]
#: How near a chosen value must be to a swept one: values of ``{start, stop, step}`` are sums.
NEAR = 1e-9


#: Sums of prompts are many times the results: they are read where somebody asks for them.
Prompts = Callable[[], pd.DataFrame | None]


def no_prompts() -> None:
    """Of results without sums of prompts."""


@dataclass(frozen=True)
class Results:
    """The rows of a sweep.

    Attributes
    ----------
    table : one row per point and seed.
    axes : names of its swept keys, each a column of the table (``policy.name``, ``channel.snr_db``).
    whole : coordinates of every point of the sweep, also of those that were not chosen: looks follow from them.
    named : thresholds that the scenario gives by name, with their numbers.
    prompts : callable. Reads the sums of every prompt, a row per point, seed and prompt; None where the folder has none.
    summary : means and intervals of every point, as the sweep wrote them; None where they have to be worked out.
    interval : which interval is shown: that over ``prompts``, that over token ``draws``, or, empty, the one over
        prompts of every column that has one.
    """

    table: pd.DataFrame
    axes: tuple[str, ...]
    whole: pd.DataFrame = field(default_factory=pd.DataFrame)
    named: Mapping[str, Sequence[float]] = field(default_factory=dict)
    prompts: Prompts = no_prompts
    summary: pd.DataFrame | None = None
    interval: Interval = ""

    def __post_init__(self) -> None:
        if self.whole.empty:
            object.__setattr__(self, "whole", self.table[list(self.axes)].drop_duplicates())

    def require(self, axis: str, kind: str) -> None:
        """Refuse a figure that needs an axis which the sweep does not have."""
        if axis not in self.axes:
            raise ValueError(f"{kind} needs a sweep over {axis}; this one is over {self.swept}")

    @property
    def swept(self) -> str:
        """The swept keys, for a message."""
        return ", ".join(self.axes) or "nothing"

    @property
    def columns(self) -> tuple[str, ...]:
        """Result columns that are numbers."""
        others = {*self.axes, "seed", "token_seed"}
        return tuple(name for name in self.table.select_dtypes("number").columns if name not in others)

    def require_column(self, name: str, kind: str) -> None:
        """Refuse a figure of a column that the results lack, or that no row defines."""
        if name not in self.columns:
            hint = did_you_mean(name, self.columns)
            raise ValueError(f"{kind} needs the column {name}, which these results lack{hint}")
        if self.table[name].isna().all():
            why = BY_NAME[name].sentence.partition("; empty ")[2].rstrip(".") if name in BY_NAME else ""
            raise ValueError(f"{kind} needs {name}, and no row has it{f': it is empty {why}' if why else ''}")

    def at(self, axis: str, value: object) -> Results:
        """The rows where `axis` has one value; it is no axis of theirs."""
        kept = self.keep(lambda table: table[axis] == value)
        return replace(kept, axes=tuple(name for name in self.axes if name != axis))

    def keep(self, chosen: Callable[[pd.DataFrame], pd.Series[bool]]) -> Results:
        """The rows whose coordinates are chosen, and what their prompts add to them."""

        def prompts() -> pd.DataFrame | None:
            own = self.prompts()
            return None if own is None else own[chosen(own)]

        summary = None if self.summary is None else self.summary[chosen(self.summary)].reset_index(drop=True)
        return replace(self, table=self.table[chosen(self.table)], prompts=prompts, summary=summary)

    def where(self, axis: str, texts: Sequence[str]) -> Results:
        """The rows where `axis` has one of the values that a person wrote.

        Raises
        ------
        ValueError
            If the key is not swept, or never has the value.
        """
        if axis not in self.axes:
            raise ValueError(
                f"--where {axis}: not a swept key{did_you_mean(axis, self.axes)}, allowed: {self.swept}"
            )
        # Of all points, so that a value which another choice rules out is not said to be none.
        values = self.whole[axis].dropna().unique().tolist()
        chosen = [value for value in values if any(_is(value, text) for text in texts)]
        missing = [text for text in texts if not any(_is(value, text) for value in values)]
        if missing:
            allowed = ", ".join(
                f"{value:.10g}" if isinstance(value, float) else str(value) for value in values
            )
            raise ValueError(f"--where {axis}={missing[0]}: no such value, allowed: {allowed}")
        return self.keep(lambda table: table[axis].isin(chosen))


def _is(value: Any, text: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value).lower() == text.lower()
    try:
        wanted = float(text)
    except ValueError:
        return False
    return abs(value - wanted) <= NEAR * max(1.0, abs(wanted))


def read_results(folder: Path, columns: Sequence[str] | None = None) -> Results:
    """Read ``results.parquet`` of a results folder.

    Parameters
    ----------
    folder : the folder that a sweep wrote.
    columns : result columns that are wanted, as far as there are such; all by default.

    Raises
    ------
    ValueError
        Where the folder has no such file, it is not what the sweep wrote, or it holds no rows of a sweep.
    """
    path = folder / RESULTS
    table = _table(folder, RESULTS, columns)
    if "seed" not in table:
        raise ValueError(f"{path}: not the rows of a sweep: there is no column seed")
    if table.empty:
        raise ValueError(f"{path}: no rows")
    # The swept keys come first, and the column `seed` ends them.
    num_axes = table.columns.get_loc("seed")
    axes = tuple(map(str, table.columns[:num_axes]))
    for axis in axes:
        if not is_numeric_dtype(table[axis]) and not _scalars(table[axis]):
            raise ValueError(f"{path}: the swept key {axis} has values that are neither numbers nor text")
    table = table.assign(**{str(name): _numbers(table[name], path) for name in table.columns[num_axes:]})
    return Results(
        table,
        axes,
        named=_named_thresholds(folder),
        prompts=cache(partial(_prompts, folder, table, axes)),
        summary=_summary(folder, table, axes),
    )


def _summary(folder: Path, table: pd.DataFrame, axes: tuple[str, ...]) -> pd.DataFrame | None:
    """The summary of a sweep's points; None where there is none, or it is not of this table."""
    if not (folder / SUMMARY).exists():
        return None
    try:
        # Python's own numbers, since pandas may read the last digit otherwise.
        texts = pd.read_csv(io.BytesIO(read_product(folder, SUMMARY)), dtype=str).fillna("nan")
        numbers = {name: [*map(float, texts[name])] for name in texts.columns if name not in axes}
    except (InputError, ValueError):
        return None
    summary = pd.DataFrame(numbers)
    if "seeds" not in summary:
        return None
    keys = table.groupby(list(axes), sort=False, dropna=False) if axes else table.groupby(lambda _row: 0)
    if not np.array_equal(keys.size().to_numpy(), summary["seeds"].to_numpy()):
        return None
    # Text forgets whether a key was a number.
    first = table.loc[~table.duplicated(list(axes)), list(axes)] if axes else pd.DataFrame()
    return summary.assign(**{axis: first[axis].to_numpy() for axis in axes})


def _scalars(column: pd.Series[Any]) -> bool:
    """Whether a column has nothing but text and numbers."""
    return bool(column.dropna().map(lambda value: isinstance(value, (str, bool, int, float))).all())


def _table(folder: Path, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of the folder; if so asked, with its keys and some other columns alone."""
    try:
        content = io.BytesIO(read_product(folder, name))
        if columns is None:
            return pd.read_parquet(content)
        names = pq.ParquetFile(content).schema_arrow.names
        axes = names[: names.index("seed")] if "seed" in names else []
        wanted = {*axes, "seed", "token_seed", *columns}
        return pd.read_parquet(content, columns=[own for own in names if own in wanted])
    except InputError as error:
        raise ValueError(str(error)) from None
    # What pandas and pyarrow raise of a damaged file, or of one with types that pandas has not.
    except (OSError, ValueError, NotImplementedError, LookupError) as error:
        raise ValueError(f"{folder / name}: can't be read: {str(error).splitlines()[0]}") from None


def _prompts(folder: Path, table: pd.DataFrame, axes: tuple[str, ...]) -> pd.DataFrame | None:
    """The sums of the prompts; None where there are none, or they are not those of the results."""
    if not (folder / PROMPT_SUMS).exists():
        return None
    prompts = _table(folder, PROMPT_SUMS)
    keys = [*axes, "seed"]
    if not {*keys, "prompt"} <= {*prompts}:
        return None
    rows = prompts.loc[prompts["prompt"] == 0, keys].reset_index(drop=True)
    return prompts if rows.equals(table[keys].reset_index(drop=True)) else None


def _numbers(column: pd.Series[Any], path: Path) -> pd.Series[Any]:
    """A result column, held to what its declaration says: an empty one has no type in a file."""
    declared = BY_NAME.get(str(column.name))
    if declared is None or declared.type is str:
        return column
    if column.isna().all() and declared.type is not int:
        return column.astype("float64")
    if not is_numeric_dtype(column) or is_bool_dtype(column):
        raise ValueError(f"{path}: the column {column.name} has values that are no numbers")
    return column


def _named_thresholds(folder: Path) -> Mapping[str, Sequence[float]]:
    """Thresholds by name from the manifest; none where it says nothing of them."""
    named = read_manifest(folder).get("named_thresholds", {})
    if not isinstance(named, dict):
        return {}
    return {
        name: [float(number) for number in numbers if isinstance(number, (int, float))]
        for name, numbers in named.items()
        if isinstance(numbers, list)
    }
