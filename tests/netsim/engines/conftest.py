"""A small trace for all tests of engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trace_factory import make_trace


@pytest.fixture(scope="session")
def small_trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 prompts of 8 tokens under 2 token seeds."""
    return make_trace(tmp_path_factory.mktemp("traces") / "small", prompts=3).folder
