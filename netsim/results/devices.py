"""Results of several devices: the pooled row, and a table of devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from netsim.costs.energy import Power
from netsim.costs.workload import Workload
from netsim.engines.network import DeviceRun
from netsim.engines.timings import Timings
from netsim.errors import Fault, InputError
from netsim.results.columns import NAMES, no_time_at_all, undefined, values
from netsim.results.facts import Drafting, Timed
from netsim.results.requests import Requests, RequestTimes
from netsim.results.rows import Row, decision_columns, draft_columns, request_columns
from netsim.results.stages import stage_seconds
from traces.speculative.rounds import Rounds

if TYPE_CHECKING:
    import pandas as pd


def pooled_columns(
    runs: Sequence[DeviceRun], power: Power, *, count_prompt: bool, deadline_s: float | None
) -> Row:
    """Columns of a row over all tokens of all devices that were asked for something.

    ``throughput_tok_s`` is the mean over these devices, and ``jain`` Jain's index over them. Rates of drafts are
    over the devices that draft. Where no token was over, the columns of tokens are None and the throughput is 0.

    Raises
    ------
    InputError
        If nobody asked for anything, or tokens take no time at all.
    """
    requests = Requests.joined([Requests.of(run) for run in runs])
    if not requests.finished.size:
        raise InputError([Fault("", "requests", "nobody asks for anything that counts by the end")])
    rates = [rate for run in runs if (rate := _throughput(run, count_prompt=count_prompt)) is not None]
    columns: Row = dict.fromkeys(NAMES)
    columns |= {"tokens": requests.token_s.size, "throughput_tok_s": float(np.mean(rates))}
    if requests.token_s.size:
        columns |= _token_columns(runs, power, count_prompt=count_prompt)
    columns["throughput_tok_s"] = float(np.mean(rates))
    return columns | request_columns(requests.demand(deadline_s, jain_index(rates)))


def _token_columns(runs: Sequence[DeviceRun], power: Power, *, count_prompt: bool) -> Row:
    """Columns over the tokens of all devices."""
    drafting = [run for run in runs if run.device.policy.drafts]
    rounds, workload, timings = _pooled(runs)
    columns = decision_columns(rounds, workload, drafts=bool(drafting))
    if drafting:
        of_drafts, its_workload, _ = _pooled(drafting)
        columns |= draft_columns(of_drafts, its_workload) if of_drafts.length.any() else undefined(Drafting)
    timed = values(Timed.of(workload, timings, power, count_prompt=count_prompt))
    return columns | {name: None if column is None else float(column) for name, column in timed.items()}


def _pooled(runs: Sequence[DeviceRun]) -> tuple[Rounds, Workload, Timings]:
    """Counted sessions of all devices, one after the other, those without a token left out."""
    rounds = Rounds.joined([run.rounds for run in runs])
    counted = np.concatenate([RequestTimes.of(run).counted for run in runs])
    some = np.flatnonzero((rounds.length > 0) & counted)
    workload = Workload.joined([run.workload for run in runs]).take(some)
    return rounds.take(some), workload, Timings.joined([run.timings for run in runs]).take(some)


def _throughput(run: DeviceRun, *, count_prompt: bool) -> float | None:
    """Tokens over the time that they took, what was under way at the end included; None if nothing was asked for.

    A device whose link never sends waits for ever: 0, unless the simulation ends.
    """
    times = RequestTimes.of(run)
    if not times.counted.any():
        return None
    rounds, workload, timings = _pooled([run])
    spent_s = float(stage_seconds(workload, timings, count_prompt=count_prompt).round_s.sum())
    spent_s += times.under_way_s
    tokens = int(rounds.length.sum())
    if tokens and not spent_s:
        raise no_time_at_all()
    return tokens / spent_s if tokens else 0.0


def jain_index(shares: ArrayLike) -> float:
    """Fairness of what several devices got: 1 where all got the same, ``1 / n`` where one got everything.

    ``(sum x)^2 / (n sum x^2)``. Source: Jain, Chiu and Hawe, *A Quantitative Measure of Fairness*, DEC-TR-301,
    1984. NaN where nobody got anything.

    Examples
    --------
    >>> jain_index([1, 1, 1, 1]), jain_index([1, 0, 0, 0])
    (1.0, 0.25)
    """
    values = np.asarray(shares, np.float64)
    squares = values.size * (values**2).sum()
    return float(values.sum() ** 2 / squares) if squares else float("nan")


def device_table(
    runs: Sequence[DeviceRun], power: Power, *, deadline_s: float | None, count_prompt: bool
) -> pd.DataFrame:
    """What each device got, and all of them together.

    Returns
    -------
    pandas.DataFrame
        A row per device, then one with ``device`` "all". Seconds of tokens and requests hold everything, prompt
        upload and prefill included; a request counts from its arrival. ``jain`` is the fairness of
        throughput, in the last row alone. A device that was asked for nothing has no throughput.
    """
    import pandas as pd  # noqa: PLC0415  (checking a scenario needs none of it)

    requests = [Requests.of(run) for run in runs]
    throughput = [_throughput(run, count_prompt=count_prompt) for run in runs]
    energy_j = [_energy_j(run, power, count_prompt=count_prompt) for run in runs]
    rows: list[dict[str, object]] = [
        {
            "device": str(number),
            "throughput_tok_s": rate,
            **own.columns(deadline_s),
            "joules_per_token": joules,
        }
        for number, (rate, own, joules) in enumerate(zip(throughput, requests, energy_j, strict=True))
    ]
    asked = [rate for rate in throughput if rate is not None]
    tokens = [own.token_s.size for own in requests]
    spent = [joules * count for joules, count in zip(energy_j, tokens, strict=True) if joules is not None]
    rows.append(
        {
            "device": "all",
            "throughput_tok_s": float(np.mean(asked)) if asked else None,
            **Requests.joined(requests).columns(deadline_s),
            "joules_per_token": sum(spent) / sum(tokens) if sum(tokens) else None,
            "jain": jain_index(asked),
        }
    )
    return pd.DataFrame(rows)


def _energy_j(run: DeviceRun, power: Power, *, count_prompt: bool) -> float | None:
    """Mean energy of a token in joules; None without a token."""
    rounds, workload, timings = _pooled([run])
    if not rounds.length.any():
        return None
    return float(Timed.of(workload, timings, power, count_prompt=count_prompt).energy_j)
