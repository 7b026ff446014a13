"""Where a device is, and the mean SNR that follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from channels.gains import ChannelEnded
from channels.mobility import Moving, StraightPath
from channels.pathloss import Site, mean_snr_db
from channels.units import from_db
from netsim.radio.link import Radio
from traces.streams import PLACE_STREAM

Pair = tuple[float, float]


@dataclass(frozen=True)
class LinkBudget:
    """What an uplink's mean SNR depends on besides the device's place.

    Attributes
    ----------
    site : Site. The base station at the origin.
    transmit_dbm : float. Transmit power with antenna gains, dBm.
    noise_figure_db : float. Of the base station, dB.
    shadowing : bool. Whether log-normal shadowing is drawn.
    """

    site: Site
    transmit_dbm: float
    noise_figure_db: float
    shadowing: bool


@dataclass(frozen=True)
class Placement:
    """Placement of a device, and the law that its radio follows there.

    The surroundings (line of sight, shadowing) are drawn once a seed and device, at time 0, and stay.

    Attributes
    ----------
    budget : LinkBudget
    position_m : (x, y), optional. At time 0; None drops the device evenly over the disc of ``radius_m``.
    velocity_m_s : (x, y)
    radius_m : float, optional. For a device that is dropped.
    """

    budget: LinkBudget
    position_m: Pair | None
    velocity_m_s: Pair = (0.0, 0.0)
    radius_m: float | None = None

    def radio(self, base: Radio, seed: int, device: int, now_s: float) -> Radio:
        """Radio of a session that starts at ``now_s``: ``base`` at the mean SNR of the place.

        Raises
        ------
        ChannelEnded
            The device has left the range of the path-loss model.
        """
        budget, rng = self.budget, np.random.default_rng([PLACE_STREAM, seed, device])
        start_m = self.position_m or self._drop(rng)
        surroundings = budget.site.draw(math.hypot(*start_m), rng)
        here_m = (start_m[0] + self.velocity_m_s[0] * now_s, start_m[1] + self.velocity_m_s[1] * now_s)
        distance_m = math.hypot(*here_m)
        if not budget.site.covers(distance_m):
            raise ChannelEnded(
                f"device {device} is {distance_m:g} m away, where the path-loss model does not hold"
            )
        loss_db = budget.site.path_loss_db(
            distance_m,
            line_of_sight=surroundings.line_of_sight,
            environment_height_m=surroundings.environment_height_m,
        )
        if budget.shadowing:
            loss_db += surroundings.shadowing_db
        snr_db = mean_snr_db(budget.transmit_dbm, loss_db, budget.noise_figure_db, base.bandwidth_hz)
        fading = base.fading
        if any(self.velocity_m_s):
            fading = Moving(fading, StraightPath(here_m, self.velocity_m_s), budget.site, surroundings)
        return replace(base, snr=from_db(snr_db), fading=fading)

    def farthest_m(self) -> float:
        """Distance at time 0 in metres: that of the position, or the largest of those it may be dropped at."""
        return math.hypot(*self.position_m) if self.position_m else self.radius_m or 0.0

    def _drop(self, rng: np.random.Generator) -> Pair:
        """A place even over the disc, as far as the path-loss model holds there."""
        if self.radius_m is None:
            raise ValueError("a device without a position needs a radius")
        while True:
            distance_m = self.radius_m * math.sqrt(rng.random())
            if self.budget.site.covers(distance_m):
                return distance_m, 0.0
