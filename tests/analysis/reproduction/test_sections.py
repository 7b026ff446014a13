"""The tables of the papers' headline figures: every cell from the rows of a run, on short runs of all scenarios."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.reproduction import runs
from analysis.reproduction.checks import theory_section
from analysis.reproduction.page import main
from analysis.reproduction.runs import Run
from analysis.reproduction.tables import (
    Reproduced,
    compression_section,
    cu_hlm_section,
    fitted_line,
    neglected_section,
    u_hlm_section,
)
from analysis.reproduction.tables import (
    testbed_section as section_of_the_testbed,
)
from netsim.startup import ROOT

# Numbers on the page are held to half of their last printed digit: 0.05 of one decimal, 0.005 of two, 5e-5 of four.

#: Parts of the page that are read off recordings, and take no run.
RECORDED = ("Accuracy of the texts", "Temperature and nucleus", "What a full upload is billed")


@pytest.fixture(scope="module", name="results")
def simulate_shortly() -> Reproduced:
    """Two seeds and two SNRs of every scenario."""
    plain = Run.of

    def shortly(name: str, overrides: tuple[str, ...] = (), jobs: int = 1) -> Run:
        return plain(name, (*overrides, "seeds=2", "sweep.channel.snr_db=[0, 20]"), jobs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Run, "of", shortly)
        return Reproduced.simulate(jobs=1)


def cells(section: str) -> dict[str, list[str]]:
    """Rows of a table by their first cell."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()[2:]]
    assert len({line[0] for line in lines}) == len(lines)
    return {line[0]: line[1:] for line in lines}


def number(cell: str) -> float:
    found = re.search(r"-?[\d.]+", cell)
    assert found, cell
    return float(found[0])


def by_snr(table: pd.DataFrame, column: str) -> pd.Series:
    """Means over seeds for each SNR."""
    return table.astype({column: float}).groupby("channel.snr_db")[column].mean()


def likelihood_kept(own: pd.DataFrame, hlm: pd.DataFrame) -> float:
    order = ["channel.snr_db", "seed"]
    nll, baseline = (rows.sort_values(order)["llm_nll"].astype(float).to_numpy() for rows in (own, hlm))
    return float(np.exp(baseline - nll).mean())


def test_the_rows_of_u_hlm_are_means_of_their_rows(results: Reproduced) -> None:
    rows = cells(u_hlm_section(results))
    assert rows["arXiv 2412.12687"][0] == "45.93 %"
    table = results.u_hlm.table
    hlm = table[table["policy.name"] == "hlm"]
    for name, policy in (
        ("built-in pair, 0.1: near the paper's skip share", ("u-hlm", "policy.threshold", 0.1)),
        ("built-in pair, rand-hlm, 0.448", ("rand-hlm", "policy.skip_probability", 0.448)),
    ):
        own = table[
            (table["policy.name"] == policy[0]) & np.isclose(table[policy[1]].astype(float), policy[2])
        ]
        sent, right = own["transmission_rate"].mean(), own["true_skip_rate"].astype(float).mean()
        fewer, rejected, kept, gain, bound = rows[name]
        assert number(fewer) == pytest.approx(100 * (1 - sent), abs=0.05)
        assert number(rejected) == pytest.approx(100 * (1 - sent) * (1 - right), abs=0.05)
        assert number(kept) == pytest.approx(100 * likelihood_kept(own, hlm), abs=0.05)
        ratios = by_snr(own, "throughput_tok_s") / by_snr(hlm, "throughput_tok_s")
        assert number(gain) == pytest.approx(ratios.max(), abs=0.005)
        assert gain.endswith(f"at {ratios.idxmax():g} dB")
        assert number(bound) == pytest.approx(1 / sent, abs=0.005)
    # Two pairs and two densities of the published line, at each threshold.
    assert sum("risk-averse" in name for name in rows) == sum("risk-prone" in name for name in rows) == 4


def test_the_rows_of_cu_hlm_are_means_of_their_rows(results: Reproduced) -> None:
    rows = cells(cu_hlm_section(results))
    table = results.cu_hlm.table
    hlm = table[table["policy.name"] == "hlm"]
    for k in ("832", "30", "online"):
        own = table[(table["policy.name"] == "cu-hlm") & (table["policy.k"] == k)]
        own = own[np.isclose(own["policy.threshold"].astype(float), 0.543, atol=5e-3)]
        skipped, entries, bias, kept, gain, bound = rows[f"built-in pair, k = {k}"]
        sent, mean_entries = own["transmission_rate"].mean(), own["upload_entries"].astype(float).mean()
        assert number(skipped) == pytest.approx(100 * (1 - sent), abs=0.05)
        assert number(entries) == pytest.approx(mean_entries, abs=0.05)
        assert number(entries.partition("(")[2]) == pytest.approx(100 - mean_entries / 320, abs=0.05)
        assert number(bias) == pytest.approx(own["output_tv"].astype(float).mean(), abs=5e-5)
        assert number(kept) == pytest.approx(100 * likelihood_kept(own, hlm), abs=0.05)
        ratios = by_snr(own, "throughput_tok_s") / by_snr(hlm, "throughput_tok_s")
        assert number(gain) == pytest.approx(ratios.max(), abs=0.005)
        assert number(bound) == pytest.approx(32_000 / mean_entries / sent, abs=0.5)


def test_every_truncation_has_a_row(results: Reproduced) -> None:
    lines = compression_section(results).splitlines()[2:]
    table = results.compression.table
    points = table[table["policy.name"] == "cu-hlm"].groupby(["policy.k", "policy.theta"], dropna=False)
    assert len(lines) == points.ngroups
    for line in lines:
        k, theta, entries, compression, skipped, bias, _ = (
            cell.strip() for cell in line.strip("|").split("|")
        )
        own = points.get_group((k, np.nan if theta == "n/a" else float(theta)))
        mean_entries = own["upload_entries"].astype(float).mean()
        assert number(entries) == pytest.approx(mean_entries, abs=0.05)
        assert number(compression) == pytest.approx(100 - mean_entries / 320, abs=0.05)
        assert number(skipped) == pytest.approx(100 * (1 - own["transmission_rate"].mean()), abs=0.05)
        assert number(bias) == pytest.approx(own["output_tv"].astype(float).mean(), abs=5e-5)


def test_the_testbeds_gains_are_of_its_two_thresholds(results: Reproduced) -> None:
    strong, weak, at_zero, above = cells(section_of_the_testbed(results))["built-in pair"]
    table = results.testbed.table
    low, high = (table[table["policy.threshold"] == threshold] for threshold in (0.0, 0.15))
    ratios = by_snr(high, "throughput_tok_s") / by_snr(low, "throughput_tok_s")
    assert number(strong) == pytest.approx(100 * (ratios[20.0] - 1), abs=0.05)
    assert number(weak) == pytest.approx(100 * (ratios[0.0] - 1), abs=0.05)
    assert number(at_zero) == pytest.approx(low["transmission_rate"].mean(), abs=0.005)
    assert number(above) == pytest.approx(high["transmission_rate"].mean(), abs=0.005)


def test_simulated_risks_are_within_what_theory_allows_them(results: Reproduced) -> None:
    rows = cells(theory_section(results))
    assert len(rows) == 4
    for _, risk, simulated, interval in rows.values():
        low, high = (float(end) for end in interval.strip("[]").split(","))
        assert low <= float(risk) <= high
        assert low <= float(simulated) <= high


def test_each_neglected_cost_lowers_the_gain_and_has_its_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {name: runs.NEGLECTED[name] for name in ("as in the papers", "measuring u takes 0.16 s")}
    monkeypatch.setattr(runs, "NEGLECTED", {name: (*own, "seeds=2") for name, own in chosen.items()})
    plain, slower = cells(neglected_section(1, tmp_path / "bars.png")).values()
    assert len(plain) == 3
    assert all(number(own) < number(other) for own, other in zip(slower, plain, strict=True))
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


def test_a_trace_without_a_calibration_is_refused_with_the_command_that_gives_it_one() -> None:
    with pytest.raises(
        SystemExit, match="netsim calibrate traces/tiny-full-calibration --store-in traces/tiny-full"
    ):
        fitted_line("tiny-full")


def parts(text: str) -> dict[str, str]:
    """Parts of a page by their headings."""
    return {part.partition("\n")[0]: part for part in text.split("\n## ")[1:]}


def test_the_command_fills_every_place_and_what_takes_no_run_is_what_the_docs_say(
    results: Reproduced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Reproduced, "simulate", lambda _jobs: results)
    monkeypatch.setattr(runs, "NEGLECTED", {"as in the papers": ("seeds=2",)})
    monkeypatch.setattr(sys, "argv", ["reproduction", "--out", str(tmp_path)])
    main()
    assert capsys.readouterr().out == f"{tmp_path / 'reproduction.md'}\n"
    text = (tmp_path / "reproduction.md").read_text("utf-8")
    assert "<!--" not in text
    for section in (u_hlm_section(results), cu_hlm_section(results), compression_section(results)):
        assert section in text
    own, docs = parts(text), parts((ROOT / "docs" / "reproduction.md").read_text("utf-8"))
    assert [*own] == [*docs]
    assert all(own[heading] == docs[heading] for heading in RECORDED), "python -m analysis.reproduction"
    assert {path.name for path in tmp_path.glob("*.png")} == {*re.findall(r"\]\(([\w-]+\.png)\)", text)}
