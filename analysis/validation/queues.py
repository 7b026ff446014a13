"""Queueing: the event engine against formulas for open and closed networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.validation.check import Check, of_means
from channels.window import RateWindow, constant_window
from netsim.costs.workload import Workload
from netsim.engines.arrivals import poisson_arrivals
from netsim.engines.events import BaseStation, DeviceJob, simulate_base_station
from netsim.engines.schedulers import ProportionalFair
from netsim.engines.shares import EqualSplitUplink
from netsim.engines.slots import Backlog

FloatArray = NDArray[np.float64]
#: Requests of one replication, those of its warm-up, and arrivals a second at a mean service of 1 s.
REQUESTS, WARM_UP, LOAD = 1500, 300, 0.6
KLEINROCK = "Pollaczek-Khinchine (Kleinrock 1975)"


class SteadyLink:
    """A link whose rate never changes."""

    never_sends = False

    def __init__(self, steady_bps: float = 1.0) -> None:
        self.mean_rate_bps = steady_bps

    def duration(self, start_s: float, bits: float) -> float:
        """Seconds for so many bits."""
        return bits / self.mean_rate_bps

    def bits_between(self, start_s: float, end_s: float) -> float:
        """Bits in that time."""
        return (end_s - start_s) * self.mean_rate_bps

    def rate_bps(self, time_s: float) -> float:
        """The rate."""
        return self.mean_rate_bps

    def snr(self, time_s: float) -> float:
        """No rate follows from it here."""
        return 1.0

    def window(self, time_s: float, until_s: float) -> RateWindow:
        """The same rate for ever."""
        return constant_window(self.mean_rate_bps)


def job(
    num_tokens: int,
    *,
    think_s: ArrayLike = 0.0,
    uplink_s: ArrayLike = 0.0,
    server_s: ArrayLike = 0.0,
    arrival_s: float | None = None,
) -> DeviceJob:
    """One session whose tokens take so long at each station; all arguments broadcast to [num_tokens]."""

    def table(values: ArrayLike) -> FloatArray:
        return np.array(np.broadcast_to(np.asarray(values, np.float64), (1, num_tokens)))

    nothing, bits, llm_s = np.zeros((1, num_tokens)), table(uplink_s), table(server_s)
    work = Workload(
        length=np.array([num_tokens]),
        tokens=np.ones((1, num_tokens), np.int64),
        drafted=np.ones((1, num_tokens), np.int64),
        kept=np.zeros((1, num_tokens), np.int64),
        downlink_bits=nothing,
        slm_s=table(think_s),
        uncertainty_s=nothing,
        uploads=bits > 0,
        bits=bits,
        carries_prompt=nothing > 0,
        prompt_bits=nothing,
        calls_llm=llm_s > 0,
        llm_s=llm_s,
        downlink_s=nothing,
        slm_prefill_s=nothing,
        llm_prefill_s=nothing,
        llm_context=nothing.astype(int),
        llm_positions=np.ones((1, num_tokens), int),
        ahead_s=nothing,
        vain_s=nothing,
    )
    link = SteadyLink()
    return DeviceJob(work, lambda *_: link, 0.0, 0.0, None if arrival_s is None else [arrival_s])


def _sojourns(
    services: Callable[[np.random.Generator], FloatArray],
    seed: int,
    base_station: BaseStation,
    *,
    server: bool,
) -> tuple[float, float]:
    """Mean wait and mean time at one station, the warm-up left out."""
    needs = services(np.random.default_rng([91, seed]))
    times_s = poisson_arrivals(seed, 0, LOAD, REQUESTS)
    station = "server_s" if server else "uplink_s"
    jobs = [job(1, **{station: need}, arrival_s=at) for at, need in zip(times_s, needs, strict=True)]
    timings = [log.timings for log in simulate_base_station(jobs, base_station)][WARM_UP:]
    waits = np.array([own.queue_s[0, 0] for own in timings])
    spent = np.array([own.uplink_s[0, 0] for own in timings])
    return float(waits.mean()), float((waits + spent).mean())


def _two_speeds(rng: np.random.Generator) -> FloatArray:
    """Mean 1, second moment 0.8 * 2 * 0.5^2 + 0.2 * 2 * 3^2 = 4."""
    return np.where(rng.random(REQUESTS) < 0.8, 0.5, 3.0) * rng.exponential(1.0, REQUESTS)


LAWS: list[tuple[str, Callable[[np.random.Generator], FloatArray], float]] = [
    ("M/D/1", lambda _: np.ones(REQUESTS), 1.0),
    ("M/M/1", lambda rng: rng.exponential(1.0, REQUESTS), 2.0),
    ("M/G/1", _two_speeds, 4.0),
]


def open_queues(replications: int) -> list[Check]:
    """Waiting at the uplink and at the server, and processor sharing, at a load of 0.6."""
    checks = []
    for name, services, second_moment in LAWS:
        expected = LOAD * second_moment / (2 * (1 - LOAD))
        for server in (False, True):
            waits = [
                _sojourns(services, seed, BaseStation(), server=server)[0] for seed in range(replications)
            ]
            subject = f"{name}: mean wait at the {'server' if server else 'uplink'}, s"
            checks.append(of_means(subject, KLEINROCK, expected, waits))
    base_station = BaseStation(uplink=EqualSplitUplink)
    times = [
        _sojourns(_two_speeds, 500 + seed, base_station, server=False)[1] for seed in range(replications)
    ]
    subject, source = (
        "M/G/1-PS: mean time on an equally split uplink, s",
        "1 / (1 - load) for any law of sizes",
    )
    return [*checks, of_means(subject, source, 1 / (1 - LOAD), times)]


def closed_throughput(num_devices: int, think_s: float, services_s: tuple[float, ...]) -> float:
    """Tokens a second of a closed network of FIFO stations with exponential services: mean value analysis.

    Source: Reiser and Lavenberg, *Mean-Value Analysis of Closed Multichain Queuing Networks*, J. ACM 27, 1980.

    >>> round(closed_throughput(1, 1.0, (0.4, 0.25)), 6)
    0.606061
    """
    queued, rate = np.zeros(len(services_s)), 0.0
    for number in range(1, num_devices + 1):
        spent_s = np.array(services_s) * (1 + queued)
        rate = number / (think_s + float(spent_s.sum()))
        queued = rate * spent_s
    return rate


def closed_network(replications: int) -> list[Check]:
    """Devices that think, upload and wait for the server."""
    think_s, services_s, tokens, cut = 1.0, (0.4, 0.25), 400, 40
    checks = []
    for num_devices in (2, 5, 12):
        rates = []
        for seed in range(replications):
            rng = np.random.default_rng([92, num_devices, seed])
            jobs = [
                job(
                    tokens,
                    think_s=rng.exponential(think_s, tokens),
                    uplink_s=rng.exponential(services_s[0], tokens),
                    server_s=rng.exponential(services_s[1], tokens),
                )
                for _ in range(num_devices)
            ]
            starts = [log.timings.start_s[0] for log in simulate_base_station(jobs, BaseStation())]
            # All are busy between the last device's warm-up and the first one's end.
            begin, end = max(own[cut] for own in starts), min(own[-1] for own in starts)
            count = sum(int(((own > begin) & (own <= end)).sum()) for own in starts)
            rates.append(count / (end - begin))
        expected = closed_throughput(num_devices, think_s, services_s)
        subject = f"closed network of {num_devices} devices: tokens/s"
        checks.append(of_means(subject, "mean value analysis (Reiser, Lavenberg 1980)", expected, rates))
    return checks


def proportional_fair(slots: int) -> list[Check]:
    """Gain of the best of N Rayleigh links, rates in proportion to the gains: the harmonic number of N."""
    checks = []
    for number in (2, 4, 8):
        scheduler, rng = ProportionalFair(1000.0), np.random.default_rng([93, number])
        got = np.empty(slots)
        for slot in range(slots):
            rates = rng.exponential(size=number)
            waiting = [
                Backlog(device, 0.0, SteadyLink(float(rate)), 0.0, (0.0, 1.0))
                for device, rate in enumerate(rates)
            ]
            got[slot] = rates[scheduler.pick(slot, float(slot), waiting)]
        blocks = got[2000:].reshape(20, -1).mean(axis=1)
        expected = float(sum(1 / n for n in range(1, number + 1)))
        line = of_means(
            f"proportional fair, {number} devices: gain", "harmonic number of N", expected, blocks
        )
        # The average that the choice rests on errs by 1 / sqrt(1000), which costs up to 1 % of the rate.
        allowed = line.allowed + 0.01 * expected
        checks.append(
            Check(line.subject, line.source, expected, line.measured, allowed, f"{line.because}, 1 %")
        )
    return checks
