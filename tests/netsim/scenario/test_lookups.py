"""A name that is nearly right is answered with the right one, wherever it is looked up."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from netsim.cli import app, register
from netsim.errors import InputError
from netsim.point import Point
from netsim.scenario import load_grid
from netsim.scenario.policy_spec import parse_policy
from netsim.scenario.sources.built_in import RecordedTraceSettings
from netsim.startup import ROOT
from netsim.sweeps.replay import replay_rows
from traces.format.manifest import TraceError

GOOD: dict[str, Any] = {"name": "near", "trace": "tiny-full", "policy": "hlm"}


@pytest.fixture(autouse=True)
def own_traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a trace of one's own in ./traces/mine."""
    shutil.copytree(ROOT / "traces" / "tiny-full", tmp_path / "traces" / "mine")
    monkeypatch.chdir(tmp_path)


def said(call: Callable[[], object]) -> str:
    with pytest.raises((InputError, TraceError)) as caught:
        call()
    return str(caught.value)


def said_of(**keys: Any) -> str:
    return said(lambda: load_grid(GOOD | keys))


def test_a_trace_of_ones_own_is_found_by_its_name() -> None:
    [mine] = replay_rows(Path("mine"), ["hlm"], 1)
    assert [mine] == replay_rows(ROOT / "traces" / "tiny-full", ["hlm"], 1)


@pytest.mark.parametrize("command", ["replay", "calibrate", "measures", "score"])
def test_every_command_finds_a_trace_by_its_name(command: str) -> None:
    if not app.registered_commands:
        register()
    words = [command, "mine", *(["--policy", "hlm"] if command in ("replay", "score") else [])]
    done = CliRunner().invoke(app, words)
    # What is said of the trace, such as that it has too few rounds to calibrate on, is said after it was found.
    assert done.exit_code == 0 or "no such" not in str(done.exception)
    misspelt = str(CliRunner().invoke(app, [command, "mien", *words[2:]]).exception)
    assert misspelt.endswith("did you mean 'mine'?")


def test_a_trace_with_a_misspelt_name() -> None:
    text = said(RecordedTraceSettings(folder="mien").build)
    shipped = sorted(path.parent.name for path in (ROOT / "traces").glob("*/trace.json"))
    [allowed] = re.findall(r"allowed: (.*) \(more: netsim list traces\)", text)
    names = allowed.split(", ")
    assert names == sorted(names)
    assert {"mine", "tiny", "qwen"} < set(names) < {*shipped, "mine"}
    assert text.endswith("did you mean 'mine'?")


def test_a_trace_with_a_misspelt_path() -> None:
    text = said(RecordedTraceSettings(folder="traces/mien").build)
    assert "no such folder; did you mean '" in text
    assert text.endswith("/traces/mine'?")


def test_a_scenario_with_another_suffix() -> None:
    Path("mine.yaml").write_text("name: near\n", encoding="utf-8")
    assert said(lambda: load_grid("mine.yml")).endswith("allowed: a YAML file; did you mean 'mine.yaml'?")


@pytest.mark.parametrize("spec", ["u-hlm=0.3", "u-hlm:0.3"])
def test_a_policy_with_a_value_and_no_key(spec: str) -> None:
    assert said(lambda: parse_policy(spec)).endswith("did you mean 'u-hlm:threshold=0.3'?")


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("u-hlm:threshold=0.3,measure", "measure: no value, allowed: key=value"),
        ("u-hlm:threshold=[0.3", "threshold: not a value, given '[0.3'"),
    ],
)
def test_a_policy_with_a_key_that_has_no_value(spec: str, fault: str) -> None:
    assert fault in said(lambda: parse_policy(spec))


def test_a_policy_with_several_keys_is_not_guessed() -> None:
    assert "threshold" not in said(lambda: parse_policy("cu-hlm=0.3"))


@pytest.mark.parametrize(
    ("block", "hint"),
    [
        ({"latency": {"grant": "20 ms"}}, "latency.grant: wrong type, given '20 ms', allowed: a number from 0 to 1000000 s; did you mean 0.02?"),
        ({"channel": {"bandwidth_hz": "10 MHz"}}, "did you mean 10000000?"),
        ({"channel": {"snr_db": "5dB"}}, "did you mean 5?"),
    ],
)  # fmt: skip
def test_a_number_with_its_unit(block: dict[str, Any], hint: str) -> None:
    assert said_of(**block).endswith(hint)


def test_a_latency_with_its_unit_is_not_taken_for_a_profile_alone() -> None:
    scenario = load_grid(GOOD | {"latency": {"slm": 0.1, "llm": "20 ms"}}).scenario
    with pytest.raises(Exception, match=r"no latency profile '20 ms'.*did you mean 0.02\?"):
        Point.of(scenario)


def test_a_key_a_block_too_high() -> None:
    hint = "did you mean 'channel.snr_db' or 'downlink.snr_db'?"
    assert said_of(snr_db=5).endswith(hint)
    assert said_of(sweep={"snr_db": [1, 2]}).endswith(hint)
    assert said(lambda: load_grid(GOOD, ["snr_db=5"])).endswith(hint)
    assert said_of(bandwith_hz=1e6).endswith(
        "did you mean 'channel.bandwidth_hz' or 'downlink.bandwidth_hz'?"
    )
