"""Results of several devices: the pooled row, and a table of devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from netsim.costs.energy import Power
from netsim.costs.workload import Workload
from netsim.engines.network import DeviceRun
from netsim.engines.timings import Timings
from netsim.errors import Fault, InputError
from netsim.results.facts import stage_seconds
from netsim.results.rows import Row, decision_columns, draft_columns, timing_columns
from traces.speculative.rounds import Rounds

FloatArray = NDArray[np.float64]


def pooled_columns(runs: Sequence[DeviceRun], power: Power, *, count_prompt: bool) -> Row:
    """Columns of a row over all tokens of all devices; ``throughput_tok_s`` is the mean over devices.

    Rates of drafts are over the devices that draft. Prompts of which no token was over are left out.

    Raises
    ------
    InputError
        If no token was over at all.
    """
    if not any(run.rounds.length.any() for run in runs):
        raise InputError([Fault("", "requests", "nobody asks for anything that is over by the end")])
    drafting = [run for run in runs if run.device.policy.drafts]
    rounds, workload, timings = _pooled(runs)
    columns = decision_columns(rounds, workload, drafts=bool(drafting))
    if drafting:
        of_drafts, its_workload, _ = _pooled(drafting)
        columns |= draft_columns(of_drafts, its_workload)
    timed = timing_columns(workload, timings, power, count_prompt=count_prompt)
    columns |= {name: float(column) for name, column in timed.items()}
    columns["throughput_tok_s"] = float(
        np.mean([_throughput(run, count_prompt=count_prompt) for run in runs])
    )
    return columns


def _pooled(runs: Sequence[DeviceRun]) -> tuple[Rounds, Workload, Timings]:
    """Sessions of all devices, one after the other, those without a token left out."""
    rounds = Rounds.joined([run.rounds for run in runs])
    some = np.flatnonzero(rounds.length)
    workload = Workload.joined([run.workload for run in runs]).take(some)
    return rounds.take(some), workload, Timings.joined([run.timings for run in runs]).take(some)


def _throughput(run: DeviceRun, *, count_prompt: bool) -> float:
    """Tokens over the sum over prompts of the time that each took; 0 without a token."""
    spent_s = stage_seconds(run.workload, run.timings, count_prompt=count_prompt).round_s.sum()
    return float(run.rounds.length.sum() / spent_s) if spent_s else 0.0


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


@dataclass(frozen=True)
class Requests:
    """What became of the requests of one device or several.

    Attributes
    ----------
    finished : [num_requests], bool. Those that arrived before the simulation ended.
    first_token_s : [num_requests], float. From arrival to the first token; NaN without one.
    seconds : [num_requests], float. From arrival to the last token; NaN if unfinished.
    token_s : [num_tokens], float. Seconds of every token.
    """

    finished: NDArray[np.bool_]
    first_token_s: FloatArray
    seconds: FloatArray
    token_s: FloatArray

    @classmethod
    def of(cls, run: DeviceRun, until_s: float | None) -> Requests:
        """Requests of one device."""
        length, start_s = run.workload.length, run.timings.start_s
        round_s = stage_seconds(run.workload, run.timings, count_prompt=True).round_s
        every, last = np.arange(len(length)), np.maximum(length - 1, 0)
        # In a closed loop a request arrives when the one before is over, and that is when it starts.
        arrived_s = start_s[:, 0] if run.arrivals_s is None else run.arrivals_s
        first_s = np.where(length > 0, start_s[:, 0] + round_s[:, 0] - arrived_s, np.nan)
        end_s = start_s[every, last] + round_s[every, last]
        if run.arrivals_s is None:
            there = np.concatenate([[True], run.finished[:-1]]) if len(length) else run.finished
        else:
            there = arrived_s < (np.inf if until_s is None else until_s)
        valid = run.workload.valid
        emitted = run.workload.tokens[valid]
        return cls(
            finished=run.finished[there],
            first_token_s=first_s[there],
            seconds=np.where(run.finished, end_s - arrived_s, np.nan)[there],
            token_s=np.repeat(round_s[valid] / emitted, emitted),
        )

    @classmethod
    def joined(cls, parts: Sequence[Requests]) -> Requests:
        """Requests of several devices."""
        names = ("finished", "first_token_s", "seconds", "token_s")
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def columns(self, deadline_s: float | None) -> dict[str, float | None]:
        """Counts, means and shares; None where undefined. A request that is not finished missed its deadline."""
        in_time = self.seconds <= deadline_s if deadline_s is not None and self.finished.size else None
        return {
            "requests": self.finished.size,
            "unfinished": int((~self.finished).sum()),
            "tokens": self.token_s.size,
            "first_token_s": _mean(self.first_token_s),
            "token_mean_s": _mean(self.token_s),
            "token_p99_s": float(np.quantile(self.token_s, 0.99)) if self.token_s.size else None,
            "request_mean_s": _mean(self.seconds),
            "deadline_share": None if in_time is None else float(in_time.mean()),
        }


def _mean(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def device_table(
    runs: Sequence[DeviceRun],
    power: Power,
    *,
    deadline_s: float | None,
    until_s: float | None,
    count_prompt: bool,
) -> pd.DataFrame:
    """What each device got, and all of them together.

    Returns
    -------
    pandas.DataFrame
        A row per device, then one with ``device`` "all". Seconds of tokens and requests hold everything, prompt
        upload and prefill included; a request counts from its arrival. ``jain`` is the fairness of
        throughput, in the last row alone.
    """
    requests = [Requests.of(run, until_s) for run in runs]
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
    tokens = [int(run.rounds.length.sum()) for run in runs]
    spent = [joules * count for joules, count in zip(energy_j, tokens, strict=True) if joules is not None]
    rows.append(
        {
            "device": "all",
            "throughput_tok_s": float(np.mean(throughput)),
            **Requests.joined(requests).columns(deadline_s),
            "joules_per_token": sum(spent) / sum(tokens) if sum(tokens) else None,
            "jain": jain_index(throughput),
        }
    )
    return pd.DataFrame(rows)


def _energy_j(run: DeviceRun, power: Power, *, count_prompt: bool) -> float | None:
    """Mean energy of a token in joules; None without a token."""
    if not run.rounds.length.any():
        return None
    _, workload, timings = _pooled([run])
    return float(timing_columns(workload, timings, power, count_prompt=count_prompt)["device_energy_j"])
