"""A recorded series of signal-to-noise ratios as a channel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from channels.csv_file import read_columns
from channels.fading import GainStream
from channels.rates import FloatArray
from channels.units import from_db

COLUMNS = ["time_s", "snr_db"]
#: Some 30 million years: sums of such times are still finite.
LATEST_S = Decimal(10) ** 15


class _RecordedStream(GainStream):
    """One session of `Recorded`, from some second of the series on."""

    def __init__(self, recorded: Recorded, coherence_time_s: float, start_s: float) -> None:
        self._times_s, self._gains = recorded.samples
        self._start_s = start_s
        self._end = recorded.end
        self._length_s = recorded.length_s
        self._coherence_time_s = coherence_time_s
        self._next_block = 0

    def take(self, num_blocks: int) -> FloatArray:
        """Return the next `num_blocks` gains, fewer where the series ends and is to be refused."""
        # A block edge that rounds to just below a sample's time belongs to that sample.
        starts_s = (self._next_block + np.arange(num_blocks) + 1e-6) * self._coherence_time_s + self._start_s
        self._next_block += num_blocks
        if self._end == "loop":
            starts_s %= self._length_s
        elif self._end == "refuse":
            starts_s = starts_s[starts_s < self._length_s]
        else:
            self.settled = bool(starts_s.size and starts_s[-1] >= self._times_s[-1])
        sample = np.searchsorted(self._times_s, starts_s, side="right") - 1
        return self._gains[sample]


@dataclass(frozen=True, repr=False)
class Recorded:
    """A recorded SNR series: each sample holds until the next one, the last as long as the one before it.

    A session starts at the first sample. Gains are relative to `mean_snr`: a curve built with that mean
    has the SNR that was recorded, and another mean shifts the whole series.

    Parameters
    ----------
    times_s : tuple of float. At least two, finite, strictly increasing, in seconds.
    snr_db : tuple of float. Signal-to-noise ratio from each time on, dB, finite; as many as `times_s`.
    end : 'hold', 'loop' or 'refuse'. After the series: keep the last sample, start again, or have the
        session raise `channels.gains.ChannelEnded`.

    Raises
    ------
    ValueError
        A series that is not as described.

    Examples
    --------
    >>> recorded = Recorded(times_s=(0.0, 1.0), snr_db=(10.0, 0.0), end="loop")
    >>> recorded.mean_snr
    5.5
    """

    times_s: tuple[float, ...]
    snr_db: tuple[float, ...]
    end: Literal["hold", "loop", "refuse"] = "refuse"

    def __repr__(self) -> str:
        """In a line, since messages name the fading of a link; a series may have a million samples."""
        return f"Recorded({len(self.times_s)} samples from {self.times_s[0]:g} s, end={self.end!r})"

    def __post_init__(self) -> None:
        if len(self.times_s) < 2 or len(self.times_s) != len(self.snr_db):
            raise ValueError(
                f"Recorded: needs at least two samples with a time and an SNR each, "
                f"got {len(self.times_s)} times and {len(self.snr_db)} SNRs"
            )
        if not np.isfinite(self.times_s + self.snr_db).all():
            raise ValueError("Recorded: times_s and snr_db must be finite")
        backwards = np.flatnonzero(np.diff(self.times_s) <= 0)
        if backwards.size:
            raise ValueError(
                f"Recorded.times_s: must increase, but {self.times_s[backwards[0] + 1]} "
                f"follows {self.times_s[backwards[0]]}"
            )
        if self.end not in {"hold", "loop", "refuse"}:
            raise ValueError(f"Recorded.end: must be hold, loop or refuse, got {self.end!r}")

    @cached_property
    def samples(self) -> tuple[FloatArray, FloatArray]:
        """Seconds since the first sample, and the gain of each: [num_samples], float."""
        return np.array(self.times_s) - self.times_s[0], self.gains()

    @cached_property
    def length_s(self) -> float:
        """Length of the series in seconds."""
        return float(np.sum(self._held_s()))

    @property
    def mean_snr(self) -> float:
        """Mean of the signal-to-noise ratio over the time of the series, linear."""
        return float(np.average(self._snr(), weights=self._held_s()))

    def gains(self) -> FloatArray:
        """[num_samples], float. Power gain of each sample over the series' mean, linear."""
        return self._snr() / self.mean_snr

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        """Start the gains of one session: block by block, the sample that holds at its start."""
        return self.stream_from(0.0, coherence_time_s)

    def stream_from(self, start_s: float, coherence_time_s: float) -> GainStream:
        """The same from ``start_s`` seconds after the first sample on.

        Raises
        ------
        ValueError
            A block is longer than the shortest step of the series: samples would be passed over.
        """
        shortest_s = self._shortest_step_s
        if coherence_time_s > shortest_s * (1 + 1e-9):
            raise ValueError(
                f"coherence_time_s: must be at most the shortest step of the recorded series, "
                f"{shortest_s} s, got {coherence_time_s}"
            )
        return _RecordedStream(self, coherence_time_s, start_s)

    def cdf(self, gain: float) -> float:
        """Share of the series' time with a gain of at most `gain`."""
        return float(np.average(self.gains() <= gain, weights=self._held_s()))

    @cached_property
    def _shortest_step_s(self) -> float:
        return float(np.min(np.diff(self.times_s)))

    def _snr(self) -> FloatArray:
        return from_db(np.array(self.snr_db, np.float64))

    def _held_s(self) -> FloatArray:
        steps_s = np.diff(self.times_s)
        return np.append(steps_s, steps_s[-1])


@dataclass(frozen=True)
class RecordedFrom:
    """A recorded series that a session enters at some second: a `channels.fading.Fading`.

    Parameters
    ----------
    series : Recorded
    start_s : float. Seconds after the first sample, finite, >= 0.
    """

    series: Recorded
    start_s: float

    def stream(self, rng: np.random.Generator, coherence_time_s: float) -> GainStream:
        """Start the gains of one session; see `Recorded.stream_from`."""
        return self.series.stream_from(self.start_s, coherence_time_s)

    def cdf(self, gain: float) -> float:
        """Share of the whole series' time with a gain of at most `gain`."""
        return self.series.cdf(gain)


@dataclass(frozen=True)
class Reading:
    """How devices and prompts read a recorded series that goes on from prompt to prompt.

    Parameters
    ----------
    device_offset_s : float. How much further into the series each device begins than the one before it, >= 0.
    random_start : bool. Whether each seed begins at a random second of the series.
    """

    device_offset_s: float = 0.0
    random_start: bool = False

    def at(self, series: Recorded, uniform: float, device: int, now_s: float) -> RecordedFrom:
        """The series for a session of a device that starts at ``now_s``.

        Parameters
        ----------
        uniform : float. The seed's draw in [0, 1), used where starts are random.
        """
        start_s = now_s + device * self.device_offset_s + self.random_start * uniform * series.length_s
        return RecordedFrom(series, start_s % series.length_s if series.end == "loop" else start_s)


def load_recorded(path: Path, end: Literal["hold", "loop", "refuse"] = "refuse") -> Recorded:
    """Read a recorded SNR series from a CSV file with the columns ``time_s`` and ``snr_db``.

    Comments (lines that begin with ``#``) and further columns are passed over. Times may be seconds since an epoch:
    they are counted from the first sample on.

    Parameters
    ----------
    path : Path. The file, UTF-8.
    end : 'hold', 'loop' or 'refuse'. See `Recorded`.

    Raises
    ------
    ValueError
        The file is not such a series; the message begins with ``file:line``.
    """
    samples = [_sample(place, row) for place, row in read_columns(path, COLUMNS)]
    first_s = samples[0][0] if samples else Decimal(0)
    # Exactly, in decimal: the seconds of an epoch leave a double too few digits for steps of milliseconds.
    samples_s = [(float(time_s - first_s), snr_db) for time_s, snr_db in samples]
    try:
        return Recorded(tuple(time_s for time_s, _ in samples_s), tuple(snr for _, snr in samples_s), end)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _sample(place: str, row: list[str]) -> tuple[Decimal, float]:
    """Time and SNR of one row."""
    try:
        time_s, snr_db = Decimal(row[0].strip()), float(row[1])
    except (ValueError, InvalidOperation) as error:
        raise ValueError(f"{place}: needs two numbers, got {','.join(row)!r}") from error
    if not (math.isfinite(snr_db) and time_s.is_finite() and abs(time_s) <= LATEST_S):
        raise ValueError(f"{place}: needs finite numbers, got {','.join(row)!r}")
    return time_s, snr_db
