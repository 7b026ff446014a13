"""The table of similarities as a file beside a trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netsim.errors import InputError
from netsim.point import Point
from netsim.results.similarity import (
    Counterparts,
    SimilarityTable,
    output_digests,
    similarity_columns,
    text_digest,
)
from netsim.results.similarity_file import FILE, read_similarities, write_similarities
from netsim.scenario import load_grid
from netsim.sweeps.run import run_sweep, sweep
from tests.trace_factory import NO_DIGEST, make_trace
from traces.format.manifest import TraceError, write_manifest
from traces.format.trace import Trace
from traces.speculative.rounds import Rounds


def columns_of(table: pd.DataFrame) -> dict[str, np.ndarray]:
    return {str(name): table[name].to_numpy() for name in table}


TABLE = SimilarityTable(
    NO_DIGEST,
    "words@0",
    {0: {0: "x"}, 3: {0: "y"}, 12: {0: "z"}},
    {
        "output": np.array(["b", "a", "a", "a"], object),
        "against": np.array(["ref", "ref", "x", "y"], object),
        "rouge_l": np.array([0.5, 0.25, 1.0, 0.0]),
        "cosine": np.array([0.5, np.nan, 0.125, 0.375]),
    },
)


def test_a_table_reads_back(tmp_path: Path) -> None:
    trace = make_trace(tmp_path, prompts=1)
    assert read_similarities(trace) is None
    write_similarities(TABLE, tmp_path)
    first = (tmp_path / FILE).read_bytes()
    read = read_similarities(trace)
    assert read is not None
    assert (read.tokenizer, read.encoder, read.llm) == (NO_DIGEST, "words@0", TABLE.llm)
    expected = TABLE.table.sort_values(["output", "against"], ignore_index=True)
    pd.testing.assert_frame_equal(read.table, expected, check_dtype=False)
    write_similarities(replace(read, columns=columns_of(read.table[::-1])), tmp_path)
    assert (tmp_path / FILE).read_bytes() == first
    assert [path.name for path in tmp_path.glob("*.partial")] == []


def test_columns_are_means_over_the_other_seeds_and_empty_where_a_pair_is_missing() -> None:
    counterparts = Counterparts(
        [4, 7], ["ref", ""], {0: {4: "z", 7: "z"}, 1: {4: "x", 7: "x"}, 2: {4: "y", 7: "w"}}
    )
    columns = similarity_columns(TABLE, counterparts, ["a", "b"], token_seed=0)
    assert columns["rouge_l"].tolist()[0] == 0.25
    assert columns["rouge_l_llm"].tolist()[0] == 0.5
    assert columns["cosine_llm"].tolist()[0] == 0.25
    assert np.isnan([columns["rouge_l"][1], columns["cosine"][0], columns["rouge_l_llm"][1]]).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (replace(TABLE, tokenizer="1" * 64), "made with another tokenizer"),
        (
            replace(TABLE, columns=columns_of(TABLE.table.assign(bleu=1.0))),
            "not a table of scores: its columns",
        ),
    ],
)
def test_a_table_of_something_else_is_refused(tmp_path: Path, table: SimilarityTable, message: str) -> None:
    trace = make_trace(tmp_path, prompts=1)
    write_similarities(table, tmp_path)
    with pytest.raises(TraceError, match=message):
        read_similarities(trace)


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    trace = make_trace(tmp_path, prompts=1)
    (tmp_path / FILE).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(TraceError, match=r"scores\.parquet: damaged"):
        read_similarities(trace)
    TABLE.table.to_parquet(tmp_path / FILE)
    with pytest.raises(TraceError, match=r"scores\.parquet: damaged, or not a table of scores"):
        read_similarities(trace)


def test_a_bit_flipped_anywhere_gives_the_right_similarities_or_a_line(tmp_path: Path) -> None:
    trace = make_trace(tmp_path, prompts=1)
    write_similarities(TABLE, tmp_path)
    content = (tmp_path / FILE).read_bytes()
    right = read_similarities(trace)
    assert right is not None
    refused = 0
    for place in np.random.default_rng(15).choice(8 * len(content), 600, replace=False):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        (tmp_path / FILE).write_bytes(flipped)
        try:
            read = read_similarities(trace)
        except TraceError:
            refused += 1
        else:
            assert read is not None
            assert (read.tokenizer, read.encoder, read.llm) == (right.tokenizer, right.encoder, right.llm)
            pd.testing.assert_frame_equal(read.table, right.table, check_exact=True)
    assert refused > 300


SCENARIO = """
name: scored
trace: {folder}
policy: {{name: hlm}}
payload: {{vocabulary_size: 32000}}
tokens: 6
seeds: 2
sweep:
  policy: [{{name: hlm}}, {{name: oracle}}, {{name: slm}}]
"""


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A scenario on a trace whose hlm and llm outputs were scored: prompt 0 has a reference, prompt 1 has none."""
    trace = make_trace(tmp_path / "trace", num_tokens=6)
    first, second = trace.manifest.prompts
    answered = first.model_copy(update={"reference": "an answer"})
    write_manifest(trace.folder, trace.manifest.model_copy(update={"prompts": (answered, second)}))
    (tmp_path / "s.yaml").write_text(SCENARIO.format(folder=trace.folder))
    rounds = {name: [rounds_of(tmp_path, name, seed) for seed in (0, 1)] for name in ("hlm", "llm")}
    digests = {name: [output_digests(own) for own in both] for name, both in rounds.items()}
    llm = {seed: dict(enumerate(digests["llm"][seed])) for seed in (0, 1)}
    pairs = [
        (digests["hlm"][seed][prompt], against, value)
        for seed in (0, 1)
        for prompt in (0, 1)
        for against, value in (
            (text_digest("an answer"), 0.2 + 0.1 * seed),
            (digests["llm"][1 - seed][prompt], 0.5 + 0.2 * prompt + 0.1 * seed),
        )
    ]
    table = pd.DataFrame(pairs, columns=["output", "against", "cosine"])
    write_similarities(SimilarityTable(NO_DIGEST, "words@0", llm, columns_of(table)), trace.folder)
    return tmp_path / "s.yaml"


def rounds_of(folder: Path, policy: str, seed: int) -> Rounds:
    scenario = load_grid(folder / "s.yaml", ("sweep={}", f"policy={{name: {policy}}}")).scenario
    return Point.of(scenario).rounds(seed)


def test_a_sweep_has_the_scores_of_outputs_that_are_known(scored: Path) -> None:
    table = sweep(scored)
    hlm = table[table["policy.name"] == "hlm"].set_index("seed")
    # To its reference: of the prompt that has one. To llm under the other token seed: the mean over both prompts.
    assert hlm["cosine"].tolist() == pytest.approx([0.2, 0.3])
    assert hlm["cosine_llm"].tolist() == pytest.approx([0.6, 0.7])
    assert table[["rouge_l", "rouge_l_llm"]].isna().all(axis=None)
    # The oracle's output is hlm's, token for token; slm's was not scored.
    columns = ["cosine", "cosine_llm"]
    oracle, slm = (table.loc[table["policy.name"] == name, columns] for name in ("oracle", "slm"))
    np.testing.assert_array_equal(oracle, hlm[columns])
    assert slm.isna().all(axis=None)
    # Both engines, and tokens that were not scored.
    row = Point.of(load_grid(scored, ("sweep={}",)).scenario).row(1, "events")
    assert row["cosine_llm"] == pytest.approx(0.7)
    short = Point.of(load_grid(scored, ("sweep={}", "tokens=3")).scenario).row(1)
    assert short["cosine_llm"] is None


def test_new_scores_are_not_mixed_with_rows_of_old_ones(scored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run_sweep(load_grid(scored), out).computed == 6
    assert run_sweep(load_grid(scored), out).computed == 0
    folder = tmp_path / "trace"
    old = read_similarities(Trace.open(folder))
    assert old is not None
    write_similarities(replace(old, columns={**old.columns, "cosine": old.columns["cosine"] / 2}), folder)
    assert run_sweep(load_grid(scored), out).computed == 6
    table = pd.read_parquet(out / "results.parquet")
    assert table.loc[table["policy.name"] == "hlm", "cosine"].tolist() == pytest.approx([0.1, 0.15])


def test_a_damaged_table_is_a_fault_of_the_trace(scored: Path, tmp_path: Path) -> None:
    (tmp_path / "trace" / FILE).write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"trace: .*scores\.parquet: damaged"):
        Point.of(load_grid(scored, ("sweep={}",)).scenario)
