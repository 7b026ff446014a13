"""Seconds of a forward pass: a constant, or interpolated between measured ones.

A profile is JSON that ``netsim profile`` writes: the medians of real forward passes on a grid of
context length (positions already in the KV cache), new positions of the pass, and batch size.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsim.costs.latency_file import LatencyError, ProfileFile, Role, read_profile
from netsim.costs.multilinear import Multilinear
from netsim.errors import in_unit

PROFILES = Path(__file__).resolve().parents[2] / "models" / "profiles"
AXES = ("context", "positions", "batch")


class LatencyOutOfRange(ValueError):  # noqa: N818 - says what is wrong, "Error" would add nothing
    """A forward pass outside of what was measured."""


class LatencyExtrapolated(UserWarning):
    """A forward pass outside of what was measured, extrapolated because the caller said so."""


@dataclass(frozen=True)
class ConstantLatency:
    """Every forward pass takes the same time.

    >>> float(ConstantLatency(0.02).seconds(context=100, positions=3))
    0.02
    """

    duration_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration_s) and self.duration_s >= 0):
            raise LatencyError(f"a latency must be a number of seconds >= 0, given {self.duration_s}")

    def seconds(self, context: ArrayLike, positions: ArrayLike, batch: ArrayLike = 1) -> NDArray[np.float64]:
        """Seconds of forward passes; arguments broadcast as in `LatencyProfile.seconds`."""
        shape = np.broadcast_shapes(np.shape(context), np.shape(positions), np.shape(batch))
        return np.full(shape, self.duration_s)


@dataclass(frozen=True, eq=False)
class LatencyProfile:
    """Measured seconds of forward passes of one model, interpolated multilinearly.

    Parameters
    ----------
    file : ProfileFile
        The measurement, as read.
    extrapolate : bool
        Go on linearly outside the grid, with a `LatencyExtrapolated` warning; default: refuse.
    """

    file: ProfileFile
    extrapolate: bool = False

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the profile's canonical JSON: changes with any number of the measurement."""
        text = json.dumps(self.file.model_dump(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def seconds(self, context: ArrayLike, positions: ArrayLike, batch: ArrayLike = 1) -> NDArray[np.float64]:
        """Seconds of forward passes with a KV cache.

        Parameters
        ----------
        context : [...], int. Positions already in the cache, >= 0.
        positions : [...], int. New positions of this pass, >= 1.
        batch : [...], int. Sequences side by side, >= 1.

        Returns
        -------
        [...], float64. Seconds; the median at a grid point, multilinear in between.

        Raises
        ------
        LatencyOutOfRange
            Outside the grid, or next to a cell that was not measured, unless `extrapolate` is set;
            then only where the axis has one point or the line falls below 0.
        """
        query = [np.asarray(value, np.float64) for value in (context, positions, batch)]
        for name, values, least in zip(AXES, query, (0, 1, 1), strict=True):
            if not np.all(values >= least):
                raise LatencyOutOfRange(
                    f"{name} must be at least {least}, given {_first(values, ~(values >= least))}"
                )
        places = [query[axis] for axis in self._wide]
        outside = self._outside(query, places)
        total: NDArray[np.float64] = self._interpolated.at(*places)
        shape = np.broadcast_shapes(*(values.shape for values in query))
        if total.shape != shape:  # an axis of one point, along which all is alike
            total = np.broadcast_to(total, shape).copy()
        if outside.any():
            if (total[np.broadcast_to(outside, shape)] < 0).any():
                raise LatencyOutOfRange(f"latency of {self.file.model}: extrapolated to less than 0 seconds")
            warnings.warn(f"latency of {self.file.model}: extrapolated", LatencyExtrapolated, stacklevel=2)
        return total

    def _outside(
        self, query: list[NDArray[np.float64]], places: list[NDArray[np.float64]]
    ) -> NDArray[np.bool_]:
        """Which passes are outside of what was measured, broadcast or alike for all; refuses those that may not be."""
        outside = np.zeros((), bool)
        for name, grid, values in zip(AXES, self._grids, query, strict=True):
            beyond = (values < grid[0]) | (values > grid[-1])
            if beyond.any() and (not self.extrapolate or len(grid) == 1):
                self._refuse(f"{name} {_first(values, beyond)}", f"{grid[0]:g} to {grid[-1]:g}")
            outside = outside | beyond
        for cells, refused in ((self._unknown, True), (self._unmeasured, not self.extrapolate)):
            if cells is None:
                continue
            *whole, missing = np.broadcast_arrays(*query, cells.at(*places) != 0)
            if missing.any() and refused:
                place = ", ".join(f"{n} {_first(v, missing)}" for n, v in zip(AXES, whole, strict=True))
                self._refuse(place, "a cell of the grid that was not measured")
            outside = outside | missing
        return outside

    def _refuse(self, place: str, measured: str) -> NoReturn:
        raise LatencyOutOfRange(
            f"latency of {self.file.model}: {place} is outside what was measured ({measured})"
        )

    @cached_property
    def _grids(self) -> list[NDArray[np.float64]]:
        return [np.array(a, np.float64) for a in (self.file.contexts, self.file.positions, self.file.batches)]

    @cached_property
    def _wide(self) -> list[int]:
        """Axes with more than one point: those that there is something to interpolate along."""
        return [axis for axis, grid in enumerate(self._grids) if len(grid) > 1] or [0]

    def _along(self, values: NDArray[np.float64]) -> Multilinear:
        """What a table says between its cells, linear outside."""
        grids = [self._grids[axis] for axis in self._wide]
        squeezed = values.reshape([len(grid) for grid in grids])
        if len(self._grids[self._wide[0]]) == 1:  # one point in all: alike everywhere
            grids, squeezed = [np.append(grids[0], grids[0] + 1)], np.repeat(squeezed, 2)
        return Multilinear(grids, squeezed)

    @cached_property
    def _interpolated(self) -> Multilinear:
        return self._along(np.nan_to_num(self._median_s))

    @cached_property
    def _unmeasured(self) -> Multilinear | None:
        """Not 0 where a cell has a part in it that was not measured; None where all were."""
        missing = np.isnan(np.array(self.file.median_s, np.float64))
        return self._along(missing.astype(np.float64)) if missing.any() else None

    @cached_property
    def _unknown(self) -> Multilinear | None:
        """Not 0 where a cell has a part in it of which no sum of measured ones tells; None where there is none."""
        missing = np.isnan(self._median_s)
        return self._along(missing.astype(np.float64)) if missing.any() else None

    @cached_property
    def _median_s(self) -> NDArray[np.float64]:
        # Missing cells (beyond the model's longest sequence) only matter to extrapolation: what
        # context adds and what new positions add are taken to be independent there.
        median_s = np.array(self.file.median_s, np.float64)
        for i, j in itertools.product(range(1, median_s.shape[0]), range(1, median_s.shape[1])):
            extended = median_s[i - 1, j] + median_s[i, j - 1] - median_s[i - 1, j - 1]
            median_s[i, j] = np.where(np.isnan(median_s[i, j]), extended, median_s[i, j])
        return median_s


def load_latency(
    value: float | str, role: Role, trace_folder: Path | None, base: Path = Path(), extrapolate: bool = False
) -> LatencyProfile | ConstantLatency:
    """Latency that a scenario names.

    Parameters
    ----------
    value : float or str
        Seconds; ``recorded`` (``latency.json`` of the trace); a name in ``models/profiles/``; or a path.
    role : {'slm', 'llm'}
        Which of two models where the file holds a pair.
    trace_folder : Path, optional
        Folder of the trace; None where there is none.
    base : Path
        Folder that a relative path starts from.
    extrapolate : bool
        As in `LatencyProfile`.

    Raises
    ------
    LatencyError
        If there is no such profile or it is damaged.
    """
    if not isinstance(value, str):
        return ConstantLatency(float(value))
    if value == "recorded":
        if trace_folder is None:
            raise LatencyError(
                "latency 'recorded' needs a recorded trace: give seconds or the name of a profile"
            )
        return LatencyProfile(read_profile(trace_folder / "latency.json", role), extrapolate)
    if value.endswith(".json") or "/" in value:
        return LatencyProfile(read_profile(base / value, role), extrapolate)
    known = sorted(path.stem for path in PROFILES.glob("*.json"))
    if value not in known:
        close = difflib.get_close_matches(value, known, n=1)
        hint = in_unit(value, "s") or (f"; did you mean {close[0]!r}?" if close else "")
        raise LatencyError(f"no latency profile {value!r}; there are: {', '.join(known) or 'none'}{hint}")
    return LatencyProfile(read_profile(PROFILES / f"{value}.json", role), extrapolate)


def _first(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> str:
    return f"{values[chosen].flat[0]:g}"
