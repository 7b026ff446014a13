"""What ``netsim run`` says about a network: a table of devices, a token log, a timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from netsim.cli.outputs import TABLES, check_output_file, write_table, writing
from netsim.point import Point
from netsim.scenario.assembly import network_key

#: A device's own, prompt and wait included; the columns of these names leave them out.
SAID_BEFORE = ("first_token_s", "token_mean_s", "token_p99_s")
#: More devices than these are not printed one by one.
MOST_PRINTED = 20


def device_rows(point: Point, seed: int) -> dict[str, list[dict[str, Any]]]:
    """The table of devices as ``devices`` of a row; nothing where one device shares nothing."""
    if network_key(point.scenario, point.policy) is None:
        return {}
    return {"devices": _records(point.device_table(seed))}


def devices_summary(devices: Sequence[Mapping[str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Means over seeds, a line per device and one for all; of many devices, that one alone.

    What the table of columns also holds, counted differently, is left out: see ``--json``.
    """
    table = pd.concat([pd.DataFrame(own["devices"]) for own in devices]).drop(columns=list(SAID_BEFORE))
    means = table.groupby("device", sort=False).mean(numeric_only=True).reset_index()
    shown = means if len(means) <= MOST_PRINTED + 1 else means.iloc[-1:]
    return _records(shown)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def check_logs(tokens: Path | None, timeline: Path | None) -> None:
    """Refuse logs that can't be written before anything is simulated."""
    check_output_file("--tokens", tokens, TABLES)
    check_output_file("--timeline", timeline, (".json",))


def write_logs(point: Point, seeds: Sequence[int], tokens: Path | None, timeline: Path | None) -> None:
    """Write the token log of all seeds and the timeline of the first one, where they are asked for."""
    from netsim.results.timeline import write_timeline

    if tokens is not None:
        log = pd.concat([point.token_log(seed) for seed in seeds], ignore_index=True)
        with writing("--tokens", tokens):
            write_table(tokens, log)
    if timeline is not None:
        with writing("--timeline", timeline):
            write_timeline(timeline, point.spans(seeds[0]))
