"""The reference page of the columns, ``docs/columns.md``: ``python -m netsim.results.reference > docs/columns.md``."""

from __future__ import annotations

import sys

from netsim.results.columns import COLUMNS, STAGES


def columns_page() -> str:
    """The reference page of all columns, as Markdown."""
    head = [
        "# Columns of the results",
        "",
        "Written by `python -m netsim.results.reference`; do not edit. A row of `results.parquet` is a point under a seed:",
        "first a column for each swept key (`channel.snr_db`, `policy.threshold`, …), then these. Means of a token count",
        "all tokens of the row alike. `summary.csv` holds the means over seeds of the columns that are averaged.",
        "",
        "| column | unit | type | averaged | what it is |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines = [
        f"| `{column.name}` | {column.unit or '-'} | {column.type.__name__} | {'yes' if column.averaged else 'no'} "
        f"| {column.sentence} |"
        for column in COLUMNS
    ]
    tail = ["", f"Stages, which add up to `latency_mean_s`: {', '.join(f'`{name}`' for name in STAGES)}.", ""]
    return "\n".join([*head, *lines, *tail])


if __name__ == "__main__":
    sys.stdout.write(columns_page())
