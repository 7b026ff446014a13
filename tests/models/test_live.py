"""Models in the loop: a cache that grows, and the same tokens as a replay of a recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.live import record_live
from models.pair import Pair, PairSource
from models.plan import Plan
from models.record import Done, record
from netsim.deciding.policies import Hlm, UHlm
from netsim.scenario.policy_context import PolicyContext
from netsim.scenario.policy_spec import parse_policy
from tests.random_pair import save_random_pair
from traces.format.manifest import EXTENSION, MANIFEST, Prompt
from traces.format.nodes import Sampler
from traces.format.trace import Trace
from traces.speculative.walk import Measure, Policy

PROMPTS = tuple(Prompt(id=str(n), tokens=(5 + n, 40)) for n in range(2))
PLAN = Plan("live", PROMPTS, 6, (0, 1), Sampler(1.0, 0.9), Measure(20, 2.0), {"hlm": Hlm()}, eos=None)
OTHER = replace(PLAN, policies={"u-hlm:threshold=0.9": UHlm(0.9)}, token_seeds=(1, 7))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return PairSource(*save_random_pair(tmp_path_factory.mktemp("pair"))).load()


def policy_of(spec: str) -> Policy:
    return parse_policy(spec).build(PolicyContext(64, whole_vocabulary=False))


class Reports:
    """Counts the groups that a recording completes."""

    profile_budget_s = 0.0

    def __init__(self) -> None:
        self.groups = list[int]()

    @property
    def complete(self) -> int:
        """Groups that this run completed: a first pass completes none of six tokens."""
        return self.groups[-1] - self.groups[0] if self.groups else 0

    def recorded(self, done: Done) -> None:
        """After every pass."""
        self.groups.append(done.groups)

    def profiled(self, text: str, share: float) -> None:
        """After every cell of the profile."""


def live(pair: Pair, plan: Plan, cache: Path) -> tuple[Path, int]:
    """Folder of the trace, and how many groups had to be recorded."""
    reports = Reports()
    folder = record_live(pair, plan, cache, policy_of, reports)
    return folder, reports.complete


def test_the_cache_is_filled_once_and_grows(pair: Pair, tmp_path: Path) -> None:
    folder, recorded = live(pair, PLAN, tmp_path)
    assert recorded == 4
    assert live(pair, PLAN, tmp_path) == (folder, 0)
    assert live(pair, OTHER, tmp_path) == (folder, 6)
    assert live(pair, PLAN, tmp_path) == live(pair, OTHER, tmp_path) == (folder, 0)
    manifest = Trace.open(folder).manifest
    assert manifest.policies == ("hlm", "u-hlm:threshold=0.9")
    assert manifest.token_seeds == (0, 1, 7)
    assert live(pair, replace(PLAN, sampler=Sampler(0.5, 0.9)), tmp_path)[0] != folder


def test_a_live_run_has_the_tokens_of_a_recording(pair: Pair, tmp_path: Path) -> None:
    live(pair, PLAN, tmp_path / "cache")
    folder, _ = live(pair, OTHER, tmp_path / "cache")
    policies: dict[str, Policy] = PLAN.policies | OTHER.policies
    recorded = tmp_path / "recorded"
    record(pair, replace(PLAN, policies=policies, token_seeds=(0, 1, 7)), recorded, lambda *_: None)
    for prompt in (0, 1):
        for seed in (0, 1, 7):
            grown, whole = (tokens_of(path, prompt, seed) for path in (folder, recorded))
            assert grown == whole


def tokens_of(folder: Path, prompt: int, seed: int) -> set[tuple[int, ...]]:
    """Every path of a tree, as tokens: the order of its nodes differs with how it grew."""
    table = Trace.open(folder).forest([(prompt, seed)]).table
    paths: list[tuple[int, ...]] = [()]
    for parent, token in zip(table.parent.tolist()[1:], table.token.tolist()[1:], strict=True):
        paths.append((*paths[parent], token))
    return set(paths)


def test_another_extension_that_was_interrupted_is_given_up(pair: Pair, tmp_path: Path) -> None:
    folder, _ = live(pair, PLAN, tmp_path)

    class Interrupt(Reports):
        def recorded(self, done: Done) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_live(pair, OTHER, tmp_path, policy_of, Interrupt())
    assert (folder / EXTENSION).exists()
    assert live(pair, replace(PLAN, token_seeds=(0, 1, 2)), tmp_path) == (folder, 2)
    assert Trace.open(folder).manifest.policies == ("hlm",)
    assert not (folder / EXTENSION).exists()
    assert (folder / MANIFEST).exists()
