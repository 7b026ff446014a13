"""The command line as a person meets it: exit status, messages, and what is left on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netsim.results.columns import NAMES
from netsim.startup import ROOT
from tests.command_line import netsim
from tests.trace_factory import make_trace
from traces.format.trace import Trace

SCENARIO = """name: small
trace: {trace}
policy: {{name: u-hlm, threshold: 0.3}}
tokens: 6
eos: ignore
seeds: 4
sweep:
  policy:
    - {{name: hlm}}
    - {{name: u-hlm, threshold: 0.3}}
  channel.snr_db: [0, 10]
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(tmp_path_factory.mktemp("cli"), num_tokens=6)


@pytest.mark.parametrize(
    "arguments",
    [("validate", "{}.yaml"), ("table", "{}"), ("sweep", "scenarios/quickstart.yaml", "--out", "{}")],
)
def test_a_name_that_is_too_long_is_a_bad_input(arguments: tuple[str, ...]) -> None:
    ended = netsim(*(part.format("x" * 300) for part in arguments))
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "too long" in ended.stderr


@pytest.fixture
def scenario(trace: Trace, tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SCENARIO.format(trace=trace.folder))
    return path


def test_run_prints_rows_as_json(scenario: Path) -> None:
    done = netsim("run", scenario, "--json", "--set", "channel.snr_db=5")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["seed"] for row in rows] == [0, 1, 2, 3]
    assert list(rows[0])[: len(NAMES)] == list(NAMES)


def test_a_sweep_leaves_the_files_of_the_contract_and_names_them(scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    done = netsim("sweep", scenario, "--out", out)
    assert done.returncode == 0, done.stderr
    assert f"results: {out}" in done.stdout
    picture = done.stdout.split("picture: ")[1].strip()
    assert Path(picture).read_bytes()[:4] == b"\x89PNG"
    names = {path.name for path in out.iterdir()}
    assert {"results.parquet", "summary.csv", "scenario.yaml", "manifest.json"} <= names
    table = pd.read_parquet(out / "results.parquet")
    assert list(table["policy.name"]) == ["hlm"] * 8 + ["u-hlm"] * 8
    assert list(table["channel.snr_db"]) == ([0] * 4 + [10] * 4) * 2
    assert table["policy.threshold"].isna().tolist() == [True] * 8 + [False] * 8
    # hlm never skips: undefined is empty, not 0.
    assert table["true_skip_rate"].isna().tolist()[:8] == [True] * 8


def test_bad_input_is_one_line_and_status_2(scenario: Path, tmp_path: Path) -> None:
    scenario.write_text(scenario.read_text().replace("tokens: 6", "token: 6"))
    out = tmp_path / "results"
    done = netsim("sweep", scenario, "--out", out)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{scenario}:4: token: unknown key")
    assert done.stderr.rstrip().endswith("did you mean 'tokens'?")
    assert done.stderr.count("\n") == 1
    assert not out.exists()


def test_a_missing_trace_is_named_with_the_line_of_its_key(scenario: Path, tmp_path: Path) -> None:
    scenario.write_text(scenario.read_text().replace("trace: ", f"trace: {tmp_path}/none #"))
    done = netsim("run", scenario)
    assert (done.returncode, done.stderr) == (2, f"{scenario}:2: trace: {tmp_path}/none: no such folder\n")


def test_more_tokens_than_recorded_are_refused(scenario: Path) -> None:
    done = netsim("run", scenario, "--set", "tokens=7")
    assert done.returncode == 2
    assert "tokens: more than the trace holds, given 7, allowed: 1 to 6" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_trace_is_refused_and_the_results_stay(
    trace: Trace, scenario: Path, tmp_path: Path
) -> None:
    copy = make_trace(tmp_path / "copy", num_tokens=6)
    scenario.write_text(scenario.read_text().replace(str(trace.folder), str(copy.folder)))
    out = tmp_path / "results"
    assert netsim("sweep", scenario, "--out", out, "-q").returncode == 0
    before = (out / "results.parquet").read_bytes()
    shard = copy.folder / copy.manifest.shards[1].file
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    done = netsim("validate", copy.folder)
    assert done.returncode == 2
    assert f"{shard}: damaged or of another recording" in done.stderr
    # The shards are keyed by the manifest: what was computed stays and is still found.
    assert (out / "results.parquet").read_bytes() == before


def test_what_shows_only_while_it_runs_is_bad_input_too(scenario: Path) -> None:
    coin = "policy={name: rand-hlm, skip_probability: 0.5}"
    done = netsim("run", scenario, "--set", coin, "--set", "off_tree=refuse")
    assert done.returncode == 2
    assert done.stderr.startswith("--set off_tree: ")
    assert "leaves the recorded tree" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_an_unwritable_folder_is_bad_input(scenario: Path, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("mine")
    done = netsim("sweep", scenario, "--out", tmp_path / where)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_with_something_else_in_it_is_left_alone(scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.tex").write_text("mine")
    done = netsim("sweep", scenario, "--out", out)
    assert done.returncode == 2
    assert [path.name for path in out.iterdir()] == ["chapter.tex"]


def test_replay_gives_the_shares_of_the_walk(trace: Trace) -> None:
    done = netsim(
        "replay",
        trace.folder,
        "--policy",
        "hlm",
        "--policy",
        "u-hlm:threshold=1",
        "--policy",
        "oracle",
        "--json",
    )
    hlm, always, oracle = json.loads(done.stdout)
    assert hlm["transmission_rate"] == 1
    assert (always["transmission_rate"], always["uplink_bits"], always["llm_calls"]) == (0, 0, 0)
    assert oracle["transmission_rate"] == hlm["rejection_rate"]
    assert oracle["llm_nll"] == hlm["llm_nll"]
    # 16 tokens: 4 bits of index. One distribution and one draft id a round.
    assert hlm["uplink_bits"] == 16 * (8 + 4) + 4


@pytest.mark.parametrize("spec", ["u-hlm", "u-hlm:threshold=2", "uhlm:threshold=0.3", "hlm:threshold=0.3"])
def test_a_bad_policy_is_named(trace: Trace, spec: str) -> None:
    done = netsim("replay", trace.folder, "--policy", spec)
    assert done.returncode == 2
    assert done.stderr.startswith(f"--policy {spec}: ")
    assert done.stderr.count("\n") == 1


def test_simulating_and_replaying_import_no_torch(scenario: Path, trace: Trace) -> None:
    code = (
        "import sys, netsim; from pathlib import Path; from netsim.sweeps.replay import replay_rows\n"
        f"netsim.simulate(netsim.load_scenario({str(scenario)!r}), 0)\n"
        f"replay_rows(Path({str(trace.folder)!r}), ['hlm'])\n"
        "print([name for name in ('torch', 'transformers', 'dask') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_same_input_same_bytes_whatever_the_jobs(scenario: Path, tmp_path: Path) -> None:
    contents = []
    for jobs in ("1", "2"):
        out = tmp_path / f"jobs{jobs}"
        assert netsim("sweep", scenario, "--out", out, "--jobs", jobs, "-q").returncode == 0
        contents.append((out / "results.parquet").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("command", ["run", "sweep", "plot", "record", "replay", "validate", "schema"])
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = netsim(command, "--help")
    assert done.returncode == 0
    assert "Example: netsim" in done.stdout


def test_the_schema_is_json_and_knows_the_keys() -> None:
    schema = json.loads(netsim("schema").stdout)
    assert {"trace", "policy", "channel", "latency", "sweep"} <= set(schema["properties"])


def test_seeds_cycle_through_the_recorded_token_seeds(scenario: Path) -> None:
    rows = json.loads(netsim("run", scenario, "--json").stdout)
    assert [row["token_seed"] for row in rows] == [0, 1, 0, 1]
    values = np.array([row["throughput_tok_s"] for row in rows])
    # The same tokens, other fading.
    assert len(np.unique(values)) == 4
    assert rows[0]["transmission_rate"] == rows[2]["transmission_rate"]
