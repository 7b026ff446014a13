"""The trace that is installed is an excerpt of one that is not, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.excerpt import excerpt
from netsim.startup import ROOT
from traces.format.trace import Trace

TRACES = ROOT / "traces"


def test_the_installed_excerpt_is_what_its_recipe_gives(tmp_path: Path) -> None:
    made, shipped = tmp_path / "tiny-demo", TRACES / "tiny-demo"
    excerpt(TRACES / "tiny", made, 6)
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (made, shipped)]
    assert contents[0] == contents[1]
    whole, part = Trace.open(TRACES / "tiny"), Trace.open(made)
    assert part.is_complete
    assert part.prompts == whole.prompts[:6]
    part.verify()


def test_nothing_is_written_over() -> None:
    with pytest.raises(FileExistsError):
        excerpt(TRACES / "tiny", TRACES / "tiny-demo", 6)
