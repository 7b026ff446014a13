"""The commands that run models, on a pair of which nothing is ours: record, replay without torch, profile, live."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock, Timeout

from models.pair import load_tokenizer
from models.record import Done
from netsim.cli.live import live_models
from netsim.cli.profile import profile
from netsim.cli.record import record
from netsim.cli.record_progress import RecordingProgress
from netsim.costs.latency import load_latency
from netsim.errors import InputError, InterruptedCommand
from netsim.point import Point
from netsim.scenario import load_grid
from netsim.scenario.sources.built_in import RecordedTraceSettings
from tests.random_pair import save_random_pair
from traces.format.manifest import read_manifest
from traces.format.trace import Trace

ROOT = Path(__file__).resolve().parents[2]
RECORD: dict[str, Any] = {"tokens": 6, "seeds": 2, "top_p": 0.9, "quiet": True}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    slm, llm = save_random_pair(tmp_path_factory.mktemp("pair"))
    return {"slm": str(slm), "llm": str(llm)}


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    rows = [
        {"prompt": "def add(", "reference": "first, second) # the sum"},
        {"instruction": "Print.", "output": "print"},
    ]
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_all_counts_are_the_thresholds_between_which_decisions_differ(
    pair: dict[str, Any], prompts: Path, tmp_path: Path
) -> None:
    # 1/7 has no short decimal: its digits must survive.
    record(tmp_path / "t", prompts, ["hlm", "all-counts"], **pair, **RECORD, samples=7, num_prompts=1)
    manifest = read_manifest(tmp_path / "t")
    thresholds = [float(spec.partition("=")[2]) for spec in manifest.policies[1:]]
    assert [np.floor(7 * threshold + 1e-9) for threshold in thresholds] == list(range(8))
    assert manifest.prompts[0].reference == "first, second) # the sum"
    assert manifest.eos == (0,)


def test_an_interrupted_recording_says_what_is_kept_and_goes_on(
    pair: dict[str, Any], prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_self: RecordingProgress, done: Done) -> None:
        if done.groups == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RecordingProgress, "recorded", interrupt)
        with pytest.raises(InterruptedCommand) as said:
            record(tmp_path / "t", prompts, ["hlm"], **pair, **RECORD, jobs=1)
    assert (
        str(said.value)
        == f"finished groups are kept in {tmp_path / 't'}, the same command goes on from there"
    )
    assert len(read_manifest(tmp_path / "t").shards) == 1
    record(tmp_path / "t", prompts, ["hlm"], **pair, **RECORD, jobs=1)
    assert Trace.open(tmp_path / "t").is_complete


def test_a_recording_replays_in_a_process_without_torch(
    pair: dict[str, Any], prompts: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError):
        record(tmp_path / "t", prompts, ["u-hlm:threshold=2"], **pair, **RECORD)
    assert not (tmp_path / "t").exists()
    record(tmp_path / "t", prompts, ["hlm", "u-hlm:threshold=0.9"], **pair, **RECORD)
    replayed = (
        "import sys; sys.modules |= dict.fromkeys(('torch', 'transformers', 'tokenizers')); "
        "from netsim.sweeps.replay import replay_rows; from pathlib import Path; "
        f"print([row['on_trace'] for row in replay_rows(Path({str(tmp_path / 't')!r}), ['hlm', 'u-hlm:threshold=0.9'])])"
    )
    done = subprocess.run(
        [sys.executable, "-c", replayed], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[1.0, 1.0]"
    trace = Trace.open(tmp_path / "t")
    longest = max(len(prompt.tokens) for prompt in trace.manifest.prompts) + 6
    assert load_latency("recorded", "llm", trace.folder).seconds(context=longest - 1, positions=1) > 0


def test_teacher_forcing_takes_the_references(pair: dict[str, Any], prompts: Path, tmp_path: Path) -> None:
    record(tmp_path / "t", prompts, [], teacher_forced=True, **pair, **RECORD)
    manifest = read_manifest(tmp_path / "t")
    assert manifest.teacher_forced
    assert manifest.token_seeds == (0,)
    tokenizer = load_tokenizer(pair["llm"])
    answers = [[*tokenizer.encode(answer), 0] for answer in ("first, second) # the sum", "print")]
    assert [list(prompt.continuation) for prompt in manifest.prompts] == [answers[0][:6], answers[1]]
    assert len(answers[0]) > 6 > len(answers[1])


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"policy": []}, "give at least one policy, or --teacher-forced"),
        ({"policy": ["hlm"], "teacher_forced": True}, "give at least one policy, or --teacher-forced"),
        ({"policy": ["all-counts"], "measure": "margin"}, "all-counts needs the measure that counts"),
        ({"policy": ["hlm"], "llm": None}, "give --pair, or both --slm and --llm"),
        ({"policy": ["hlm"], "pair": "tiny"}, "give --pair, or both --slm and --llm"),
        ({"policy": ["hlm"], "llm": "nowhere"}, "no tokenizer can be loaded from nowhere"),
        ({"policy": ["hlm"], "prompts": Path("nowhere.jsonl")}, "nowhere.jsonl: can't be read"),
        ({"policy": ["hlm"], "tokens": 200}, "positions, the models have 192"),
        ({"policy": ["hlm"], "device": "cuda:7"}, "sees no CUDA device"),
    ],
)
def test_what_can_not_be_recorded_is_said(
    pair: dict[str, Any],
    prompts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    fault: str,
) -> None:
    # A name that is no folder is looked up on the hub; without a network that takes minutes of retries.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=fault):
        record(**{"out": tmp_path / "t", "prompts": prompts, **pair, **RECORD, **given})
    assert not (tmp_path / "t").exists()


def test_any_model_is_profiled(pair: dict[str, Any], tmp_path: Path) -> None:
    for role, folder in pair.items():
        out = tmp_path / f"{role}.json"
        profile(out, model=folder, contexts=[0, 8], positions=[1, 4], batches=[1, 2], repeats=1, quiet=True)
        assert load_latency(str(out), "slm", None).seconds(context=4, positions=2, batch=2) > 0


def test_a_live_scenario_is_exact_and_runs_the_models_once(
    pair: dict[str, Any], prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "live.yaml"
    path.write_text(
        f"name: live\ntrace: {{kind: live, slm: {pair['slm']}, llm: {pair['llm']}, prompts: {prompts}, top_p: 0.9}}\n"
        "policy: {name: hlm}\ntokens: 5\nseeds: [3, 11]\n"
        "sweep:\n  policy: [{name: hlm}, {name: u-hlm, threshold: 0.9}]\n"
    )
    with live_models(load_grid(path), (3, 11), quiet=True) as grid:
        # Nobody else may grow what is being simulated.
        assert list((tmp_path / "cache" / "netsim" / "live").glob("*.lock"))
        trace = grid.scenario.trace
        assert isinstance(trace, RecordedTraceSettings)
        with pytest.raises(Timeout):
            FileLock(f"{trace.path}.lock").acquire(timeout=0)
    rows = [Point.of(point.scenario).row(seed) for point in grid.points for seed in (3, 11)]
    assert [row["on_trace"] for row in rows] == [1.0] * 4
    assert [row["token_seed"] for row in rows] == [3, 11, 3, 11]
    folder = trace.path
    shards = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    with live_models(load_grid(path), (3, 11), quiet=True) as again:
        assert again == grid
    assert shards == {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_swept_live_trace_is_refused(pair: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "live.yaml"
    path.write_text(
        f"name: live\ntrace: {{kind: live, slm: {pair['slm']}, llm: {pair['llm']}}}\npolicy: {{name: hlm}}\n"
        "sweep:\n  trace.temperature: [0.5, 1.0]\n"
    )
    with (
        pytest.raises(InputError, match=r"sweep.trace.temperature: can't be swept with models in the loop"),
        live_models(load_grid(path), (0,), quiet=True),
    ):
        pytest.fail("refused before the block")


def test_bad_prompts_are_all_named_or_left_out(
    pair: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt": ""}, {"prompt": "def add("}, {"text": "a"}, {"prompt": "long " * 200}]
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = {**RECORD, "seeds": 1, "quiet": False}
    with pytest.raises(InputError) as caught:
        record(tmp_path / "t", path, ["hlm"], **pair, **options)
    named = [str(fault) for fault in caught.value.faults]
    assert [line.removeprefix(f"{path}:")[:2] for line in named[:2]] == ["1:", "3:"]
    assert named[2:] == ["2 prompts can't be used: mend them, or leave them out with --skip-bad"]
    assert not (tmp_path / "t").exists()
    record(tmp_path / "t", path, ["hlm"], **pair, **options, skip_bad=True)
    said = capsys.readouterr().err
    assert "2 prompts are left out, 2 remain" in said
    assert "prompt '3' and 6 tokens take" in said
    assert [prompt.id for prompt in read_manifest(tmp_path / "t").prompts] == ["1"]
    path.write_text(json.dumps(rows[3]))
    with pytest.raises(InputError, match="no prompt is left"):
        record(tmp_path / "u", path, ["hlm"], **pair, **options, skip_bad=True)


def test_two_runs_share_a_live_trace_and_the_second_says_that_it_waits(
    pair: dict[str, Any], prompts: Path, tmp_path: Path
) -> None:
    path = tmp_path / "live.yaml"
    path.write_text(
        f"name: live\ntrace: {{kind: live, slm: {pair['slm']}, llm: {pair['llm']}, prompts: {prompts}}}\n"
        "policy: {name: hlm}\ntokens: 5\nseeds: 2\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "netsim", "run", str(path), "--json", "--set", f"seeds=[{first}, 9]"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in (0, 1, 2)
    ]
    said = [run.communicate(timeout=300) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], said
    # Whichever came first, the last of three had to wait.
    assert any("netsim: waiting for another command" in errors for _, errors in said)
    rows = [json.loads(output) for output, _ in said]
    assert rows[0][1]["throughput_tok_s"] == rows[1][1]["throughput_tok_s"] == rows[2][1]["throughput_tok_s"]
