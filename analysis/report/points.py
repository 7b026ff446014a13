"""What the explorer draws: the points of a sweep with every interval their summary has."""

from __future__ import annotations

import io
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.labels import axis_label, point_label
from netsim.errors import Fault, InputError
from netsim.results.statistics import INTERVALS
from netsim.sweeps.products import SUMMARY, read_product

#: What each of ``netsim.results.statistics.INTERVALS`` is conditioned on.
CONDITIONS = {
    "prompts_": ": what other prompts would change",
    "": ", for these prompts",
    "fading_": ", for these prompts and token draws",
}
#: Significant digits of a number in the page; its tables show fewer.
DIGITS = 9


@dataclass(frozen=True)
class Summary:
    """The summary of a sweep, as its folder has it.

    Attributes
    ----------
    folder : Path
    axes : tuple of str. Swept keys by their full paths.
    columns : tuple of str. Result columns with a mean.
    intervals : tuple of str. Prefixes of `INTERVALS` that the summary has.
    table : DataFrame. One row per point, in the order of the sweep.
    """

    folder: Path
    axes: tuple[str, ...]
    columns: tuple[str, ...]
    intervals: tuple[str, ...]
    table: pd.DataFrame


def read_summary(folder: Path) -> Summary:
    """Read ``summary.csv`` of a results folder.

    Raises
    ------
    InputError
        If the folder has none, or it is not one that a sweep wrote.
    """
    path = folder / SUMMARY
    try:
        table = pd.read_csv(io.BytesIO(read_product(folder, SUMMARY)))
    except ValueError as error:
        text = f"not the summary of a sweep: {error}"
        raise InputError([Fault(str(path), "", text)]) from None
    names = list(table.columns)
    if "seeds" not in names or table.empty:
        raise InputError([Fault(str(path), "", "not the summary of a sweep: no point, or no column seeds")])
    for name in names[names.index("seeds") :]:
        if not pd.api.types.is_numeric_dtype(table[name]):
            text = f"not the summary of a sweep: the column {name} has values that are no numbers"
            raise InputError([Fault(str(path), "", text)])
    columns = tuple(name.removesuffix("_mean") for name in names if name.endswith("_mean"))
    # Few prompts determine no interval over prompts: then it is not offered.
    present = tuple(
        prefix
        for prefix in INTERVALS
        if any(
            f"{column}_{prefix}low" in table and table[f"{column}_{prefix}low"].notna().any()
            for column in columns
        )
    )
    return Summary(folder, tuple(names[: names.index("seeds")]), columns, present, table)


def explorer_data(summary: Summary, commands: list[str]) -> dict[str, Any]:
    """Everything that the explorer needs, as plain data.

    Parameters
    ----------
    commands : list of str. What reproduces each point, in the order of the summary.

    Returns
    -------
    dict
        ``axes``: key, label, and whether it is a number; ``columns``: name and label; ``intervals``: prefix and
        words; ``points``: a dict a point with ``at`` (coordinates), ``seeds``, ``label``, ``command`` and
        ``values``: column to mean and the ends of each interval, null where undefined.
    """
    table = summary.table
    numeric = {axis: pd.api.types.is_numeric_dtype(table[axis]) for axis in summary.axes}
    return {
        "axes": [
            {"key": axis, "label": axis_label(axis), "numeric": bool(numeric[axis])} for axis in summary.axes
        ],
        "columns": [{"name": name, "label": axis_label(name)} for name in _defined(summary)],
        "intervals": [
            {"prefix": prefix, "words": f"{INTERVALS[prefix]}{CONDITIONS[prefix]}"}
            for prefix in summary.intervals
        ],
        "points": [
            {
                "at": {axis: _plain(row[axis]) for axis in summary.axes},
                "label": point_label({axis: row[axis] for axis in summary.axes}),
                "seeds": int(row["seeds"]),
                "command": command,
                "values": {name: _stored(row, name, summary.intervals) for name in _defined(summary)},
            }
            for row, command in zip(table.to_dict("records"), commands, strict=True)
        ],
    }


def _defined(summary: Summary) -> list[str]:
    """Columns that some point has a mean of."""
    return [name for name in summary.columns if summary.table[f"{name}_mean"].notna().any()]


def _stored(row: dict[Any, Any], name: str, intervals: tuple[str, ...]) -> list[float | None]:
    ends = [f"{name}_{prefix}{end}" for prefix in intervals for end in ("low", "high")]
    return [_plain(row.get(key, np.nan)) for key in (f"{name}_mean", *ends)]


def _plain(value: Any) -> Any:
    """A number of `DIGITS` digits, text, or null; JSON has neither NaN nor infinity."""
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value


def run_command(scenario_file: str, settings: dict[str, Any]) -> str:
    """The command that simulates one point.

    Examples
    --------
    >>> run_command("s.yaml", {"policy": {"name": "u-hlm", "threshold": 0.3}, "channel.snr_db": 5})
    "netsim run s.yaml --set 'policy={name: u-hlm, threshold: 0.3}' --set channel.snr_db=5"
    """
    parts = ["netsim", "run", scenario_file]
    for path, value in settings.items():
        parts += ["--set", f"{path}={_flow(value)}"]
    return shlex.join(parts)


def _flow(value: Any) -> str:
    """A value as YAML in one line; keys without a value are left out."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(own)}" for key, own in value.items() if own is not None) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, float) and np.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    plain = isinstance(value, (int, float)) or (str(value).replace("-", "").replace("_", "").isalnum())
    return str(value) if plain else json.dumps(str(value))
