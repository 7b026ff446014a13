"""Simulate every point of a scenario's sweep under every seed, into a results folder."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.errors import Fault, InputError
from netsim.scenario import Scenario, ScenarioLike, load_grid
from netsim.scenario.kinds import own_names
from netsim.sweeps.chunks import RESULTS_VERSION, Chunk, SweepPoint, missing_chunks, sweep_points
from netsim.sweeps.estimate import TimeEstimate
from netsim.sweeps.parallel import Compute, Failure, workers
from netsim.sweeps.products import PROMPT_SUMS, RESULTS
from netsim.sweeps.progress import Advance, progress
from netsim.sweeps.provenance import code_facts
from netsim.sweeps.store import Store, open_store

if TYPE_CHECKING:
    import pandas as pd

#: A class of the program itself, as a scenario names it.
MAIN = "__main__:"


@dataclass(frozen=True)
class SweepReport:
    """What a sweep did.

    Attributes
    ----------
    folder : Path. The results folder.
    rows : int. Rows of its table.
    computed, reused : int. Cells computed now, and found finished.
    failures : tuple of Failure. Cells that failed; the next run tries them again.
    """

    folder: Path
    rows: int
    computed: int
    reused: int
    failures: tuple[Failure, ...]


def run_sweep(
    source: ScenarioLike,
    folder: Path,
    *,
    jobs: int = 1,
    engine: str = "auto",
    backend: str = "local",
    scheduler: str | None = None,
    fresh: bool = False,
    quiet: bool = True,
    command: str = "",
) -> SweepReport:
    """Compute what is missing of a sweep and write its results; interrupted, it goes on when called again.

    Parameters
    ----------
    source : Grid, Scenario, mapping or path
    folder : Path
        A new or empty one, or that of an earlier sweep of the same scenario, which may have had fewer seeds or
        fewer values on its axes: its finished cells are used.
    jobs : int
        Local processes, at least 1.
    engine : str
        ``auto`` (arrays wherever they are exact), ``events`` or ``arrays``.
    backend : str
        ``local``, or ``dask`` with the ``scheduler``'s address.
    fresh : bool
        Forget finished cells, and replace another scenario's results.
    quiet : bool
        Show no progress.
    command : str
        For the manifest.

    Raises
    ------
    InputError
        If the scenario asks for what can't be had, or the folder can't be used; it is then untouched.
    """
    started = time.perf_counter()
    grid = load_grid(source)
    scenario = grid.scenario
    estimate = TimeEstimate()
    points = sweep_points(grid, engine, estimate)
    _check_classes(points, jobs=jobs, backend=backend, fresh=fresh)
    seeds = scenario.seed_values()
    with open_store(folder, scenario, fresh=fresh) as store:
        with workers(jobs=jobs, backend=backend, scheduler=scheduler) as compute_all:
            chunks = list(missing_chunks(points, seeds, store.chunks.done))
            missing = sum(chunk.num_cells for chunk in chunks)
            left_s = estimate.seconds(len(seeds)) * missing / (len(points) * len(seeds))
            with progress("cells", missing, quiet=quiet, about_s=left_s) as advance:
                failures = _compute(store, chunks, compute_all, advance)
        facts = {
            "command": command,
            "engine": engine,
            "jobs": jobs,
            "backend": backend,
            "wall_s": round(time.perf_counter() - started, 3),
            "failures": [str(failure) for failure in failures],
            **_provenance(scenario, points),
        }
        rows = store.write_products(points, seeds, scenario, facts)
    reused = len(points) * len(seeds) - missing
    return SweepReport(folder, rows, missing - len(failures), reused, tuple(failures))


def _compute(store: Store, chunks: Sequence[Chunk], compute_all: Compute, advance: Advance) -> list[Failure]:
    """Compute chunks and keep what comes of them; the cells that failed."""
    failures: list[Failure] = []
    # Closed at once, not when it is forgotten: its processes end with the sweep, whatever ended that.
    with closing(compute_all(chunks)) as outcomes:
        for outcome in outcomes:
            store.chunks.add(outcome.name, outcome.rows)
            failures += outcome.failures
            advance(outcome.rows.num_rows + len(outcome.failures))
    return failures


def _check_classes(points: Sequence[SweepPoint], *, jobs: int, backend: str, fresh: bool) -> None:
    """Refuse a class of the program itself (a script, a notebook) where that can't be had.

    Other processes can't import it, and pydantic's classes are not made for being sent by value. Nothing tells whether it is
    still the one that finished cells were computed with.
    """
    named = sorted(set().union(*(own_names(point.scenario) for point in points)))
    for name in (name for name in named if name.startswith(MAIN)):
        if jobs != 1 or backend != "local":
            text = "is not found by other processes, allowed: one process (jobs 1), or a module of its own"
            raise InputError([Fault("", "", f"{name}: a class of this very program {text}")])
        if not fresh:
            text = "has no file that tells finished cells of another version, allowed: fresh=True, or a module of its own"
            raise InputError([Fault("", "", f"{name}: a class of this very program {text}")])


def sweep(scenario: ScenarioLike, jobs: int = 1) -> pd.DataFrame:
    """Simulate a sweep and return its rows: the swept keys, then the columns of ``netsim.results.columns``.

    Nothing is left on disk; `run_sweep` is the one that can be interrupted.

    Raises
    ------
    InputError
        If the scenario asks for what can't be had.
    RuntimeError
        If a cell failed.
    """
    return sweep_with_prompts(scenario, jobs)[0]


def sweep_with_prompts(
    scenario: ScenarioLike, jobs: int = 1, *, quiet: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate a sweep as `sweep` does; its rows, and the sums of every prompt: a row per point, seed and prompt."""
    import pandas as pd  # noqa: PLC0415  (of no use before there are rows)

    with tempfile.TemporaryDirectory(prefix="netsim-") as folder:
        report = run_sweep(scenario, Path(folder), jobs=jobs, fresh=True, quiet=quiet)
        if report.failures:
            raise RuntimeError(f"{len(report.failures)} cells failed, the first at {report.failures[0]}")
        return pd.read_parquet(report.folder / RESULTS), pd.read_parquet(report.folder / PROMPT_SUMS)


def _provenance(scenario: Scenario, points: Sequence[SweepPoint]) -> dict[str, object]:
    """What the results came from."""
    return {
        "scenario": scenario.digest(),
        "traces": sorted({point.sources[0] for point in points}),
        "results_version": RESULTS_VERSION,
        "named_thresholds": _named_thresholds(points),
        **code_facts(),
    }


def _named_thresholds(points: Sequence[SweepPoint]) -> dict[str, list[float]]:
    """Thresholds that the scenario gives by name, with their numbers: a table holds the numbers alone."""
    found: dict[str, set[float]] = {}
    for point in points:
        name, number = (
            getattr(point.scenario.policy, "threshold", None),
            point.coordinates.get("policy.threshold"),
        )
        if isinstance(name, str) and isinstance(number, float):
            found.setdefault(name, set()).add(number)
    return {name: sorted(numbers) for name, numbers in found.items()}
