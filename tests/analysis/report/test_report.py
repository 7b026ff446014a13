"""The report in a real browser: what it shows is what the results say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.figures.labels import axis_label
from analysis.report.against import KEPT
from analysis.report.compare import speed_ups
from analysis.report.page import write_report
from netsim.errors import InputError
from netsim.point import simulate
from netsim.scenario import load_scenario
from netsim.sweeps.run import run_sweep
from tests.browser import chromium, errors, open_report
from tests.trace_factory import make_trace

SCENARIO = """
name: seen
trace: {trace}
policy: {{name: hlm}}
channel: {{bandwidth_hz: {bandwidth}}}
latency: {{slm: 0.01, llm: 0.02}}
tokens: 6
seeds: 4
sweep:
  policy:
    - {{name: slm}}
    - {{name: hlm}}
    - {{name: u-hlm, threshold: 0.2}}
    - {{name: u-hlm, threshold: 0.6}}
  channel.snr_db: [0, 10, 20]
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two finished sweeps that differ in their bandwidth: of 1 MHz, and of 2 MHz."""
    root = tmp_path_factory.mktemp("report")
    trace = make_trace(root / "trace", prompts=3).folder
    made = []
    for name, bandwidth in (("narrow", "1e6"), ("wide", "2e6")):
        path = root / f"{name}.yaml"
        path.write_text(SCENARIO.format(trace=trace, bandwidth=bandwidth), encoding="utf-8")
        run_sweep(load_scenario(path), root / name)
        made.append(root / name)
    return made[0], made[1]


@pytest.fixture(scope="module")
def page(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(folders[0], tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def browser(page: Path) -> Iterator[Any]:
    with chromium() as own:
        open_report(own, page)
        yield own


def shown(browser: Any) -> list[list[str]]:
    """The table of the points that the explorer shows."""
    rows: list[list[str]] = browser.execute_script(
        "return [...document.querySelectorAll('#shown tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return rows


def choose(browser: Any, **values: str) -> None:
    """Set selects and sliders as a hand would: the value, then the event."""
    for key, value in values.items():
        browser.execute_script(
            "const own = document.getElementById(arguments[0]); own.value = arguments[1];"
            "own.dispatchEvent(new Event('input')); own.dispatchEvent(new Event('change'));",
            key.replace("__", "."),
            value,
        )


def test_the_page_needs_nothing_else(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=[\"']https?:", text)


def test_the_explorer_shows_the_numbers_of_the_summary(browser: Any, folders: tuple[Path, Path]) -> None:
    summary = pd.read_csv(folders[0] / "summary.csv")
    choose(browser, **{"choose-x": "at:channel.snr_db", "choose-y": "throughput_tok_s"})
    rows = shown(browser)
    assert len(rows) == len(summary) == 12
    by_place = {
        (row[0], float(row[1])): (float(row[2]), *(float(end) for end in row[3].split(" to ")))
        for row in rows
    }
    for _, own in summary.iterrows():
        name = own["policy.name"]
        if not np.isnan(own["policy.threshold"]):
            name += f", {axis_label('policy.threshold')} {own['policy.threshold']:g}"
        expected = [own[f"throughput_tok_s_{end}"] for end in ("mean", "low", "high")]
        # The page rounds to six digits.
        assert (name, own["channel.snr_db"]) in by_place, sorted(by_place)
        assert by_place[name, own["channel.snr_db"]] == pytest.approx(expected, rel=1e-5)


def test_a_slider_moves_the_other_axes(browser: Any, folders: tuple[Path, Path]) -> None:
    summary = pd.read_csv(folders[0] / "summary.csv")
    choose(browser, **{"choose-x": "at:policy.threshold", "choose-y": "transmission_rate"})
    for place, snr_db in enumerate([0, 10, 20]):
        choose(browser, **{"slider-channel.snr_db": str(place)})
        rows = [row for row in shown(browser) if row[0] == "u-hlm"]
        wanted = summary[(summary["policy.name"] == "u-hlm") & (summary["channel.snr_db"] == snr_db)]
        assert [float(row[1]) for row in rows] == [0.2, 0.6]
        assert [float(row[2]) for row in rows] == pytest.approx(
            wanted["transmission_rate_mean"].tolist(), rel=1e-5
        )


def test_the_drawn_points_are_those_of_the_table(browser: Any) -> None:
    choose(browser, **{"choose-x": "at:channel.snr_db", "choose-y": "throughput_tok_s"})
    drawn = browser.execute_script("return Array.from(Bokeh.documents[0].get_model_by_name('marks').data.y)")
    assert drawn == pytest.approx([float(row[2]) for row in shown(browser)], rel=1e-5)


def test_the_command_of_a_point_gives_that_point(browser: Any, folders: tuple[Path, Path]) -> None:
    choose(browser, **{"choose-x": "at:channel.snr_db", "choose-y": "throughput_tok_s"})
    browser.execute_script("document.querySelectorAll('#shown tbody tr')[4].click()")
    row = shown(browser)[4]
    command = browser.find_element("id", "picked-command").text
    assert command.startswith(f"netsim run {folders[0] / 'scenario.yaml'} --set ")
    settings = re.findall(r"--set (?:'([^']*)'|(\S+))", command)
    scenario = load_scenario(folders[0] / "scenario.yaml", [quoted or plain for quoted, plain in settings])
    rows = [float(str(simulate(scenario, seed)["throughput_tok_s"])) for seed in range(4)]
    # Four rows over the trace's token seeds: every token seed counts alike, as in the summary.
    assert min(rows) <= float(row[2]) <= max(rows)


def test_a_hidden_curve_is_gone(browser: Any) -> None:
    before = len(shown(browser))
    box = "document.querySelector('#legend input')"
    browser.execute_script(f"{box}.click()")
    assert len(shown(browser)) == before - 3
    browser.execute_script(f"{box}.click()")
    assert len(shown(browser)) == before


def test_the_replay_has_every_token_and_tells_its_fate(browser: Any) -> None:
    script = (
        "return [...document.querySelectorAll('#replay-panes .text')].map("
        "pane => [...pane.children].map(token => [token.className, token.title]))"
    )
    hlm, u_hlm = browser.execute_script(script)
    assert len(hlm) == 6
    assert all("accepted" in name or "replaced" in name for name, _ in hlm)
    assert any("skipped" in name for name, _ in u_hlm)
    assert all("uncertainty" in title and "bit up" in title and " ms" in title for _, title in hlm)
    browser.execute_script(
        "const time = document.getElementById('replay-time'); time.value = '0'; time.dispatchEvent(new Event('input'));"
    )
    assert all("future" in name for name, _ in browser.execute_script(script)[0])


def test_the_console_has_no_error(browser: Any) -> None:
    assert errors(browser) == []


def test_the_page_fits_a_phone(page: Path) -> None:
    with chromium(400, 800) as phone:
        open_report(phone, page)
        wide, seen = phone.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= seen, "the page scrolls sideways"
        assert errors(phone) == []


def test_the_page_says_which_threshold_keeps_the_accuracy_and_how_much_faster_it_is(
    browser: Any, folders: tuple[Path, Path]
) -> None:
    table = pd.read_parquet(folders[0] / "results.parquet")
    at = table[table["channel.snr_db"] == 10]
    hlm = at[at["policy.name"] == "hlm"]
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#against details')].map(one => [one.querySelector('summary').textContent,"
        "[...one.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))])"
    )
    assert [summary.partition(":")[0] for summary, _ in rows] == ["SNR 0 dB", "SNR 10 dB", "SNR 20 dB"]
    summary, cells = rows[1]
    assert [policy for policy, *_ in cells] == ["slm", "u-hlm, threshold 0.2", "u-hlm, threshold 0.6"]
    kept = {}
    for policy, times, accuracy in cells[1:]:
        own = at[at["policy.threshold"] == float(policy.rpartition(" ")[2])]
        by_seed = [part.groupby("token_seed") for part in (own, hlm)]
        # Three prompts are too few to resample: the mean is the geometric one over token seeds.
        ratio = np.log(by_seed[0]["throughput_tok_s"].mean() / by_seed[1]["throughput_tok_s"].mean()).mean()
        difference = (by_seed[0]["llm_nll"].mean() - by_seed[1]["llm_nll"].mean()).mean()
        assert times.split(" ")[0] == f"{np.exp(ratio):.3g}"
        assert accuracy.split(" ")[0] == f"{100 * np.exp(-difference):.1f}"
        if np.exp(-difference) >= KEPT:
            kept[policy] = np.exp(ratio)
    best = max(kept, key=lambda policy: kept[policy]) if kept else "none"
    assert f"in the mean: {best}" in summary


def test_two_folders_are_compared_seed_by_seed(folders: tuple[Path, Path], tmp_path: Path) -> None:
    narrow, wide = folders
    table = speed_ups(wide, narrow).set_index("point")
    rows = {own: pd.read_parquet(own / "results.parquet") for own in folders}
    assert len(table) == 12
    assert table["ratio"]["slm, SNR 0 dB"] == pytest.approx(1.0)
    pairs = [
        own[(own["policy.name"] == "hlm") & (own["channel.snr_db"] == 0)]
        for own in (rows[wide], rows[narrow])
    ]
    by_token_seed = [own.groupby("token_seed")["throughput_tok_s"].mean() for own in pairs]
    expected = np.exp(np.log(by_token_seed[0] / by_token_seed[1]).mean())
    assert table["ratio"]["hlm, SNR 0 dB"] == pytest.approx(expected, rel=1e-12)
    text = write_report(wide, tmp_path / "two.html", narrow).read_text(encoding="utf-8")
    assert "wide over narrow" in text
    assert "bandwidth_hz: 2000000.0" in text


def test_what_is_no_results_folder_is_refused(tmp_path: Path, folders: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match=r"not a results folder: there is no summary\.csv"):
        write_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
    with pytest.raises(InputError, match="no results"):
        write_report(folders[0], tmp_path / "report.html", tmp_path)
