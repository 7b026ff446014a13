"""Outputs of policies: scores that need no text, against definitions written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.accuracy.compare import compare, missing_baselines
from analysis.accuracy.outputs import outputs_of
from netsim.deciding.policies import Hlm, RandHlm, Slm, UHlm
from netsim.results.similarity import output_digest
from tests.analysis.accuracy.scored_trace import by_policy_and_score, scored_trace
from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.speculative.walk import Policy


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return scored_trace(tmp_path / "trace")


def path_of_slm(trace: Trace, prompt: int, seed: int) -> tuple[list[int], list[float], list[float]]:
    """Tokens of the slm path, and each node's TV and log-likelihood, by following inverse CDFs by hand."""
    forest = trace.forest([(prompt, seed)])
    draws = np.random.default_rng([1, seed, prompt, 0]).random(6)
    node, tokens, distances, likelihood = 0, list[int](), list[float](), list[float]()
    for draw in draws:
        row = slice(forest.starts[node], forest.ends[node])
        x, y = forest.x[row], forest.y[row]
        entry = int(np.searchsorted(np.cumsum(x), draw * x.sum(), side="right"))
        token = int(forest.table.ids[row][entry])
        distances.append(0.5 * float(np.abs(x - y).sum()))
        likelihood.append(float(forest.table.llm_logit[row][entry] - forest.table.llm_unit[node]))
        tokens.append(token)
        node = int(forest.children(np.array([node]), np.array([token]))[0])
    return tokens, distances, likelihood


def test_scores_without_text_follow_their_definitions(trace: Trace) -> None:
    policies: dict[str, Policy] = {"slm": Slm(), "u-hlm": UHlm(0.3)}
    outputs = outputs_of(trace, policies)
    table = outputs.table
    assert set(table["policy"]) == {"llm", "hlm", "slm", "u-hlm"}
    assert len(table) == 4 * 3 * 3
    assert table["exact"].all()
    assert (table.loc[table["policy"].isin(["llm", "hlm"]), "tv_to_llm"] == 0).all()
    one = table[(table["policy"] == "slm") & (table["prompt"] == 1) & (table["token_seed"] == 1)].iloc[0]
    tokens, distances, likelihood = path_of_slm(trace, 1, 1)
    assert one["output"] == output_digest(tokens)
    assert outputs.tokens[one["output"]] == tuple(tokens)
    assert one["tv_to_llm"] == pytest.approx(np.mean(distances))
    assert one["llm_nll"] == pytest.approx(-np.mean(likelihood))


def test_outputs_that_left_the_tree_have_no_score(trace: Trace) -> None:
    table = outputs_of(trace, {"rand-hlm": RandHlm(0.5)}).table
    off = table[~table["exact"]]
    assert len(off)
    assert off[["llm_nll", "tv_to_llm"]].isna().all(axis=None)
    assert (off["output"] == "").all()


def test_a_policy_of_which_no_output_is_recorded_is_named(tmp_path: Path) -> None:
    only_hlm = scored_trace(tmp_path / "trace", policies={"hlm": Hlm()}, num_tokens=12)
    with pytest.raises(TraceError, match="no text of slm is recorded in full: record that policy"):
        outputs_of(only_hlm, {"slm": Slm()})
    table = outputs_of(only_hlm, {}).table
    assert table.groupby("policy")["exact"].any().to_dict() == {"hlm": True, "llm": False}
    assert missing_baselines(table) == ["llm"]
    # Without llm there is no ratio to it, and every other figure stands.
    compared = by_policy_and_score(compare(table))
    assert np.isnan(compared["hlm", "likelihood"]["of_llm"])
    assert compared["hlm", "likelihood"]["of_hlm"] == 1
