"""A recording, and an extension, that end at any of their writes go on to the bytes of one that did not."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from models.pair import Pair, PairSource
from models.plan import Plan
from models.record import Done, record
from netsim.deciding.policies import Hlm, UHlm
from tests.faults import finishes
from tests.random_pair import save_random_pair
from traces.format.manifest import Prompt
from traces.format.nodes import Sampler
from traces.speculative.walk import Measure

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

PROMPTS = tuple(Prompt(id=str(n), tokens=(5 + n, 40)) for n in range(2))
PLAN = Plan("plan", PROMPTS, 4, (0,), Sampler(1.0, 0.9), Measure(20, 2.0), {"hlm": Hlm()}, eos=None)
#: One more policy, and one more prompt.
MORE = replace(
    PLAN,
    policies=PLAN.policies | {"u-hlm:threshold=0.9": UHlm(0.9)},
    prompts=(*PROMPTS, Prompt(id="2", tokens=(9, 41))),
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return PairSource(*save_random_pair(tmp_path_factory.mktemp("pair"))).load()


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def quiet(_done: Done) -> None:
    pass


def whatever_write_was_the_last(work: Callable[[Path], object], before: Path | None, scratch: Path) -> int:
    """Compare all interrupted and resumed runs with one that was not interrupted; how many changes it makes."""

    def begin(name: str) -> Path:
        folder = scratch / name
        if before is not None:
            shutil.copytree(before, folder)
        return folder

    undisturbed = begin("undisturbed")
    assert finishes(partial(work, undisturbed), sys.maxsize)
    last = 0
    while True:
        folder = begin(str(last))
        done = finishes(partial(work, folder), last)
        assert finishes(partial(work, folder), sys.maxsize)
        assert content(folder) == content(undisturbed), last
        if done:
            return last
        last += 1


def test_a_recording(pair: Pair, tmp_path: Path) -> None:
    def work(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        record(pair, replace(PLAN, name="plan"), folder, quiet)

    # A shard and the manifest for each of two groups, the manifest before and after; a temporary name and a new one.
    assert whatever_write_was_the_last(work, None, tmp_path) >= 2 * (2 * 2 + 2)


def test_an_extension(pair: Pair, tmp_path: Path) -> None:
    record(pair, PLAN, tmp_path / "before", quiet)
    (tmp_path / "scratch").mkdir()

    def work(folder: Path) -> None:
        record(pair, MORE, folder, quiet, extending=True)

    assert whatever_write_was_the_last(work, tmp_path / "before", tmp_path / "scratch") >= 2 * (2 * 2 + 2)
