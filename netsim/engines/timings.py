"""When the exchanges of a device's sessions took place: what an engine hands back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Timings:
    """Seconds that the radio and the queues took; compute times are the workload's.

    All are [num_sessions, num_exchanges], 0 past a session's length.

    Attributes
    ----------
    grant_s : Scheduling request and grant.
    uplink_s : Air time of the exchange's bits, and propagation.
    core_up_s, core_down_s : Requests and responses between base station and server.
    queue_s : Waiting for the uplink and at the server.
    prompt_s : Grant, air time and propagation that only the prompt's ids caused.
    start_s : Start of the exchange since the simulation's start.
    air_s : Time in which the device transmits, the prompt's ids left out; counted at full power.
    prompt_air_s : Time in which the device transmits the prompt's ids.
    air_wait_s : The part of ``queue_s`` before the first bit of the exchange is sent.
    server_wait_s : The part of ``queue_s`` at the server.
    saved_s : Drafting of the exchange that was done while the one before was judged.
    vain_s : Drafting ahead that was thrown away.
    batch_s : What the LLM's pass took beyond that of the request by itself, because of its batch.
    """

    grant_s: FloatArray
    uplink_s: FloatArray
    core_up_s: FloatArray
    core_down_s: FloatArray
    queue_s: FloatArray
    prompt_s: FloatArray
    start_s: FloatArray
    air_s: FloatArray
    prompt_air_s: FloatArray
    air_wait_s: FloatArray
    server_wait_s: FloatArray
    saved_s: FloatArray
    vain_s: FloatArray
    batch_s: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[Timings]) -> Timings:
        """Sessions of several devices, one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def take(self, sessions: NDArray[np.int64]) -> Timings:
        """Timings of some of the sessions, in the given order."""
        return Timings(**{field.name: getattr(self, field.name)[sessions] for field in fields(self)})

    @classmethod
    def zeros(cls, num_sessions: int, num_exchanges: int) -> Timings:
        """Timings to be filled in."""
        return cls(**{field.name: np.zeros((num_sessions, num_exchanges)) for field in fields(cls)})
