"""Tables: the numbers of the results, the interval in the cell, the best marked, and formats that others read."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.figures.results import SNR, Results
from analysis.report.compare import speed_ups
from analysis.tables import as_csv, as_latex, as_markdown, interval_text, ratios_table, results_table
from netsim.errors import InputError
from netsim.results.statistics import paired_ratio_interval, token_seed_interval
from tests.sweep_factory import made_up_sweep

THROUGHPUT = "throughput_tok_s"


@pytest.fixture
def at_ten_db() -> Results:
    return made_up_sweep().at(SNR, 10)


def test_a_cell_is_the_mean_and_its_interval(at_ten_db: Results) -> None:
    made = results_table(at_ten_db, [THROUGHPUT])
    rows = at_ten_db.table[at_ten_db.table["policy.name"] == "hlm"]
    mean, low, high = token_seed_interval(rows[THROUGHPUT], rows["token_seed"])
    (row,) = (row for row in made.rows if row[0].text == "hlm")
    assert row[-1].text == interval_text(mean, low, high)
    assert "95 % interval over token seeds" in made.caption
    assert made.heads[-1] == "throughput (tokens/s)"


def test_the_best_of_each_column_is_marked_at_each_snr() -> None:
    sweep = made_up_sweep()
    made = results_table(sweep, [THROUGHPUT, "latency_mean_s"])
    numbers = made.numbers.assign(
        fast=[row[-2].best for row in made.rows], short=[row[-1].best for row in made.rows]
    )
    for _, group in numbers.groupby(SNR):
        assert group.loc[group["fast"], f"{THROUGHPUT}_mean"].tolist() == [group[f"{THROUGHPUT}_mean"].max()]
        assert group.loc[group["short"], "latency_mean_s_mean"].tolist() == [
            group["latency_mean_s_mean"].min()
        ]


def test_a_column_in_which_neither_end_is_good_has_no_best(at_ten_db: Results) -> None:
    made = results_table(at_ten_db, ["source_top_p"])
    assert not any(cell.best for row in made.rows for cell in row)
    assert "Marked" not in made.caption


def test_csv_is_read_back_as_the_numbers(at_ten_db: Results) -> None:
    made = results_table(at_ten_db, [THROUGHPUT])
    read = pd.read_csv(io.StringIO(as_csv(made)))
    np.testing.assert_allclose(read[f"{THROUGHPUT}_low"], made.numbers[f"{THROUGHPUT}_low"], rtol=1e-8)


def test_markdown_has_a_cell_for_every_head_and_the_best_in_bold(at_ten_db: Results) -> None:
    made = results_table(at_ten_db, [THROUGHPUT])
    lines = as_markdown(made).splitlines()
    assert {line.count("|") for line in lines[: 2 + len(made.rows)]} == {len(made.heads) + 1}
    assert sum("**" in line for line in lines) == 1
    assert lines[-1] == made.caption


def test_latex_is_a_booktabs_tabular_without_a_bare_sign(at_ten_db: Results) -> None:
    named = at_ten_db.table.replace({"policy.name": {"oracle": "my_module:A&B"}})
    text = as_latex(results_table(replace(at_ten_db, table=named), [THROUGHPUT, "llm_nll"]))
    body = [line for line in text.splitlines() if not line.startswith("%")]
    assert [line for line in body if line.startswith("\\")][:2] == ["\\begin{tabular}{lllrr}", "\\toprule"]
    assert body[-2:] == ["\\bottomrule", "\\end{tabular}"]
    assert "my\\_module:A\\&B" in text
    assert "$\\pm$" in text
    assert not any(
        letter in text for letter in "\N{PLUS-MINUS SIGN}\N{MINUS SIGN}\N{GREEK SMALL LETTER MU}"[1:]
    )
    rows = [line for line in body if line.endswith("\\\\")]
    assert {line.replace("\\&", "").count("&") for line in rows} == {4}


def test_small_numbers_are_in_a_smaller_unit(at_ten_db: Results) -> None:
    made = results_table(at_ten_db, ["latency_mean_s"])
    assert made.heads[-1] == "latency (ms/token)"


def test_one_seed_says_that_there_is_no_interval(at_ten_db: Results) -> None:
    one = replace(at_ten_db, table=at_ten_db.table[at_ten_db.table["seed"] == 0])
    made = results_table(one, [THROUGHPUT])
    assert made.caption.startswith("One seed: no interval.")
    assert "\N{PLUS-MINUS SIGN}" not in "".join(cell.text for row in made.rows for cell in row)


def test_an_unknown_column_is_refused(at_ten_db: Results) -> None:
    with pytest.raises(ValueError, match="--column thruput"):
        results_table(at_ten_db, ["thruput"])


def folder(tmp_path: Path, name: str, factor: float) -> Path:
    path = tmp_path / name
    path.mkdir()
    table = made_up_sweep().table
    table.assign(**{THROUGHPUT: table[THROUGHPUT] * factor}).to_parquet(path / "results.parquet")
    return path


def test_two_folders_are_compared_pair_by_pair(tmp_path: Path) -> None:
    faster, slower = folder(tmp_path, "faster", 2.0), folder(tmp_path, "slower", 1.0)
    made = ratios_table(speed_ups(faster, slower, THROUGHPUT), THROUGHPUT, ("faster", "slower"))
    # Twice as fast in every pair, so that nothing is left to chance.
    assert {row[1].text for row in made.rows} == {"2"}
    other = speed_ups(slower, faster, "latency_mean_s").iloc[0]
    assert other["ratio"] == pytest.approx(paired_ratio_interval([1.0, 1.0], [1.0, 1.0], [0, 1]).mean)


def test_a_ratio_of_what_may_be_zero_is_refused(tmp_path: Path) -> None:
    one = folder(tmp_path, "one", 1.0)
    with pytest.raises(InputError, match="a ratio needs a column of positive numbers, given grant_s"):
        speed_ups(one, one, "grant_s")
