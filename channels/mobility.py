"""A device that moves: the mean of its link changes along the way."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from channels.fading import Fading, GainStream
from channels.pathloss import PropagationConditions, Site
from channels.rates import FloatArray
from channels.units import from_db


@dataclass(frozen=True)
class StraightPath:
    """A straight line at constant speed; the base station stands at the origin.

    Parameters
    ----------
    start_m : (x, y). Position at time 0 in metres.
    velocity_m_s : (x, y). Velocity in m/s.
    """

    start_m: tuple[float, float]
    velocity_m_s: tuple[float, float]

    def distance_m(self, time_s: float) -> float:
        """Horizontal distance to the base station in metres at `time_s` seconds.

        Examples
        --------
        >>> StraightPath(start_m=(30.0, 40.0), velocity_m_s=(-1.0, 0.0)).distance_m(30.0)
        40.0
        """
        return math.hypot(*self._position_m(time_s))

    def closest_s(self) -> float:
        """Time, not before 0, at which the base station is nearest, in seconds."""
        speed_squared = self.velocity_m_s[0] ** 2 + self.velocity_m_s[1] ** 2
        if speed_squared == 0:
            return 0.0
        approach = self.start_m[0] * self.velocity_m_s[0] + self.start_m[1] * self.velocity_m_s[1]
        return max(0.0, -approach / speed_squared)

    def _position_m(self, time_s: float) -> tuple[float, float]:
        return (
            self.start_m[0] + self.velocity_m_s[0] * time_s,
            self.start_m[1] + self.velocity_m_s[1] * time_s,
        )


class _MovingStream(GainStream):
    """One session of `Moving`."""

    def __init__(self, moving: Moving, fading: GainStream, coherence_time_s: float) -> None:
        self._moving = moving
        self._fading = fading
        self._coherence_time_s = coherence_time_s
        self._next_block = 0

    def take(self, num_blocks: int) -> FloatArray:
        """Return the next gains, fewer where the line leaves the range of the path-loss model."""
        starts_s = (self._next_block + np.arange(num_blocks)) * self._coherence_time_s
        inside = list(itertools.takewhile(self._moving.covers, starts_s.tolist()))
        self._next_block += num_blocks
        fading = self._fading.take(len(inside))
        means = np.array([self._moving.mean_gain(time_s) for time_s in inside])
        return means[: fading.size] * fading


@dataclass(frozen=True)
class Moving:
    """Fading of a device that moves along a line: path loss times a fading model.

    Gains are relative to the mean at time 0, so a curve is built with the SNR there. The surroundings are those of the session's start. Where the line leaves the range of the path-loss model,
    the series ends, and a session that goes on raises `channels.gains.ChannelEnded`.

    Parameters
    ----------
    fading : Fading. Around the mean.
    line : StraightPath. The way of the device.
    site : Site. The base station at the origin.
    surroundings : PropagationConditions. Whether it is in sight, and the environment's height.

    Raises
    ------
    ValueError
        The line starts outside the range of the path-loss model.
    """

    fading: Fading
    line: StraightPath
    site: Site
    surroundings: PropagationConditions

    def __post_init__(self) -> None:
        self._path_loss_db(0.0)

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        """Start the gains of one session; a block has the mean of its start."""
        return _MovingStream(self, self.fading.stream(rng, coherence_time_s), coherence_time_s)

    def cdf(self, gain: float) -> float:
        """Probability that a block's gain is at most `gain` where the mean is greatest."""
        closest_s = self.line.closest_s()
        # The path-loss model does not say how good the nearest place is, so rule nothing out.
        if not self.covers(closest_s):
            return 0.0
        return self.fading.cdf(gain / self.mean_gain(closest_s))

    def covers(self, time_s: float) -> bool:
        """Whether the path-loss model holds at `time_s` seconds."""
        return self.site.covers(self.line.distance_m(time_s))

    def mean_gain(self, time_s: float) -> float:
        """Mean gain at `time_s` seconds over that at time 0, linear."""
        start_db = self._path_loss_db(0.0)
        return from_db(start_db - self._path_loss_db(time_s))

    def _path_loss_db(self, time_s: float) -> float:
        return self.site.path_loss_db(
            self.line.distance_m(time_s),
            line_of_sight=self.surroundings.line_of_sight,
            environment_height_m=self.surroundings.environment_height_m,
        )
