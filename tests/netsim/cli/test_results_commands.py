"""Commands on results and traces: their tables are the numbers of the files, and what they can't do is one line."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netsim.cli.network import MOST_PRINTED
from tests.command_line import Finished, netsim
from tests.trace_factory import make_trace
from traces.format.manifest import read_manifest, write_manifest

SCENARIO = """name: {name}
trace: {trace}
policy: {{name: hlm}}
channel: {{bandwidth_hz: {bandwidth}}}
tokens: 6
eos: ignore
seeds: 2
sweep:
  policy: [hlm, {{name: u-hlm, threshold: 0.4}}]
  channel.snr_db: [0, 10]
"""


@pytest.fixture(scope="module", name="folder")
def sweep_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace, and two scenarios that differ in their bandwidth with their results."""
    folder = tmp_path_factory.mktemp("commands")
    trace = make_trace(folder / "trace", num_tokens=6, prompts=8).folder
    for name, bandwidth in (("narrow", 1e4), ("wide", 4e4)):
        text = SCENARIO.format(name=name, trace=trace, bandwidth=bandwidth)
        (folder / f"{name}.yaml").write_text(text)
        done = netsim("sweep", folder / f"{name}.yaml", "--out", folder / name, "-q")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def refused(done: Finished, said: str) -> None:
    """Bad input, told in one line."""
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def cells(text: str, first: str) -> list[str]:
    """Cells of the first row of a printed table that begins with a word."""
    row = next(line for line in text.splitlines() if line.startswith(f"│ {first}"))
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_a_table_marks_the_best_policy_and_has_the_means_of_the_summary(folder: Path) -> None:
    words = "table", folder / "narrow", "--where", "channel.snr_db=10", "--column", "throughput_tok_s"
    text = netsim(*words).stdout
    summary = pd.read_csv(folder / "narrow" / "summary.csv").query("`channel.snr_db` == 10")
    means = dict(zip(summary["policy.name"], summary["throughput_tok_s_mean"], strict=True))
    shown = {name: cells(text, name)[-1] for name in means}
    assert means["u-hlm"] > means["hlm"]
    assert (shown["u-hlm"].endswith(" *"), shown["hlm"].endswith(" *")) == (True, False)
    numbers = pd.read_csv(io.StringIO(netsim(*words, "--format", "csv").stdout))
    # Nine digits are written.
    assert numbers["throughput_tok_s_mean"].tolist() == pytest.approx([*means.values()], rel=1e-8)
    assert "*: the best mean among the policies compared" in text


def test_two_folders_are_compared_pair_by_pair(folder: Path) -> None:
    done = netsim("table", folder / "wide", folder / "narrow", "--format", "csv")
    ratios = pd.read_csv(io.StringIO(done.stdout))["ratio"]
    means = [
        pd.read_csv(folder / name / "summary.csv")["throughput_tok_s_mean"] for name in ("wide", "narrow")
    ]
    # As above: nine digits.
    assert ratios.tolist() == pytest.approx((means[0] / means[1]).tolist(), rel=1e-8)
    assert (ratios > 1).all()


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (["wide", "narrow", "wide"], [], "DIR: one folder, or two to compare, given 3"),
        (["wide", "narrow"], ["--where", "policy.name=hlm"], "--where: two folders are compared at all points"),
        (["wide", "narrow"], ["--column", "llm_nll", "--column", "queue_s"], "--column: two folders are compared"),
        (["wide"], ["--where", "policy.name=slm"], "--where policy.name=slm: no such value, allowed: hlm, u-hlm"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_is_refused(
    folder: Path, names: list[str], options: list[str], said: str
) -> None:
    refused(netsim("table", *(folder / name for name in names), *options), said)


def test_a_report_of_two_folders_compares_them(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = netsim("report", folder / "wide", folder / "narrow", "--out", out)
    assert (done.returncode, done.stdout) == (0, f"report: {out}\n")
    text = out.read_text("utf-8")
    assert "wide over narrow" in text
    changes = re.findall(r"^([-+]) *bandwidth_hz: (\S+)$", text, re.MULTILINE)
    assert changes == [("-", "10000.0"), ("+", "40000.0")]


def test_a_report_that_cannot_be_is_refused(folder: Path, tmp_path: Path) -> None:
    wide = folder / "wide"
    refused(netsim("report", wide, wide, wide), "takes one folder, or two to compare, given 3")
    refused(netsim("report", wide, "--out", tmp_path / "a.pdf"), "allowed: .html, .htm")
    assert not list(tmp_path.iterdir())


def test_devices_of_a_timeline_are_numbers(folder: Path, tmp_path: Path) -> None:
    timeline = tmp_path / "t.json"
    words = "run", folder / "wide.yaml", "--set", "devices=3", "--seed", "0", "--timeline", timeline
    assert netsim(*words).returncode == 0
    refused(
        netsim("plot", timeline, "--kind", "timeline", "--devices", "0,one"), "--devices: '0,one', allowed"
    )
    refused(netsim("plot", timeline, "--kind", "timeline", "--devices", "7"), "not in the timeline")
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]
    done = netsim("plot", timeline, "--kind", "timeline", "--devices", "0, 2,")
    assert done.stdout == f"picture: {tmp_path / 't-timeline.png'}\n"


@pytest.mark.parametrize("devices", [3, MOST_PRINTED + 1])
def test_a_run_of_a_network_prints_its_devices_unless_they_are_many(folder: Path, devices: int) -> None:
    words = "run", folder / "wide.yaml", "--set", f"devices={devices}"
    text = netsim(*words).stdout
    _, _, table = text.partition("devices: means over seeds")
    names = re.findall(r"^│ (\w+) +│", table, re.MULTILINE)
    assert names == ([*"012", "all"] if devices == 3 else ["all"])
    rows = json.loads(netsim(*words, "--json").stdout)
    last = [row["devices"][-1] for row in rows]
    assert [len(row["devices"]) for row in rows] == [devices + 1] * 2
    mean = np.mean([own["throughput_tok_s"] for own in last])
    assert f"{mean:.6g}" in cells(table, "all")


@pytest.mark.parametrize("options", [[], ["--on-the-mean"]])
def test_the_best_thresholds_are_printed_as_they_are_in_json(folder: Path, options: list[str]) -> None:
    words = ["optimize", str(folder / "narrow.yaml"), "--subject-to", "rejected_skips <= 0.1", *options]
    rows = json.loads(netsim(*words, "--json").stdout)
    text = netsim(*words).stdout
    assert text.startswith("narrow: the best threshold, subject to rejected_skips <= 0.1; ")
    for row in rows:
        shown = cells(text, f"{row['channel.snr_db']:g} ")
        assert shown[1] == f"{row['threshold']:g}"
    kept = np.array([row["rejected_skips"] for row in rows])
    assert (kept.mean() if options else kept.max()) <= 0.1
    assert netsim(*words, "--quiet").stdout == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--subject-to", "accuracy > 1"], "--subject-to: not a bound, given 'accuracy > 1'"),
        (["--maximize", "speed"], "no result column 'speed'"),
        (["--on-the-mean"], "--on-the-mean: takes one bound"),
    ],
)
def test_an_optimum_that_cannot_be_is_refused(folder: Path, options: list[str], said: str) -> None:
    refused(netsim("optimize", folder / "narrow.yaml", *options), said)


def test_measures_are_printed_as_they_are_in_json(folder: Path) -> None:
    rows = json.loads(netsim("measures", folder / "trace", "--json").stdout)
    text = netsim("measures", folder / "trace").stdout
    assert text.startswith(f"{folder / 'trace'}: hlm path")
    for row in rows:
        name, *values = row.values()
        assert cells(text, str(name))[1:] == [
            "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
            for value in values
        ]


def test_an_incomplete_trace_is_well_and_says_how_it_is_finished(tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "trace", num_tokens=6, prompts=3)
    nodes = netsim("validate", trace.folder).stdout
    assert re.fullmatch(r".*: ok, 3 prompts x 2 token seeds, \d+ nodes\n", nodes)
    manifest = read_manifest(trace.folder)
    write_manifest(trace.folder, manifest.model_copy(update={"shards": manifest.shards[:-1]}))
    said = netsim("validate", trace.folder).stdout
    assert said.endswith(", incomplete: run the recording again to finish it\n")
    assert "ok, 2 prompts" in said


def test_every_file_that_is_validated_is_told_of(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\ntrace: none\n")
    done = netsim("validate", tmp_path / "bad.yaml", folder / "wide.yaml", tmp_path)
    assert done.returncode == 2
    assert done.stdout == f"{folder / 'wide.yaml'}: ok, 4 points x 2 seeds\n"
    assert f"{tmp_path / 'bad.yaml'}:" in done.stderr
    assert f"{tmp_path}: not a trace" in done.stderr
