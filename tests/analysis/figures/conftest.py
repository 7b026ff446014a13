"""A made-up sweep, and the look of figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib.style
import pytest

from analysis.figures.results import Results
from tests.drawn_figures import SCREEN
from tests.sweep_factory import made_up_sweep


@pytest.fixture
def sweep() -> Results:
    return made_up_sweep()


@pytest.fixture
def results_folder(tmp_path: Path) -> Path:
    made_up_sweep().table.to_parquet(tmp_path / "results.parquet")
    return tmp_path


@pytest.fixture
def style() -> Iterator[None]:
    with matplotlib.style.context(SCREEN.settings):
        yield
