"""When requests arrive at the devices: as a Poisson stream, or as they were recorded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from channels.csv_file import read_columns
from traces.streams import ARRIVAL_STREAM

COLUMNS = ["device", "time_s"]


class Arrivals(Protocol):
    """When requests arrive at the devices."""

    def of_devices(self, seed: int, counts: Sequence[int]) -> list[NDArray[np.float64] | int]:
        """Arrival times of each device's requests in seconds, or their number where each follows the one before.

        Parameters
        ----------
        seed : int
        counts : [num_devices], int. Requests of each device, where the arrivals don't say it themselves.

        Raises
        ------
        ValueError, OSError
            A recording can't be read.
        """


@dataclass(frozen=True)
class ClosedLoop:
    """Each request follows the one before at once."""

    def of_devices(self, seed: int, counts: Sequence[int]) -> list[NDArray[np.float64] | int]:
        """The counts as they are."""
        return [*counts]


@dataclass(frozen=True)
class Poisson:
    """A Poisson stream at every device, ``rate_hz`` requests a second on average."""

    rate_hz: float

    def of_devices(self, seed: int, counts: Sequence[int]) -> list[NDArray[np.float64] | int]:
        """Times of as many requests for every device."""
        return [poisson_arrivals(seed, device, self.rate_hz, count) for device, count in enumerate(counts)]


@dataclass(frozen=True)
class RecordedArrivals:
    """Requests as a file has them; see `load_arrivals`."""

    file: Path

    def of_devices(self, seed: int, counts: Sequence[int]) -> list[NDArray[np.float64] | int]:
        """Times as recorded."""
        return [*load_arrivals(self.file, len(counts))]


def poisson_arrivals(seed: int, device: int, rate_hz: float, count: int) -> NDArray[np.float64]:
    """Arrival times of a Poisson stream, drawn by inverse CDF from uniforms keyed (seed, device).

    Parameters
    ----------
    seed, device : int
    rate_hz : float. Mean arrivals per second, > 0.
    count : int. How many.

    Returns
    -------
    [count], float. Seconds, increasing.

    Examples
    --------
    >>> times_s = poisson_arrivals(0, 0, rate_hz=2.0, count=3)
    >>> times_s.shape, bool((np.diff(times_s) > 0).all())
    ((3,), True)
    """
    uniform = np.random.default_rng([ARRIVAL_STREAM, seed, device]).random(count)
    return np.asarray(np.cumsum(-np.log1p(-uniform) / rate_hz))


def load_arrivals(path: Path, num_devices: int) -> list[NDArray[np.float64]]:
    """Read recorded arrivals from a CSV file with the columns ``device`` and ``time_s``; others are passed over.

    Parameters
    ----------
    path : Path. The file, UTF-8; devices count from 0, times are seconds >= 0 in any order.
    num_devices : int

    Returns
    -------
    list of [num_requests], float. Seconds, not decreasing, one array per device.

    Raises
    ------
    ValueError
        The file is not such a series; the message begins with ``file:line``.
    """
    times_s: list[list[float]] = [[] for _ in range(num_devices)]
    for place, row in read_columns(path, COLUMNS):
        device, time_s = _arrival(place, row, num_devices)
        times_s[device].append(time_s)
    return [np.sort(np.array(own)) for own in times_s]


def _arrival(place: str, row: list[str], num_devices: int) -> tuple[int, float]:
    try:
        device, time_s = int(row[0]), float(row[1])
    except (ValueError, IndexError):
        raise ValueError(f"{place}: needs a device and a time, got {','.join(row)!r}") from None
    if not 0 <= device < num_devices:
        raise ValueError(f"{place}: device {device}, but there are 0 to {num_devices - 1}")
    if not 0 <= time_s < math.inf:
        raise ValueError(f"{place}: a time must be finite and at least 0, got {time_s:g}")
    return device, time_s
