"""Floors: what SimPy and numpy alone take for the same time lines, with nothing of ours in the loop."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class TimeLine(NamedTuple):
    """A device's rounds, worked out beforehand: [num_rounds] each, seconds."""

    sends: NDArray[np.bool_]
    slm_s: FloatArray
    air_s: FloatArray
    llm_s: FloatArray


def bare_loop(time_lines: Sequence[TimeLine]) -> float:
    """Play time lines with SimPy's own resources: one uplink, one server; returns the clock at the end."""
    env = simpy.Environment()
    uplink, server = simpy.Resource(env), simpy.Resource(env)

    def device() -> Generator[simpy.Event, None, None]:
        for line in time_lines:
            for sends, slm_s, air_s, llm_s in zip(*(column.tolist() for column in line), strict=True):
                yield env.timeout(slm_s)
                if sends:
                    with uplink.request() as turn:
                        yield turn
                        yield env.timeout(air_s)
                    with server.request() as turn:
                        yield turn
                        yield env.timeout(llm_s)

    env.process(device())
    env.run()
    return float(env.now)


def bare_sum(time_lines: Sequence[TimeLine]) -> float:
    """Add up the same time lines with numpy."""
    return sum(float((line.slm_s + line.sends * (line.air_s + line.llm_s)).sum()) for line in time_lines)
