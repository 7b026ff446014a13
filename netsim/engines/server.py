"""The base station's server: replicas of the large model, and how they gather batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Protocol, TypedDict

import simpy

from netsim.costs.passes import Latency
from netsim.engines.uplink import FifoQueue


class Served(TypedDict):
    """What became of a request: the seconds that it waited, and that its pass took."""

    waited_s: float
    pass_s: float


class Server(Protocol):
    """Serves the requests of all devices."""

    def serve(self, pass_s: float, context: int, positions: int) -> simpy.Event:
        """Serve one request.

        Parameters
        ----------
        pass_s : float. Seconds of the pass by itself.
        context, positions : int. Tokens in the KV cache, and new ones.

        Returns
        -------
        simpy.Event
            Happens when the pass is over; its value is a ``Served``.
        """


class SingleServer(FifoQueue):
    """Each replica serves one request at a time, first come, first served."""

    def serve(self, pass_s: float, context: int, positions: int) -> simpy.Event:
        """Serve one request; see `Server.serve`."""
        return self._enter((pass_s, context, positions))

    def _service(self, queued_s: float, job: tuple[float, int, int]) -> tuple[float, Served]:
        pass_s = job[0]
        return pass_s, {"waited_s": queued_s, "pass_s": pass_s}


def batch_seconds(llm: Latency) -> Callable[[int, int, int], float]:
    """Seconds of a pass by (context, positions, batch), each looked up in ``llm`` once."""
    # The keys are lengths up to a session's, so that the table stays small.
    return lru_cache(maxsize=None)(
        lambda context, positions, batch: float(llm.seconds(context, positions, batch))
    )


@dataclass(slots=True)
class _Request:
    context: int
    positions: int
    asked_s: float
    done: simpy.Event
    ripe: bool


class BatchingServer:
    """Each replica serves up to ``max_batch`` requests in one pass.

    A free replica starts as soon as ``max_batch`` requests wait or the oldest has waited ``window_s``, and
    takes the oldest. A batch is padded to its longest members: its pass takes the measured time for the
    largest context, the most new positions and the number of requests.

    Parameters
    ----------
    env : simpy.Environment
    replicas, max_batch : int. At least 1.
    window_s : float. Seconds, >= 0.
    seconds : callable (context, positions, batch) -> float. See `batch_seconds`.
    """

    def __init__(
        self,
        env: simpy.Environment,
        replicas: int,
        max_batch: int,
        window_s: float,
        seconds: Callable[[int, int, int], float],
    ) -> None:
        self._env = env
        self._free = replicas
        self._max_batch = max_batch
        self._window_s = window_s
        self._seconds = seconds
        self._line: deque[_Request] = deque()

    def serve(self, pass_s: float, context: int, positions: int) -> simpy.Event:
        """Serve one request; see `Server.serve`."""
        env, window_s, done = self._env, self._window_s, self._env.event()
        request = _Request(context, positions, env.now, done, ripe=not window_s)
        self._line.append(request)
        if self._free:
            self._start()
        if window_s and not done.triggered:
            env.timeout(window_s).callbacks.append(partial(self._ripen, request))
        return done

    def foresee(self, within_s: float, job: tuple[float, int, int]) -> Served | None:
        """What becomes of a request, if nobody else can notice; see `netsim.engines.uplink.Foresight.foresee`.

        It is then a batch by itself, once it has waited for others.
        """
        if not self._free or self._line or within_s <= 0.0:
            return None
        _, context, positions = job
        waited_s = self._window_s if self._max_batch > 1 else 0.0
        pass_s = self._seconds(context, positions, 1)
        return {"waited_s": waited_s, "pass_s": pass_s} if waited_s + pass_s < within_s else None

    def _ripen(self, request: _Request, _over: simpy.Event) -> None:
        request.ripe = True
        self._start()

    def _start(self) -> None:
        """Start as many batches as can start now."""
        line, most = self._line, self._max_batch
        while self._free and line and (line[0].ripe or len(line) >= most):
            requests = [line.popleft() for _ in range(min(most, len(line)))]
            context = max([request.context for request in requests])
            positions = max([request.positions for request in requests])
            pass_s = self._seconds(context, positions, len(requests))
            self._free -= 1
            over = self._env.timeout(pass_s)
            over.callbacks.append(partial(self._end, requests, self._env.now, pass_s))

    def _end(self, requests: list[_Request], started_s: float, pass_s: float, _over: simpy.Event) -> None:
        self._free += 1
        for request in requests:
            served: Served = {"waited_s": started_s - request.asked_s, "pass_s": pass_s}
            request.done.succeed(served)
        if self._line:
            self._start()
