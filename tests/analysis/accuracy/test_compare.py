"""Policies beside llm and hlm: which outputs are paired, and what is made of their means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.accuracy.compare import compare, missing_baselines, missing_scores
from tests.analysis.accuracy.scored_trace import by_policy_and_score


def rows(policy: str, values: dict[tuple[int, int], float]) -> list[dict[str, object]]:
    return [
        {
            "policy": policy,
            "prompt": prompt,
            "token_seed": seed,
            "exact": not np.isnan(value),
            "llm_nll": value,
            "rouge_l": 10 * value,
        }
        for (prompt, seed), value in values.items()
    ]


TABLE = pd.DataFrame(
    [
        *rows("llm", {(0, 0): 1.0, (0, 1): 3.0, (1, 0): 4.0, (1, 1): 9.0, (2, 0): 5.0, (2, 1): np.nan}),
        *rows("hlm", {(0, 0): 2.0, (0, 1): 4.0, (1, 0): 6.0, (1, 1): np.nan, (2, 0): np.nan, (2, 1): 2.0}),
        *rows("slm", {(0, 0): 4.0, (0, 1): 4.0, (1, 0): 8.0, (1, 1): 8.0, (2, 0): 8.0, (2, 1): 8.0}),
    ]
)


def test_ratios_are_over_the_prompts_and_seeds_that_both_have() -> None:
    compared = by_policy_and_score(compare(TABLE))
    hlm, slm = compared["hlm", "rouge_l"], compared["slm", "rouge_l"]
    # Prompt 0: 3 and 2; prompt 1, of which one output is exact: 6 and 4; prompt 2: no seed that both have.
    assert hlm["of_llm"] == (3 + 6) / (2 + 4)
    assert hlm["mean"] == pytest.approx(10 * (3 + 6 + 2) / 3)
    assert hlm["of_hlm"] == 1
    assert np.isnan([hlm["of_hlm_low"], hlm["of_hlm_high"]]).all(), "three prompts determine no interval"
    assert hlm["exact"] == pytest.approx(4 / 6)
    assert (hlm["prompts"], slm["prompts"]) == (3, 3)
    assert slm["of_llm"] == pytest.approx((4 + 8 + 8) / (2 + 6.5 + 5))
    assert slm["of_hlm"] == pytest.approx((4 + 8 + 8) / (3 + 6 + 2))


def test_likelihood_is_a_geometric_mean_and_its_ratio_the_likelihood_kept() -> None:
    compared = by_policy_and_score(compare(TABLE))
    llm, hlm = compared["llm", "likelihood"], compared["hlm", "likelihood"]
    assert llm["mean"] == pytest.approx(np.exp(-(2 + 6.5 + 5) / 3))
    assert hlm["of_llm"] == pytest.approx(np.exp((2 + 4) / 2 - (3 + 6) / 2))


def test_intervals_are_paired() -> None:
    rng = np.random.default_rng(0)
    llm = {(prompt, 0): value for prompt, value in enumerate(rng.uniform(0.2, 0.9, 24))}
    half = {key: value / 2 for key, value in llm.items()}
    table = pd.DataFrame([*rows("llm", llm), *rows("hlm", llm), *rows("half", half)])
    half_score = by_policy_and_score(compare(table))["half", "rouge_l"]
    # Prompts differ by factors, the ratio of the policies doesn't: paired, its interval is a point.
    assert half_score["mean_high"] / half_score["mean_low"] > 1.2
    assert [half_score[key] for key in ("of_llm", "of_llm_low", "of_llm_high")] == pytest.approx([0.5] * 3)


def test_likelihoods_have_the_intervals_of_their_nats() -> None:
    rng = np.random.default_rng(1)
    llm = {(prompt, 0): value for prompt, value in enumerate(rng.uniform(0.2, 0.9, 24))}
    worse = {key: value + 0.1 + 0.01 * value for key, value in llm.items()}
    found = by_policy_and_score(
        compare(pd.DataFrame([*rows("llm", llm), *rows("hlm", llm), *rows("u", worse)]))
    )
    u, nats = found["u", "likelihood"], np.array(list(worse.values()))
    assert u["mean_low"] < u["mean"] < u["mean_high"]
    assert u["mean"] == pytest.approx(np.exp(-nats.mean()))
    # The difference in nats is 0.1 and a hundredth of what prompts differ by.
    assert np.exp(-0.11) < u["of_llm_low"] < u["of_llm"] < u["of_llm_high"] < np.exp(-0.1)


def test_what_is_missing_is_said() -> None:
    assert set(missing_scores(compare(TABLE))) == {"tv_to_llm", "cosine", "cosine_llm", "rouge_l_llm"}
    assert missing_baselines(TABLE) == []
    bare = TABLE.assign(exact=TABLE["exact"] & (TABLE["policy"] != "llm"), rouge_l=np.nan)
    assert missing_baselines(bare) == ["llm"]
    assert set(compare(bare)["score"]) == {"likelihood"}
