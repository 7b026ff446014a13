"""A policy by a score from outside: against the factory's own scores, token by token, and replayed exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.deciding.policies import Scored, terms_of
from netsim.deciding.recorded import Decider
from netsim.errors import InputError
from netsim.point import Point
from netsim.scenario import load_grid
from tests.trace_factory import SAMPLES, SCORES, THETA_MAX, make_trace
from traces.format.trace import Trace
from traces.speculative.walk import Measure

POLICIES = {
    "alone": Scored(2.0),
    "or": Scored(2.0, 0.6, "or"),
    "and": Scored(2.0, 0.6, "and"),
}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    folder = tmp_path_factory.mktemp("scored") / "t"
    return make_trace(folder, prompts=4, token_seeds=range(6), policies=dict(POLICIES), scored=True)


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_sent_follows_from_the_score_and_the_uncertainty(trace: Trace, name: str) -> None:
    policy = POLICIES[name]
    decider = Decider(trace, Measure(SAMPLES, THETA_MAX), 8)
    seen = []
    for seed in range(6):
        rounds = decider.rounds(policy, seed)
        last = np.array([trace.prompt(number).tokens[-1] for number in trace.prompts])
        before = np.concatenate([last[:, None], rounds.token[:, :-1]], axis=1)
        high = before % SCORES > 2
        unsure = np.round(SAMPLES * rounds.uncertainty) > 12  # 0.6 of 20 samples
        expected = {"alone": high, "or": high | unsure, "and": high & unsure}[name]
        assert rounds.on_tree.all()
        assert (rounds.transmitted == expected).all()
        seen.append(rounds.transmitted)
    # Neither everything nor nothing, and the three differ.
    assert 0.05 < np.mean(seen) < 0.95


def test_only_who_looks_at_the_uncertainty_measures_it() -> None:
    assert [terms_of(policy).measures for policy in POLICIES.values()] == [False, True, True]


def test_every_node_keeps_its_score_and_other_traces_have_none(trace: Trace, tmp_path: Path) -> None:
    table = trace.forest([(0, 0)]).table
    assert (table.score[1:] == table.token[1:] % SCORES).all()
    bare = make_trace(tmp_path / "bare", policies={"alone": Scored(2.0)})
    assert np.isnan(bare.forest([(0, 0)]).table.score).all()


def scenario(folder: Path, **policy: Any) -> dict[str, Any]:
    return {"name": "a", "trace": str(folder), "policy": {"name": "scored", **policy}, "tokens": 8}


def test_a_scenario_names_it(trace: Trace) -> None:
    point = Point.of(load_grid(scenario(trace.folder, above=2, threshold=0.3)).scenario)
    assert point.policy == Scored(2.0, 0.3, "or")
    assert point.row(0)["on_trace"] == 1
    alone = Point.of(load_grid(scenario(trace.folder, above=2)).scenario)
    assert alone.policy == Scored(2.0)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"above": 2, "combine": "and"}, "combine: nothing to combine with, given 'and'"),
        ({}, "above"),
        ({"above": float("nan")}, "above"),
    ],
)
def test_what_means_nothing_is_refused(trace: Trace, policy: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_grid(scenario(trace.folder, **policy))


def test_a_trace_without_scores_is_refused(tmp_path: Path) -> None:
    bare = make_trace(tmp_path / "bare")
    with pytest.raises(InputError, match="the trace has no scores"):
        Point.of(load_grid(scenario(bare.folder, above=2)).scenario)
