"""What the arithmetic of a token costs by itself, in compiled code on this machine: nanoseconds of each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial

import numpy as np
import simpy
from numba import njit
from numpy.typing import NDArray

from channels.drain import drain, prefix_sums
from channels.fading import Rayleigh
from channels.rates import shannon
from channels.uniforms import keyed_uniforms
from channels.units import from_db
from netsim.results.columns import LEVELS
from netsim.results.compiled_quantiles import GroupedQuantiles
from netsim.results.order import KINDS

FloatArray = NDArray[np.float64]
REPEATS = 15
COHERENCE_S, BANDWIDTH_HZ = 0.01, 1e7
#: Values of a step, as many as a seed's blocks of fading are: they stay in a processor's cache.
VALUES = 2**14
#: Edges of blocks that a drain crosses.
CROSSED = (0, 1, 8, 64, 500)
#: Exchanges of a row.
ROW = 2048


def unit_costs(snrs_db: Sequence[float]) -> dict[str, float]:
    """CPU nanoseconds of each step, the best of several turns; rates at each mean SNR in dB."""
    one_key, many_keys = np.array([[1, 2, 3, 4]]), np.array([[1, 2, 3, key] for key in range(512)])
    starts = np.array([0, VALUES])
    uniforms = keyed_uniforms(one_key, 0, starts)
    gains = Rayleigh().gains(uniforms)
    rates_bps = shannon(10 * gains, BANDWIDTH_HZ)
    rows = np.random.default_rng(0).random((16, ROW))
    ranked, levels = _all_took_place(*rows.shape), np.array(LEVELS)
    found = np.empty((len(rows), len(KINDS), levels.size))
    per_value: dict[str, tuple[Callable[[], object], int]] = {
        "key of a session": (lambda: keyed_uniforms(many_keys, 0, np.zeros(513, np.int64)), 512),
        "uniform": (lambda: keyed_uniforms(one_key, 0, starts), VALUES),
        "logarithm of a Rayleigh gain": (lambda: Rayleigh().gains(uniforms), VALUES),
        "prefix sum": (lambda: prefix_sums(rates_bps, COHERENCE_S), VALUES),
        "quantiles of 2048, a value": (lambda: ranked.write(rows, levels, found), rows.size),
        "addition in numpy": (lambda: rows[:8] + rows[8:], rows.size // 2),
        "SimPy event": (lambda: _timeouts(VALUES), VALUES),
    }
    # Small ratios have a quicker logarithm.
    rates = {rate(snr_db): (partial(_rates, gains, from_db(snr_db)), VALUES) for snr_db in snrs_db}
    drains = {
        drained(crossed): (partial(_drain_all, *_uploads(rates_bps, crossed)), VALUES) for crossed in CROSSED
    }
    return by_turns({**per_value, **rates, **drains})


def _all_took_place(num_rows: int, num_exchanges: int) -> GroupedQuantiles:
    """Every exchange, of one token each and one prompt a row."""
    return GroupedQuantiles(
        starts=num_exchanges * np.arange(num_rows + 1),
        places=np.tile(np.arange(num_exchanges), num_rows),
        emitted=np.ones(num_rows * num_exchanges, np.int64),
        tokens=np.full(num_rows, num_exchanges),
        first_starts=np.arange(num_rows + 1),
        first_places=np.zeros(num_rows, np.int64),
    )


def by_turns(steps: Mapping[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """CPU nanoseconds of one of so many values, by name of the step."""
    best = dict.fromkeys(steps, np.inf)
    for action, _ in steps.values():
        action()
    for _ in range(REPEATS):
        for name, (action, number) in steps.items():
            started = time.process_time_ns()
            action()
            best[name] = min(best[name], (time.process_time_ns() - started) / number)
    return best


def rate(snr_db: float) -> str:
    """Name of a rate at a mean SNR."""
    return f"rate at {snr_db:g} dB"


def _rates(gains: FloatArray, snr: float) -> FloatArray:
    return shannon(snr * gains, BANDWIDTH_HZ)


def drained(crossed: int) -> str:
    """Name of a drain that crosses so many edges of blocks."""
    return f"drain across {crossed} blocks" if crossed else "drain within a block"


def drain_ns(costs: Mapping[str, float], crossed: FloatArray) -> float:
    """Sum over uploads: what each takes grows with the logarithm of the blocks that it crosses."""
    known = [costs[drained(own)] for own in CROSSED]
    return float(np.interp(np.log2(1 + crossed), np.log2(1 + np.array(CROSSED)), known).sum())


def _uploads(rates_bps: FloatArray, crossed: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Rates, their prefix sums, and starts and bits of uploads from all over a session that cross so many edges."""
    prefix_bits = prefix_sums(rates_bps, COHERENCE_S)
    first = np.random.default_rng(0).integers(0, rates_bps.size - 1000, VALUES)
    bits: FloatArray = prefix_bits[0, first + crossed] - prefix_bits[0, first]
    if not crossed:
        bits = 0.5 * COHERENCE_S * rates_bps[first]
    return rates_bps, prefix_bits, np.asarray((first + 0.25) * COHERENCE_S, np.float64), bits


@njit(cache=True)
def _drain_all(
    rates_bps: FloatArray, prefix_bits: FloatArray, start_s: FloatArray, bits: FloatArray
) -> float:
    total_s = 0.0
    for number in range(start_s.size):
        total_s += drain(rates_bps, prefix_bits, COHERENCE_S, False, start_s[number], bits[number])
    return total_s


def _timeouts(number: int) -> None:
    env = simpy.Environment()

    def process() -> Generator[simpy.Event, None, None]:
        for _ in range(number):
            yield env.timeout(1.0)

    env.process(process())
    env.run()
