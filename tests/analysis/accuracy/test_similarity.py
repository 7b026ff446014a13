"""Texts compared: each pair once, by definitions written out; and what a sweep's row finds in the stored table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from analysis.accuracy.outputs import Outputs, outputs_of
from analysis.accuracy.similarity import Encoder, compare_texts, with_similarity
from netsim.deciding.policies import RandHlm, Slm, UHlm
from netsim.results.similarity import output_digest, text_digest
from tests.analysis.accuracy.scored_trace import REFERENCES, decode, embed, scored_trace
from traces.format.trace import Trace

ENCODER = Encoder("words@0", embed)


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return scored_trace(tmp_path / "trace")


@pytest.fixture
def outputs(trace: Trace) -> Outputs:
    return outputs_of(trace, {"slm": Slm(), "u-hlm": UHlm(0.3), "rand-hlm": RandHlm(0.5)})


def longest_common(one: list[str], other: list[str]) -> int:
    """Length of the longest common subsequence, by trying all."""
    for length in range(min(len(one), len(other)), 0, -1):
        if set(combinations(one, length)) & set(combinations(other, length)):
            return length
    return 0


def rouge_l(one: str, other: str) -> float:
    words, others = one.split(), other.split()
    return 2 * longest_common(words, others) / (len(words) + len(others))


def cosine(one: str, other: str) -> float:
    first, second = embed([one, other])
    return float(first @ second)


def test_every_column_follows_its_definition(trace: Trace, outputs: Outputs) -> None:
    table = with_similarity(outputs, compare_texts(trace, outputs, decode, ENCODER))
    text_of = {
        (row["policy"], row["prompt"], row["token_seed"]): decode(outputs.tokens[row["output"]])
        for _, row in table[table["exact"]].iterrows()
    }
    for _, row in table[table["policy"].isin(["llm", "slm"])].iterrows():
        prompt, seed = row["prompt"], row["token_seed"]
        text = text_of[row["policy"], prompt, seed]
        others = [text_of["llm", prompt, other] for other in (0, 1, 2) if other != seed]
        assert row["rouge_l"] == pytest.approx(rouge_l(text, REFERENCES[prompt]))
        assert row["cosine"] == pytest.approx(cosine(text, REFERENCES[prompt]))
        assert row["rouge_l_llm"] == pytest.approx(np.mean([rouge_l(text, other) for other in others]))
        assert row["cosine_llm"] == pytest.approx(np.mean([cosine(text, other) for other in others]))
    off = table[~table["exact"]]
    assert len(off)
    assert off[["rouge_l", "cosine", "rouge_l_llm", "cosine_llm"]].isna().all(axis=None)


def test_each_text_is_embedded_once(trace: Trace, outputs: Outputs) -> None:
    seen: list[str] = []

    def counting(texts: Sequence[str]) -> NDArray[np.float64]:
        seen.extend(texts)
        return embed(texts)

    found = compare_texts(trace, outputs, decode, Encoder("words@0", counting))
    assert len(seen) == len(set(seen))
    assert not found.table.duplicated(["output", "against"]).any()
    # What is known is not computed again; another encoder is another table.
    seen.clear()
    pd.testing.assert_frame_equal(
        compare_texts(trace, outputs, decode, Encoder("words@0", counting), found).table, found.table
    )
    assert seen == []
    compare_texts(trace, outputs, decode, Encoder("words@1", counting), found)
    assert seen


def test_what_is_known_is_kept_and_what_is_new_added(trace: Trace, outputs: Outputs) -> None:
    some = compare_texts(trace, outputs_of(trace, {}), decode, ENCODER)
    every = compare_texts(trace, outputs, decode, ENCODER, some)
    assert len(every.table) > len(some.table)
    pd.testing.assert_frame_equal(
        with_similarity(outputs, every),
        with_similarity(outputs, compare_texts(trace, outputs, decode, ENCODER)),
    )


def test_without_encoder_references_or_other_seeds_what_needs_none_remains(tmp_path: Path) -> None:
    bare = scored_trace(tmp_path / "bare", references=["", "red", ""])
    found = outputs_of(bare, {})
    table = with_similarity(found, compare_texts(bare, found, decode))
    assert "cosine" not in table
    assert table["rouge_l"].notna().to_numpy().tolist() == (table["prompt"] == 1).tolist()
    assert table["rouge_l_llm"].notna().all()
    single = scored_trace(tmp_path / "single", token_seeds=(0,))
    found = outputs_of(single, {})
    table = with_similarity(found, compare_texts(single, found, decode, ENCODER))
    assert table["cosine_llm"].isna().all()
    assert table["cosine"].notna().all()


def test_rouge_is_empty_where_it_knows_no_word_of_the_reference(tmp_path: Path) -> None:
    trace = scored_trace(tmp_path / "trace", references=["红 绿", "red", "red"])
    outputs = outputs_of(trace, {})
    table = with_similarity(outputs, compare_texts(trace, outputs, decode))
    assert table["rouge_l"].isna().tolist() == (table["prompt"] == 0).tolist()


def test_digests_tell_texts_apart_from_tokens() -> None:
    assert output_digest([1, 2]) == output_digest(np.array([1, 2], np.int32)) != output_digest([1, 2, 0])
    assert len({output_digest([]), text_digest(""), output_digest([1, 23]), output_digest([12, 3])}) == 4
