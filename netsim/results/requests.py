"""What became of the requests of one device or several: arrived, served, or in outage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.engines.network import DeviceRun
from netsim.results.facts import Demand
from netsim.results.stages import stage_seconds

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RequestTimes:
    """When the requests of one device arrived and ended.

    All but `under_way_s` are [num_requests].

    Attributes
    ----------
    arrived_s : float. NaN for a request of a closed loop whose turn never came.
    end_s : float. End of the last round that was over; NaN without one.
    counted : bool. Those that arrived before the simulation ended, and not during its warm-up.
    under_way_s : float
        Seconds that a counted request had been served at the end without a token of its present round;
        infinite where its link never sends and the simulation waits for it.
    """

    arrived_s: FloatArray
    end_s: FloatArray
    counted: NDArray[np.bool_]
    under_way_s: float

    @classmethod
    def of(cls, run: DeviceRun) -> RequestTimes:
        """Read them off a device's run."""
        until_s = math.inf if run.requests.until_s is None else run.requests.until_s
        length, start_s = run.workload.length, run.timings.start_s
        round_s = stage_seconds(run.workload, run.timings, count_prompt=True).round_s
        every, last = np.arange(len(length)), np.maximum(length - 1, 0)
        end_s = np.where(length > 0, start_s[every, last] + round_s[every, last], np.nan)
        if run.arrivals_s is None:
            # In a closed loop a request arrives when the one before is over, and that is when it starts.
            before = np.concatenate([[0.0], np.where(run.finished, end_s, np.nan)[:-1]])
            arrived_s = before[: len(length)]
            # Without an end of the simulation, those behind an outage would have come as well.
            asked = (arrived_s < until_s) | (run.blocked & math.isinf(until_s))
        else:
            arrived_s = run.arrivals_s
            asked = arrived_s < until_s
        counted = asked & ~(arrived_s < run.requests.warmup_s)
        present = next(iter(np.flatnonzero(asked & ~run.finished)), None)
        if present is None or not counted[present]:
            return cls(arrived_s, end_s, counted, 0.0)
        # It is served since the device had last finished something, or since it came.
        last_end_s = float(np.nanmax(end_s[: present + 1], initial=0.0))
        since_s = max(last_end_s, float(np.nan_to_num(arrived_s[present])))
        return cls(arrived_s, end_s, counted, until_s - since_s)


@dataclass(frozen=True)
class Requests:
    """What became of the counted requests of one device or several.

    Attributes
    ----------
    finished, blocked : [num_requests], bool. Done; or never to be, since the link never sends.
    first_token_s : [num_requests], float. From arrival to the first token; NaN without one.
    seconds : [num_requests], float. From arrival to the last token; NaN if unfinished.
    arrived_s : [num_requests], float. NaN in a closed loop, where requests follow each other.
    token_s : [num_tokens], float. Seconds of every token.
    """

    finished: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    first_token_s: FloatArray
    seconds: FloatArray
    arrived_s: FloatArray
    token_s: FloatArray

    @classmethod
    def of(cls, run: DeviceRun) -> Requests:
        """Requests of one device."""
        times = RequestTimes.of(run)
        length, start_s, counted = run.workload.length, run.timings.start_s, times.counted
        round_s = stage_seconds(run.workload, run.timings, count_prompt=True).round_s
        first_s = np.where(length > 0, start_s[:, 0] + round_s[:, 0] - times.arrived_s, np.nan)
        valid = run.workload.valid & counted[:, None]
        emitted = run.workload.tokens[valid]
        return cls(
            finished=run.finished[counted],
            blocked=(run.blocked & ~run.finished)[counted],
            first_token_s=first_s[counted],
            seconds=np.where(run.finished, times.end_s - times.arrived_s, np.nan)[counted],
            arrived_s=(times.arrived_s if run.arrivals_s is not None else np.full(len(length), np.nan))[
                counted
            ],
            token_s=np.repeat(round_s[valid] / emitted, emitted),
        )

    @classmethod
    def joined(cls, parts: Sequence[Requests]) -> Requests:
        """Requests of several devices."""
        names = ("finished", "blocked", "first_token_s", "seconds", "arrived_s", "token_s")
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def demand(self, deadline_s: float | None, jain: float | None) -> Demand:
        """Columns of a row about requests; None where undefined. One that is not finished missed its deadline."""
        in_time = self.seconds <= deadline_s if deadline_s is not None and self.finished.size else None
        return Demand(
            outage=_mean(self.blocked),
            unfinished=_mean(~self.finished),
            deadline_met=None if in_time is None else float(in_time.mean()),
            request_mean_s=_mean(self.seconds),
            jain=jain,
            late_over_early=self.late_over_early(),
        )

    def late_over_early(self) -> float | None:
        """Mean seconds of the later half of the finished requests over that of the earlier half, by arrival.

        In a steady state its mean over seeds is 1 up to the noise of a ratio; above it the backlog grows
        (more arrives than can be served, or the warm-up is too short). Source: the comparison of early with late
        observations of Geweke, *Bayesian Statistics* 4, 1992. None in a closed loop, and with fewer than two
        finished requests.
        """
        done = self.finished & ~np.isnan(self.arrived_s)
        seconds = self.seconds[done][np.argsort(self.arrived_s[done], kind="stable")]
        half = len(seconds) // 2
        early_s = float(seconds[:half].mean()) if half else 0.0
        return float(seconds[-half:].mean()) / early_s if early_s else None

    def columns(self, deadline_s: float | None) -> dict[str, float | None]:
        """Counts, means and shares of the table of devices."""
        return {
            "requests": self.finished.size,
            "tokens": self.token_s.size,
            "first_token_s": _mean(self.first_token_s),
            "token_mean_s": _mean(self.token_s),
            "token_p99_s": float(np.quantile(self.token_s, 0.99)) if self.token_s.size else None,
            **asdict(self.demand(deadline_s, None)),
        }


def _mean(values: NDArray[np.bool_] | FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None
