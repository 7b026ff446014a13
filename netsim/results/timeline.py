"""Who did what when: spans of time on devices, uplink and server, and the same as a file for Perfetto."""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netsim.engines.network import DeviceRun
from netsim.results.stages import stage_seconds
from traces.speculative.exchanges import exchanges_of

if TYPE_CHECKING:
    import pandas as pd

#: Stages of an exchange in their order.
ORDER = (
    "slm", "uncertainty", "grant", "wait for uplink", "uplink", "propagation", "core up", "wait for server", "llm",
    "core down", "downlink",
)  # fmt: skip
#: Stages that also show on a row of what is shared.
SHARED = {"uplink": "uplink", "llm": "server"}
#: Columns of spans.
COLUMNS = ("row", "device", "prompt", "position", "stage", "start_s", "seconds")


def spans(runs: Sequence[DeviceRun], prompts: Sequence[int]) -> pd.DataFrame:
    """Spans of a point under one seed.

    Returns
    -------
    pandas.DataFrame
        ``COLUMNS``, by row and start. ``row`` is "device 0", …, "uplink" and "server"; where uplink or server
        serve several at once, "uplink 2", … hold what overlaps. An uplink that gives out slots shows an upload
        from its first bit to its last; the response's propagation is a part of its downlink.
    """
    import pandas as pd  # noqa: PLC0415  (checking a scenario needs none of it)

    parts = [_device_spans(run, number, prompts) for number, run in enumerate(runs)]
    devices = pd.concat(parts, ignore_index=True)
    shared = [_laned(devices[devices["stage"] == stage], place) for stage, place in SHARED.items()]
    return pd.concat([devices, *shared], ignore_index=True)[list(COLUMNS)]


def _device_spans(run: DeviceRun, number: int, prompts: Sequence[int]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  (checking a scenario needs none of it)

    timings = run.timings
    stages = stage_seconds(run.workload, timings, count_prompt=True).stages
    after_first_bit_s = timings.queue_s - timings.air_wait_s - timings.server_wait_s
    sends = run.workload.asks
    grant_s, propagation_s = (
        sends * own for own in (run.device.costs.grant_s, run.device.costs.propagation_s)
    )
    seconds = [
        stages["slm_s"],
        stages["uncertainty_s"],
        grant_s,
        timings.air_wait_s,
        # A round that sends only the prompt's ids has its grant in ``uplink_s``.
        stages["grant_s"] + stages["uplink_s"] - grant_s - propagation_s + after_first_bit_s,
        propagation_s,
        timings.core_up_s,
        timings.server_wait_s,
        stages["llm_s"],
        timings.core_down_s,
        stages["downlink_s"],
    ]
    ends_s = timings.start_s + np.cumsum(seconds, axis=0)
    numbers = np.array([prompts[own.place] for own in run.sessions], np.int64)
    valid = run.workload.valid
    session, _ = np.nonzero(valid)
    position = exchanges_of(run.rounds).first[valid]
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "row": f"device {number}",
                    "device": number,
                    "prompt": numbers[session],
                    "position": position,
                    "stage": stage,
                    "start_s": (end_s - own)[valid],
                    "seconds": own[valid],
                }
            )
            for stage, own, end_s in zip(ORDER, seconds, ends_s, strict=True)
        ]
    )
    return table[table["seconds"] > 0].sort_values("start_s", kind="stable")


def _laned(table: pd.DataFrame, place: str) -> pd.DataFrame:
    """The same spans on rows of what is shared, each on the first row that is free."""
    table = table.sort_values("start_s", kind="stable")
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    lanes = []
    for start_s, seconds in zip(table["start_s"], table["seconds"], strict=True):
        # A hair of overlap is rounding: ends are sums, and so are starts.
        while busy and busy[0][0] <= start_s + 1e-9:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (start_s + seconds, lane))
        lanes.append(place if lane == 0 else f"{place} {lane + 1}")
    return table.assign(row=lanes)


def write_timeline(path: Path, table: pd.DataFrame) -> None:
    """Write spans in Chrome's trace format, which Perfetto opens.

    Source: *Trace Event Format*, Google, 2016: complete events, in microseconds; a row is a thread.
    """
    rows = {row: number for number, row in enumerate(dict.fromkeys(table["row"]), 1)}
    events: list[dict[str, object]] = [
        {"ph": "M", "name": "thread_name", "pid": 1, "tid": number, "args": {"name": row}}
        for row, number in rows.items()
    ]
    events += [
        {
            "ph": "X",
            "name": span["stage"],
            "pid": 1,
            "tid": rows[span["row"]],
            "ts": span["start_s"] * 1e6,
            "dur": span["seconds"] * 1e6,
            "args": {key: span[key] for key in ("device", "prompt", "position")},
        }
        for span in table.to_dict("records")
    ]
    path.write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}), encoding="utf-8")


def read_timeline(path: Path) -> pd.DataFrame:
    """Read spans that ``write_timeline`` wrote.

    Raises
    ------
    ValueError
        If the file is no such timeline.
    """
    import pandas as pd  # noqa: PLC0415  (checking a scenario needs none of it)

    try:
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
        rows = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
        records = [
            (
                rows[event["tid"]],
                event["args"]["device"],
                event["args"]["prompt"],
                event["args"]["position"],
                event["name"],
                event["ts"] / 1e6,
                event["dur"] / 1e6,
            )
            for event in events
            if event["ph"] == "X"
        ]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: not a timeline, write one with netsim run --timeline") from None
    return pd.DataFrame(records, columns=list(COLUMNS))
