"""The tables of ``docs/field.md``, from short sweeps: every number is that of the rows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.field.figure import METHODS, draw, interval
from analysis.field.page import HEADS, SHOWN_DB, crossover_section, methods_section, snr_section
from analysis.figures.kinds import THROUGHPUT
from analysis.figures.results import Results, read_results
from netsim.scenario import load_scenario
from netsim.startup import ROOT
from netsim.sweeps.run import run_sweep

FIELD = ROOT / "scenarios" / "field"
RTTS_S = [0.0, 0.05, 0.1]


@pytest.fixture(scope="module", name="over_snr")
def sweep_snrs(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("snr")
    changes = "seeds=2", f"sweep.channel.snr_db={[*SHOWN_DB]}"
    run_sweep(load_scenario(FIELD / "everyone.yaml", changes), folder)
    return read_results(folder)


@pytest.fixture(scope="module", name="over_rtt")
def sweep_rtts(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("rtt")
    changes = "seeds=2", f"sweep.core.rtt_s={RTTS_S}"
    run_sweep(load_scenario(FIELD / "everyone-rtt.yaml", changes), folder)
    return read_results(folder)


def lines(section: str) -> list[list[str]]:
    """Cells of the rows of all tables of a section, their heads left out."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|") and not line.startswith(("| ---", "| method"))
    ]
    assert rows
    return rows


def of_methods(results: Results, column: str) -> NDArray[np.float64]:
    """Means over seeds: a row for each method, a column for each value of the swept key."""
    table = results.table.astype({column: float})
    means = table.groupby(list(results.axes), sort=False, dropna=False)[column].mean()
    return means.to_numpy().reshape(len(METHODS), -1)


def test_a_method_is_named_beside_its_policy(over_snr: Results) -> None:
    rows = lines(methods_section(over_snr))
    assert [name for name, _ in rows] == list(METHODS)
    policies = dict(rows)
    assert policies["SLM alone"].startswith("slm")
    assert policies["LLM alone"].startswith("llm")
    assert policies["U-HLM"].startswith("u-hlm")
    assert len(set(policies.values())) == len(METHODS)


def test_a_table_for_each_snr_has_the_means_of_the_rows(over_snr: Results) -> None:
    section = snr_section(over_snr)
    assert re.findall(r"^### (\S+) dB$", section, re.MULTILINE) == [f"{snr_db:g}" for snr_db in SHOWN_DB]
    rows = lines(section)
    assert len(rows) == len(SHOWN_DB) * len(METHODS)
    factors = {"device_energy_j": 1000}
    for place, column in enumerate(HEADS, start=1):
        if column == "llm_nll":
            continue
        means = of_methods(over_snr, column).T.reshape(-1) * factors.get(column, 1)
        for row, mean in zip(rows, means, strict=True):
            shown = row[place].partition(" ")[0].replace(",", "")
            if np.isnan(mean):
                assert shown == "n/a"
            else:
                digits = len(shown.partition(".")[2])
                assert float(shown) == pytest.approx(mean, abs=0.50001 * 10**-digits)


def test_likelihood_is_kept_whole_by_what_verifies_and_not_by_the_slm(over_snr: Results) -> None:
    kept = {row[0]: row[1 + list(HEADS).index("llm_nll")] for row in lines(snr_section(over_snr))}
    assert kept["LLM alone"] == "100.0 %"
    assert float(kept["SLM alone"].split()[0]) < 100


def test_the_llm_is_faster_beyond_where_the_straight_lines_between_points_cross(over_rtt: Results) -> None:
    rows = dict(lines(crossover_section(over_rtt)))
    assert set(rows) == set(METHODS) - {"LLM alone", "SLM alone"}
    means = dict(zip(METHODS, of_methods(over_rtt, THROUGHPUT), strict=True))
    for name, said in rows.items():
        over = means[name] - means["LLM alone"]
        if (over > 0).all():
            assert said == "never slower than llm here"
        elif (over < 0).all():
            assert said == "never faster than llm"
        else:
            after = int(np.argmax(over < 0))
            share = over[after - 1] / (over[after - 1] - over[after])
            crossing_s = RTTS_S[after - 1] + share * (RTTS_S[after] - RTTS_S[after - 1])
            assert said == f"{1000 * crossing_s:.0f} ms"
    assert len(set(rows.values())) > 2, "methods of several kinds"


def test_both_sweeps_are_drawn_with_their_interval_in_words(
    over_snr: Results, over_rtt: Results, tmp_path: Path
) -> None:
    draw(over_snr, over_rtt, tmp_path / "field.png")
    assert (tmp_path / "field.png").read_bytes().startswith(b"\x89PNG")
    assert "prompts" in interval(over_snr)
