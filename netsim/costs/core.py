"""The core network between base station and server: what a request and its response take on their way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from traces.streams import CORE_STREAM

FloatArray = NDArray[np.float64]
#: Uniforms of an exchange: its round-trip time, and the losses of its request and of its response.
DRAWS = 3


class Jitter(Protocol):
    """How the round-trip time varies from exchange to exchange."""

    def round_trip_s(self, mean_s: float, uniform: FloatArray) -> FloatArray:
        """Round-trip times of mean ``mean_s``, an inverse CDF of ``uniform`` in [0, 1); any shape."""


@dataclass(frozen=True)
class NoJitter:
    """Always the mean."""

    def round_trip_s(self, mean_s: float, uniform: FloatArray) -> FloatArray:
        """The mean."""
        return np.full(uniform.shape, mean_s)


@dataclass(frozen=True)
class GammaJitter:
    """Round-trip times of a gamma distribution with the mean and this standard deviation."""

    std_s: float

    def round_trip_s(self, mean_s: float, uniform: FloatArray) -> FloatArray:
        """Shape ``(mean / std)^2``, scale ``std^2 / mean``."""
        from scipy.special import gammaincinv  # noqa: PLC0415  (half a second, of no use without this law)

        scale_s = self.std_s**2 / mean_s
        return np.asarray(gammaincinv(mean_s / scale_s, uniform) * scale_s)


@dataclass(frozen=True)
class LogNormalJitter:
    """Round-trip times of a log-normal distribution with the mean and this standard deviation."""

    std_s: float

    def round_trip_s(self, mean_s: float, uniform: FloatArray) -> FloatArray:
        """``sigma^2 = log(1 + (std / mean)^2)``, ``mu = log(mean) - sigma^2 / 2``."""
        from scipy.special import ndtri  # noqa: PLC0415  (half a second, of no use without this law)

        variance = np.log1p((self.std_s / mean_s) ** 2)
        return np.asarray(mean_s * np.exp(np.sqrt(variance) * ndtri(uniform) - variance / 2))


@dataclass(frozen=True)
class CoreNetwork:
    """Between base station and server, beside the radio.

    An exchange crosses it once there and once back: a round-trip time counts once an exchange, and once for a stream
    of tokens that nobody asks for one by one, whose later tokens follow the first at the pace of the LLM. Half of the
    round-trip time is the request's, half the response's. Either is lost with a probability, independently, and sent
    again by its sender after a timeout, until it arrives.

    Attributes
    ----------
    rtt_s : float. Mean round-trip time.
    jitter : Jitter. Of the round-trip time.
    loss : float in [0, 1). Probability that a message is lost.
    timeout_s : float. Seconds until a lost message is sent again.
    """

    rtt_s: float = 0.0
    jitter: Jitter = NoJitter()
    loss: float = 0.0
    timeout_s: float = 0.2

    @property
    def free(self) -> bool:
        """Whether crossing takes no time."""
        return not self.rtt_s and not (self.loss and self.timeout_s)

    def crossings_s(
        self, seed: int, device: int, session: int, num_exchanges: int
    ) -> tuple[FloatArray, FloatArray]:
        """Seconds of each exchange's request and response, [num_exchanges] each.

        Parameters
        ----------
        session : int. The key that the session's fading has.
        """
        if self.free:
            return np.zeros(num_exchanges), np.zeros(num_exchanges)
        uniform = np.random.default_rng([CORE_STREAM, seed, device, session]).random((num_exchanges, DRAWS))
        way_s = self.jitter.round_trip_s(self.rtt_s, uniform[:, 0]) / 2
        return way_s + self._again_s(uniform[:, 1]), way_s + self._again_s(uniform[:, 2])

    def _again_s(self, uniform: FloatArray) -> FloatArray:
        """Timeouts before a message arrives: ``n`` of them or more with probability ``loss^n``."""
        if not self.loss:
            return np.zeros(uniform.shape)
        return np.asarray(np.floor(np.log1p(-uniform) / np.log(self.loss)) * self.timeout_s)
