"""Path loss, line of sight and shadowing of 3GPP TR 38.901, and the link budget that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from channels.units import SPEED_OF_LIGHT_M_S

THERMAL_NOISE_DBM_PER_HZ = -174.0
"""Thermal noise at 290 K, dBm/Hz."""

Environment = Literal["uma", "umi", "inh"]


@dataclass(frozen=True)
class _Law:
    """One environment of TR 38.901, tables 7.4.1-1 (path loss, shadowing); distances in m, GHz, dB.

    Line of sight: ``intercept + slope * log10(d3d) + 20 log10(f)``; beyond the break point the slope is
    40 and the loss falls by ``break_slope * log10(d_bp^2 + (h_bs - h_ut)^2)``. No line of sight:
    ``blocked_intercept + blocked_slope * log10(d3d) + blocked_frequency * log10(f)
    - blocked_height * (h_ut - 1.5)``, and never less than with one.
    """

    intercept: float
    slope: float
    break_slope: float | None
    blocked_intercept: float
    blocked_slope: float
    blocked_frequency: float
    blocked_height: float
    shadowing_db: float
    blocked_shadowing_db: float
    least_distance_m: float
    most_distance_m: float


_LAWS: dict[Environment, _Law] = {
    "uma": _Law(28.0, 22.0, 9.0, 13.54, 39.08, 20.0, 0.6, 4.0, 6.0, 10.0, 5000.0),
    "umi": _Law(32.4, 21.0, 9.5, 22.4, 35.3, 21.3, 0.3, 4.0, 7.82, 10.0, 5000.0),
    "inh": _Law(32.4, 17.3, None, 17.30, 38.3, 24.9, 0.0, 3.0, 8.03, 1.0, 150.0),
}

_ENVIRONMENT_HEIGHT_M = 1.0
"""``h_E`` of table 7.4.1-1, note 1: 1 m in UMi, and in UMa for a device below 13 m."""

_HIGH_DEVICE_M = 13.0
"""Above it, UMa's line of sight is likelier and its environment height random: note 1, table 7.4.2-1."""


@dataclass(frozen=True)
class PropagationConditions:
    """What a place is like, drawn once.

    Attributes
    ----------
    line_of_sight : bool. Whether the base station is in sight.
    shadowing_db : float. Log-normal shadowing, mean 0, dB.
    environment_height_m : float. ``h_E``, which moves UMa's break point.
    """

    line_of_sight: bool
    shadowing_db: float = 0.0
    environment_height_m: float = _ENVIRONMENT_HEIGHT_M


@dataclass(frozen=True)
class Site:
    """A base station's surroundings, heights and carrier.

    Parameters
    ----------
    environment : 'uma' (urban macro), 'umi' (urban micro, street canyon) or 'inh' (indoor mixed office).
    carrier_hz : float. Carrier frequency in Hz, 0.5 to 100 GHz.
    base_height_m : float. Antenna of the base station above ground, > 1 m outdoors.
    device_height_m : float. Device above ground, in metres: 1.5 to 22.5 outdoors, above 0 to below 13 indoors.

    Raises
    ------
    ValueError
        A value out of range.
    """

    environment: Environment
    carrier_hz: float
    base_height_m: float
    device_height_m: float

    def __post_init__(self) -> None:
        if self.environment not in _LAWS:
            raise ValueError(f"Site.environment: must be one of {', '.join(_LAWS)}, got {self.environment!r}")
        if not 0.5e9 <= self.carrier_hz <= 100e9:
            raise ValueError(f"Site.carrier_hz: must be 0.5e9 to 100e9, got {self.carrier_hz}")
        indoors = self.environment == "inh"
        if not (0 if indoors else _ENVIRONMENT_HEIGHT_M) < self.base_height_m < math.inf:
            raise ValueError(f"Site.base_height_m: too low or not finite, got {self.base_height_m}")
        height_m = self.device_height_m
        if not (0 < height_m < 13 if indoors else 1.5 <= height_m <= 22.5):
            allowed = "above 0 and below 13" if indoors else "1.5 to 22.5"
            raise ValueError(f"Site.device_height_m: must be {allowed}, got {height_m}")

    def path_loss_db(
        self,
        distance_m: float,
        *,
        line_of_sight: bool,
        environment_height_m: float = _ENVIRONMENT_HEIGHT_M,
    ) -> float:
        """Path loss in dB: TR 38.901, table 7.4.1-1.

        Parameters
        ----------
        distance_m : float. Horizontal distance in metres: 10 to 5000 (UMa, UMi); in InH the distance
            between the antennas must be 1 to 150.
        line_of_sight : bool. Whether the base station is in sight.
        environment_height_m : float. ``h_E`` of note 1; 1 but for UMa with a device of at least 13 m.

        Raises
        ------
        ValueError
            A distance outside the range for which the formulas hold.
        """
        law = _LAWS[self.environment]
        if not self.covers(distance_m):
            raise ValueError(
                f"{self.environment}: path loss holds from {law.least_distance_m} to "
                f"{law.most_distance_m} m, got {distance_m}"
            )
        log_distance = math.log10(self._distance_3d_m(distance_m))
        log_ghz = math.log10(self.carrier_hz / 1e9)
        break_point_m = self._break_point_m(environment_height_m)
        if law.break_slope is not None and distance_m > break_point_m:
            drop = self.base_height_m - self.device_height_m
            log_break = math.log10(break_point_m**2 + drop**2)
            clear_db = law.intercept + 40 * log_distance - law.break_slope * log_break
        else:
            clear_db = law.intercept + law.slope * log_distance
        clear_db += 20 * log_ghz
        if line_of_sight:
            return clear_db
        blocked_db = law.blocked_intercept + law.blocked_slope * log_distance
        blocked_db += law.blocked_frequency * log_ghz - law.blocked_height * (self.device_height_m - 1.5)
        return max(clear_db, blocked_db)

    def covers(self, distance_m: float) -> bool:
        """Whether the formulas hold at a horizontal distance in metres."""
        law = _LAWS[self.environment]
        distance = self._distance_3d_m(distance_m) if self.environment == "inh" else distance_m
        return law.least_distance_m <= distance <= law.most_distance_m

    def shadowing_db(self, *, line_of_sight: bool) -> float:
        """Standard deviation of log-normal shadowing in dB: TR 38.901, table 7.4.1-1."""
        law = _LAWS[self.environment]
        return law.shadowing_db if line_of_sight else law.blocked_shadowing_db

    def line_of_sight_probability(self, distance_m: float) -> float:
        """Probability that the base station is in sight: TR 38.901, table 7.4.2-1 (InH: mixed office).

        Parameters
        ----------
        distance_m : float. Horizontal distance in metres, >= 0.
        """
        if self.environment == "inh":
            if distance_m <= 1.2:
                return 1.0
            if distance_m < 6.5:
                return math.exp(-(distance_m - 1.2) / 4.7)
            return 0.32 * math.exp(-(distance_m - 6.5) / 32.6)
        if distance_m <= 18:
            return 1.0
        reach_m = 63.0 if self.environment == "uma" else 36.0
        low = 18 / distance_m + math.exp(-distance_m / reach_m) * (1 - 18 / distance_m)
        return low * (1 + self._height_gain(distance_m))

    def draw(self, distance_m: float, rng: np.random.Generator) -> PropagationConditions:
        """Draw what a place is like.

        Parameters
        ----------
        distance_m : float. Horizontal distance in metres.
        rng : numpy.random.Generator
            One uniform and one normal draw are taken, and in UMa from a height of 13 m on one or two more.
        """
        line_of_sight = bool(rng.random() < self.line_of_sight_probability(distance_m))
        shadowing_db = float(rng.normal(0.0, self.shadowing_db(line_of_sight=line_of_sight)))
        return PropagationConditions(line_of_sight, shadowing_db, self._environment_height_m(distance_m, rng))

    def _height_gain(self, distance_m: float) -> float:
        """``C(d, h_UT)`` of UMa, 0 elsewhere: note 1 of table 7.4.1-1, the same as in table 7.4.2-1."""
        if self.environment != "uma" or self.device_height_m <= _HIGH_DEVICE_M or distance_m <= 18:
            return 0.0
        by_distance = 1.25 * (distance_m / 100) ** 3 * math.exp(-distance_m / 150)
        return float(((self.device_height_m - _HIGH_DEVICE_M) / 10) ** 1.5 * by_distance)

    def _environment_height_m(self, distance_m: float, rng: np.random.Generator) -> float:
        """``h_E``: 1 m with probability ``1 / (1 + C)``, else one of 12, 15, … up to ``h_UT - 1.5``."""
        gain = self._height_gain(distance_m)
        heights_m = np.arange(12.0, self.device_height_m - 1.5 + 1e-9, 3.0)
        if not gain or rng.random() < 1 / (1 + gain) or not heights_m.size:
            return _ENVIRONMENT_HEIGHT_M
        return float(heights_m[int(rng.random() * heights_m.size)])

    def _distance_3d_m(self, distance_m: float) -> float:
        return math.hypot(distance_m, self.base_height_m - self.device_height_m)

    def _break_point_m(self, environment_height_m: float) -> float:
        """Break-point distance: table 7.4.1-1, note 1."""
        base_m = self.base_height_m - environment_height_m
        device_m = self.device_height_m - environment_height_m
        return 4 * base_m * device_m * self.carrier_hz / SPEED_OF_LIGHT_M_S


def mean_snr_db(transmit_dbm: float, loss_db: float, noise_figure_db: float, bandwidth_hz: float) -> float:
    """Mean signal-to-noise ratio of a link in dB.

    Parameters
    ----------
    transmit_dbm : float. Transmit power, antenna gains included, dBm.
    loss_db : float. Path loss plus shadowing, dB.
    noise_figure_db : float. Noise figure of the receiver, dB.
    bandwidth_hz : float. Bandwidth in Hz, > 0.

    Examples
    --------
    >>> round(mean_snr_db(transmit_dbm=23, loss_db=120, noise_figure_db=5, bandwidth_hz=1e6), 9)
    12.0
    """
    noise_dbm = THERMAL_NOISE_DBM_PER_HZ + noise_figure_db + 10 * math.log10(bandwidth_hz)
    return transmit_dbm - loss_db - noise_dbm
