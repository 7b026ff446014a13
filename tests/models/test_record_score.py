"""``netsim record --score``: a function of one's own gives every node a number, and policies are recorded by it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.cli.record import record
from netsim.errors import InputError
from netsim.scenario.plugins import ALLOW
from netsim.sweeps.replay import replay_rows
from tests.random_pair import save_random_pair
from traces.format.manifest import read_manifest
from traces.format.trace import Trace

RECORD: dict[str, Any] = {"tokens": 6, "seeds": 2, "top_p": 0.9, "quiet": True, "profile_share": 0}
OWN = """
import numpy as np

def length(prefix, slm_logits):
    return len(prefix) % 3

def last(prefix, slm_logits):
    return prefix[-1] + float(np.argmax(slm_logits)) / 1000

def nothing(prefix, slm_logits):
    return float("nan")

def broken(prefix, slm_logits):
    return prefix[10**6]
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    slm, llm = save_random_pair(tmp_path_factory.mktemp("pair"))
    return {"slm": str(slm), "llm": str(llm)}


@pytest.fixture
def prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_scores.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(ALLOW, "1")
    monkeypatch.delitem(sys.modules, "own_scores", raising=False)
    path = tmp_path / "prompts.jsonl"
    path.write_text(json.dumps({"prompt": "def add("}) + "\n" + json.dumps({"prompt": "print"}) + "\n")
    return path


def test_policies_are_recorded_by_the_score(pair: dict[str, Any], prompts: Path, tmp_path: Path) -> None:
    specs = ["hlm", "scored:above=0.5", "scored:above=1.5,threshold=0.2,combine=and"]
    record(tmp_path / "t", prompts, specs, score="own_scores:length", **pair, **RECORD)
    assert [row["on_trace"] for row in replay_rows(tmp_path / "t", specs)] == [1.0, 1.0, 1.0]
    trace = Trace.open(tmp_path / "t")
    assert trace.manifest.score is not None
    assert trace.manifest.score.function == "own_scores:length"
    for number in trace.prompts:
        table = trace.forest([(number, 0)]).table
        length = np.full(table.num_nodes, len(trace.prompt(number).tokens))
        for node in range(1, table.num_nodes):
            length[node] = length[table.parent[node]] + 1
        assert (table.score == length % 3).all()


def test_it_is_handed_the_prefix_and_what_the_small_model_says(
    pair: dict[str, Any], prompts: Path, tmp_path: Path
) -> None:
    record(tmp_path / "t", prompts, ["hlm"], score="own_scores:last", **pair, **RECORD)
    table = Trace.open(tmp_path / "t").forest([(0, 0)]).table
    starts, ends = table.offsets[:-1], table.offsets[1:]
    likeliest = [
        table.ids[start + np.argmax(table.slm_logit[start:end])]
        for start, end in zip(starts, ends, strict=True)
    ]
    expected = table.token[1:] + np.array(likeliest)[1:] / 1000
    assert table.score[1:] == pytest.approx(expected, abs=1e-4)


def test_another_function_is_another_recording(pair: dict[str, Any], prompts: Path, tmp_path: Path) -> None:
    record(tmp_path / "t", prompts, ["hlm"], score="own_scores:length", **pair, **RECORD)
    before = read_manifest(tmp_path / "t")
    for other in ("own_scores:last", None):
        with pytest.raises(InputError, match="differs in score"):
            record(tmp_path / "t", prompts, ["hlm"], score=other, **pair, **RECORD)
    (prompts.parent / "own_scores.py").write_text(OWN + "\n# changed\n")
    with pytest.raises(InputError, match="differs in score"):
        record(tmp_path / "t", prompts, ["hlm"], score="own_scores:length", **pair, **RECORD)
    assert read_manifest(tmp_path / "t") == before


@pytest.mark.parametrize(
    ("score", "said"),
    [
        ("own_scores:nothing", r"own_scores:nothing: gives nan at prompt '.*', allowed: a finite number"),
        ("own_scores:broken", r"own_scores:broken: fails at prompt '.*': IndexError"),
        ("own_scores:absent", "own_scores has no absent"),
        ("own_scores", "not the name of a function, given 'own_scores', allowed: module:function"),
        ("own_scores:np", "own_scores:np: not a function"),
    ],
)
def test_what_gives_no_number_is_refused(
    pair: dict[str, Any], prompts: Path, tmp_path: Path, score: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        record(tmp_path / "t", prompts, ["hlm"], score=score, **pair, **RECORD)


def test_code_of_ones_own_has_to_be_allowed(
    pair: dict[str, Any], prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ALLOW)
    with pytest.raises(InputError, match="code of your own is not loaded unless you say so"):
        record(tmp_path / "t", prompts, ["hlm"], score="own_scores:length", **pair, **RECORD)
    assert not (tmp_path / "t").exists()
