"""Tables for people: a point a row, the interval in the cell, the best of each column marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.figures.intervals import interval_words
from analysis.figures.labels import key_label, scaled_unit, title_and_unit, value_text
from analysis.figures.results import Results
from analysis.figures.transforms import points
from netsim.results.columns import BY_NAME
from netsim.results.prompt_sums import RATIOS

#: What a table shows where nobody chose, if it is defined.
COLUMNS = (
    "throughput_tok_s", "latency_p99_s", "first_token_s", "transmission_rate", "uplink_bits", "device_energy_j", "llm_nll",
    "deadline_met",
)  # fmt: skip
#: Ends of an interval that differ by more than this share of its width are both shown.
ASYMMETRY = 0.05
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


@dataclass(frozen=True)
class TableCell:
    """What stands in one place of a table, and whether it is the best of its column."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table without a format.

    Attributes
    ----------
    heads : tuple of str. With units.
    rows : tuple of tuple of TableCell.
    num_keys : int. The first columns that name a row; the others are numbers.
    caption : str. Which interval it is, and what is marked.
    numbers : DataFrame. The same for programs: keys, then means and ends.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    num_keys: int
    caption: str
    numbers: pd.DataFrame


def results_table(results: Results, columns: Sequence[str] = ()) -> Table:
    """Means over seeds with their intervals, a row for each point of a sweep.

    Parameters
    ----------
    columns : names of result columns; default: those of `COLUMNS` that some row defines.

    Raises
    ------
    ValueError
        If there is no such column, or no row defines it.
    """
    for column in columns:
        results.require_column(column, f"--column {column}")
    offered = [name for name in COLUMNS if results.interval != "prompts" or name in RATIOS]
    shown = list(columns) or [
        name for name in offered if name in results.columns and results.table[name].notna().any()
    ]
    table = points(results, shown)
    axes = [axis for axis in results.axes if table[axis].nunique(dropna=False) > 1] or list(results.axes[:1])
    keys = [
        [TableCell(_key_text(axis, value, table[axis])) for axis, value in zip(axes, row, strict=True)]
        for row in table[axes].itertuples(index=False)
    ]
    body = [_column(table, name, _best(table, name, results.axes)) for name in shown]
    rows = tuple((*own, *(cells[number] for _, cells in body)) for number, own in enumerate(keys))
    interval = interval_words(results, table, shown)
    caption = (
        f"{interval}." if "no interval" in interval else f"{PLUS_MINUS}: {interval}." if interval else ""
    )
    if any(cell.best for row in rows for cell in row):
        caption = f"{caption} Marked: the best mean among the policies compared; whether it differs is not tested.".lstrip()
    heads = (*(_key_head(axis, table[axis]) for axis in axes), *(head for head, _ in body))
    names = [f"{name}_{end}" for name in shown for end in ("mean", "low", "high")]
    return Table(heads, rows, len(axes), caption, table[[*axes, *names]])


def ratios_table(ratios: pd.DataFrame, column: str, names: tuple[str, str]) -> Table:
    """Two results folders compared point by point, as ``analysis.report.compare.speed_ups`` gives them."""
    title, _ = title_and_unit(column)
    rows = tuple(
        (TableCell(str(point)), TableCell(interval_text(*ends)), TableCell(str(pairs)))
        for point, pairs, ends in zip(
            ratios["point"],
            ratios["pairs"],
            ratios[["ratio", "low", "high"]].to_numpy(np.float64),
            strict=True,
        )
    )
    caption = (
        f"{title} of {names[0]} over that of {names[1]}, seed by seed under the same draws; "
        f"{', '.join(ratios['over'].unique())}, paired."
    )
    return Table(("point", f"{title}, ratio", "pairs"), rows, 1, caption, ratios)


def interval_text(mean: float, low: float, high: float) -> str:
    """A mean with its interval, to two digits of the interval's half width.

    >>> interval_text(12.3456, 11.9, 12.8), interval_text(1.0, 0.9, 1.4), interval_text(0.12345, float("nan"), float("nan"))
    ('12.35 \u00b1 0.45', '1.00 [0.90, 1.40]', '0.123')
    """
    if np.isnan(mean):
        return ""
    half = (high - low) / 2
    # Without an interval, or where it is nothing but rounding.
    if np.isnan(half) or half <= 1e-12 * abs(mean):
        return value_text(mean)
    places = max(0, 1 - int(np.floor(np.log10(half))))
    if abs((high - mean) - (mean - low)) > ASYMMETRY * (high - low):
        return f"{mean:.{places}f} [{low:.{places}f}, {high:.{places}f}]"
    return f"{mean:.{places}f} {PLUS_MINUS} {half:.{places}f}"


def _key_head(axis: str, values: pd.Series[float]) -> str:
    name, unit = key_label(axis)
    scaled = _scale_of(axis, values)[1] if unit else ""
    return f"{name} ({scaled})" if scaled else name


def _scale_of(name: str, values: pd.Series[float]) -> tuple[float, str]:
    """Factor and unit in which a column's numbers are short."""
    _, unit = title_and_unit(name)
    if not pd.api.types.is_numeric_dtype(values) or values.isna().all():
        return 1.0, unit
    return scaled_unit(unit, float(values.abs().max()))


def _key_text(axis: str, value: Any, values: pd.Series[float]) -> str:
    if pd.isna(value):
        return ""
    if not pd.api.types.is_numeric_dtype(values):
        return str(value)
    return value_text(float(str(value)) / _scale_of(axis, values)[0], 6)


def _column(table: pd.DataFrame, name: str, best: Sequence[bool]) -> tuple[str, list[TableCell]]:
    factor, unit = _scale_of(name, table[f"{name}_mean"])
    title, _ = title_and_unit(name)
    ends = table[[f"{name}_mean", f"{name}_low", f"{name}_high"]].to_numpy(np.float64) / factor
    cells = [TableCell(interval_text(*row), own) for row, own in zip(ends, best, strict=True)]
    return f"{title} ({unit})" if unit else title, cells


def _best(table: pd.DataFrame, name: str, axes: Sequence[str]) -> list[bool]:
    """The best of the policies at each combination of the other keys; none where good has no direction."""
    better = BY_NAME[name].better if name in BY_NAME else ""
    mean = table[f"{name}_mean"]
    if not better or len(table) == 1:
        return [False] * len(table)
    others = [axis for axis in axes if not axis.startswith("policy.")]
    # Without policies to compare, the best of the whole column.
    compared = others if 0 < len(others) < len(axes) else []
    target = pd.Series(np.nan, table.index)
    for _, group in table.groupby(compared, dropna=False, sort=False) if compared else [((), table)]:
        own = mean[group.index]
        target[group.index] = own.max() if better == "high" else own.min()
    return [bool(own) for own in mean == target]


def as_markdown(table: Table) -> str:
    """A pipe table with the caption below."""
    rule = ["---"] * table.num_keys + ["---:"] * (len(table.heads) - table.num_keys)
    lines = [_pipes(table.heads), _pipes(rule)]
    lines += [_pipes([f"**{cell.text}**" if cell.best else cell.text for cell in row]) for row in table.rows]
    return "\n".join([*lines, "", table.caption, ""])


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def as_latex(table: Table) -> str:
    """A ``tabular`` of the package booktabs, with the caption as a comment."""
    columns = "l" * table.num_keys + "r" * (len(table.heads) - table.num_keys)
    lines = [
        f"% {table.caption}",
        "% \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
    ]
    lines += [_ampersands([_escaped(head) for head in table.heads]), "\\midrule"]
    lines += [_ampersands([_latex_cell(cell) for cell in row]) for row in table.rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _ampersands(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _latex_cell(cell: TableCell) -> str:
    text = _escaped(cell.text)
    return f"\\textbf{{{text}}}" if cell.best else text


#: What LaTeX would take for a command, and the signs that are not in its plain alphabet.
LATEX = {
    "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_", "{": "\\{", "}": "\\}",
    "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", PLUS_MINUS: "$\\pm$", "\N{MINUS SIGN}": "$-$",
    "\N{GREEK SMALL LETTER MU}": "$\\mu$", "<": "$<$", ">": "$>$", "|": "\\textbar{}",
}  # fmt: skip


def _escaped(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in text)


def as_csv(table: Table) -> str:
    """For programs: keys, means and the ends of the intervals in the columns' own units, nine digits."""
    return str(table.numbers.to_csv(index=False, lineterminator="\n", float_format="%.9g"))


FORMATS = {"markdown": as_markdown, "latex": as_latex, "csv": as_csv}
