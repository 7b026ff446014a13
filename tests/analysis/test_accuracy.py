"""Scores of texts: against definitions written out, and intervals against their coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from analysis.accuracy import compare, paired_ratio, require_exact, score
from netsim.deciding.policies import Hlm, RandHlm, Slm, UHlm
from tests.trace_factory import make_trace
from traces.format.manifest import TraceError
from traces.format.trace import Trace
from traces.speculative.walk import Policy

WORDS = ["red", "green", "blue", "one", "two", "three", "four", "five"]


def decode(tokens: Sequence[int]) -> str:
    return " ".join(WORDS[token % 8] for token in tokens)


def embed(texts: Sequence[str]) -> NDArray[np.float64]:
    counts = np.array([[text.split().count(word) for word in WORDS] for text in texts], float)
    vectors: NDArray[np.float64] = counts / np.linalg.norm(counts, axis=1, keepdims=True)
    return vectors


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    made = make_trace(tmp_path / "trace", prompts=3, num_tokens=6)
    references = [f"red {WORDS[n]} blue two {WORDS[n + 3]}" for n in range(3)]
    prompts = tuple(
        own.model_copy(update={"reference": text})
        for own, text in zip(made.manifest.prompts, references, strict=True)
    )
    return Trace(made.folder, made.manifest.model_copy(update={"prompts": prompts}))


def test_every_text_is_scored_by_the_definitions(trace: Trace) -> None:
    policies: dict[str, Policy] = {"slm": Slm(), "hlm": Hlm(), "u-hlm": UHlm(0.3)}
    scores = score(trace, policies, decode, embed)
    assert list(scores["policy"].unique()) == ["llm", "slm", "hlm", "u-hlm"]
    assert scores["exact"].all()
    assert (scores.loc[scores["policy"].isin(["llm", "hlm"]), "tv_to_llm"] == 0).all()
    one = scores[(scores["policy"] == "slm") & (scores["prompt"] == 1) & (scores["token_seed"] == 1)].iloc[0]
    tokens, distances, likelihood = path_of_slm(trace, 1, 1)
    text, reference = decode(tokens).split(), trace.prompt(1).reference.split()
    assert one["tv_to_llm"] == pytest.approx(np.mean(distances))
    assert one["llm_nll"] == pytest.approx(-np.mean(likelihood))
    assert one["rouge_l"] == pytest.approx(2 * longest_common(text, reference) / (len(text) + len(reference)))
    assert one["cosine"] == pytest.approx(float(embed([" ".join(text)])[0] @ embed([" ".join(reference)])[0]))


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


def longest_common(one: list[str], other: list[str]) -> int:
    """Length of the longest common subsequence, by trying all."""
    for length in range(min(len(one), len(other)), 0, -1):
        if set(combinations(one, length)) & set(combinations(other, length)):
            return length
    return 0


def test_without_references_or_tokenizer_what_needs_none_remains(trace: Trace) -> None:
    assert "rouge_l" not in score(trace, {"hlm": Hlm()})
    assert "cosine" not in score(trace, {"hlm": Hlm()}, decode)
    bare = Trace(trace.folder, trace.manifest.model_copy(update={"prompts": (trace.prompt(0),) * 3}))
    nameless = tuple(p.model_copy(update={"reference": ""}) for p in bare.manifest.prompts)
    bare = replace(bare, manifest=bare.manifest.model_copy(update={"prompts": nameless}))
    assert {"llm_nll", "tv_to_llm"} == set(score(bare, {}, decode, embed)) - {
        "policy",
        "prompt",
        "token_seed",
        "exact",
    }


def test_texts_that_left_the_tree_have_no_score(trace: Trace) -> None:
    scores = score(trace, {"rand-hlm": RandHlm(0.5), "slm": Slm()}, decode)
    off = scores[~scores["exact"]]
    assert len(off)
    assert off[["llm_nll", "tv_to_llm", "rouge_l"]].isna().all(axis=None)
    none = scores.assign(exact=scores["exact"] & (scores["policy"] != "slm"))
    with pytest.raises(TraceError, match="no text of slm is recorded in full"):
        require_exact(none)


def test_comparison_is_paired_over_prompts() -> None:
    table = pd.DataFrame(
        [
            {"policy": policy, "prompt": prompt, "token_seed": seed, "exact": exact, "llm_nll": value}
            for policy, prompt, seed, exact, value in [
                ("llm", 0, 0, True, 1.0),
                ("llm", 0, 1, True, 3.0),
                ("llm", 1, 0, True, 4.0),
                ("llm", 1, 1, True, 9.0),
                ("hlm", 0, 0, True, 2.0),
                ("hlm", 0, 1, True, 4.0),
                ("hlm", 1, 0, True, 6.0),
                ("hlm", 1, 1, False, np.nan),
            ]
        ]
    )
    hlm = compare(table).set_index("policy").loc["hlm"]
    # Prompt 0: 3 against 2; prompt 1, of which one text is exact: 6 against 4. t at 97.5 % and 1 degree: 12.706.
    assert hlm["mean"] == 4.5
    assert hlm["difference"] == 1.5
    assert hlm["difference_low"] == pytest.approx(1.5 - 12.706 * 0.5, abs=1e-3)
    assert hlm["relative"] == hlm["relative_low"] == hlm["relative_high"] == 1.5
    assert hlm["exact"] == 0.75
    assert hlm["prompts"] == 2


def test_intervals_of_ratios_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    trials, covered = 2000, 0
    for _ in range(trials):
        common = rng.normal(0, 0.5, 20)
        baseline = 2 + common + rng.normal(0, 0.1, 20)
        values = 1.6 + 0.8 * common + rng.normal(0, 0.1, 20)
        ratio = paired_ratio(values, baseline)
        covered += ratio.low <= 0.8 <= ratio.high
    # Four standard errors of a binomial share at 0.95, and 0.01 for the linearisation at 20 pairs.
    assert abs(covered / trials - 0.95) < 4 * np.sqrt(0.95 * 0.05 / trials) + 0.01
