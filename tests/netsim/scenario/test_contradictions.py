"""Settings that are right by themselves and not together, or not with their trace: the key that is to blame, and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netsim.errors import InputError
from netsim.point import Point, simulate
from netsim.scenario import load_scenario
from netsim.scenario.assembly import open_trace
from tests.trace_factory import make_trace

STATISTICS = {
    "kind": "parametric",
    "prompts": 2,
    "vocabulary_size": 100,
    "rejection": {"a": 0.8, "b": -0.05, "delta": 0.3},
    "uncertainty": {"alpha": 1, "beta": 1.4},
}
SERIES = "time_s,gain_db\n0,0\n1,-3\n"


@pytest.fixture(scope="module", name="trace")
def make_nucleus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of nuclei: it does not hold every token."""
    return make_trace(tmp_path_factory.mktemp("contradictions") / "trace", top_p=0.9, num_tokens=4).folder


def content(trace: Path | dict[str, Any], **blocks: Any) -> dict[str, Any]:
    source = str(trace) if isinstance(trace, Path) else trace
    return {"name": "a", "trace": source, "policy": {"name": "hlm"}, "tokens": 4, "seeds": 1, **blocks}


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        (
            {"policy": {"name": "spec", "gamma": 2, "payload": {"name": "top-k", "k": 3, "draft": "x_hat"}}},
            "policy.payload.draft: x_hat gives every token something, and the trace does not hold every token",
        ),
        (
            {"policy": {"name": "spec", "gamma": 2, "payload": {"name": "lattice", "levels": 8}}, "payload": {"quantise": True}},
            "says itself how values are written, given 'lattice', allowed: with payload.quantise: false",
        ),
        (
            {"policy": {"name": "spec", "gamma": 2, "payload": "probability-only"}, "payload": {"quantise": True}},
            "says itself how values are written, given 'probability-only'",
        ),
        ({"payload": {"quantise": True, "probability_bits": 1}}, "one bit can't tell probabilities apart, allowed: at least 2 bits"),
        ({"uncertainty": {"theta_max": 1.5}}, "theta_max: not recorded in the trace, given 1.5, allowed: 2"),
        ({"policy": 5}, "policy: wrong type, given 5, allowed: "),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)  # fmt: skip
def test_what_does_not_go_together_is_refused(trace: Path, blocks: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        Point.of(load_scenario(content(trace, **blocks)))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fading", "said"),
    [
        ({"random_start": True}, "channel.fading.random_start: may begin just before the end, allowed: with end: loop"),
        ({"restart": "prompt", "random_start": True, "end": "loop"}, "channel.fading.random_start: not used where every prompt"),
        ({"restart": "prompt", "device_offset_s": 1}, "channel.fading.device_offset_s: not used where every prompt"),
    ],
)  # fmt: skip
def test_a_recorded_series_starts_where_it_can(
    trace: Path, tmp_path: Path, fading: dict[str, Any], said: str
) -> None:
    (tmp_path / "series.csv").write_text(SERIES)
    recorded = {"name": "recorded", "file": str(tmp_path / "series.csv"), **fading}
    with pytest.raises(InputError) as refused:
        load_scenario(content(trace, channel={"fading": recorded}))
    assert str(refused.value).startswith(said)


def test_a_key_that_is_a_list_and_half_a_character_are_named_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text('name: "a\\ud800"\ntrace: tiny\npolicy: hlm\n? [tokens, seeds]\n: 3\n')
    with pytest.raises(InputError) as refused:
        load_scenario(path)
    lines = str(refused.value).splitlines()
    assert f"{path}:4: a key that is not a word, allowed: plain keys" in lines
    assert any(line.startswith(f"{path}:1: name: half of a surrogate pair, given ") for line in lines)


def test_statistics_have_no_tokens_to_open() -> None:
    with pytest.raises(InputError, match="trace: has no tokens, given kind: parametric, allowed: a recorded"):
        open_trace(load_scenario(content(STATISTICS)))


def test_the_llm_alone_drafts_nothing_on_statistics() -> None:
    row = simulate(load_scenario(content(STATISTICS, policy="llm", latency={"slm": 0.01, "llm": 0.02})), 0)
    assert row["tokens"] == 2 * 4
    assert (row["slm_s"], row["uplink_bits"]) == (0, 0)
    assert row["llm_s"] == pytest.approx(0.02)


def test_more_draws_than_memory_holds_are_refused() -> None:
    scenario = load_scenario(content(STATISTICS, tokens=10_000, uncertainty={"samples": 10_000}))
    draws = 2 * 10_000 * 10_000
    with pytest.raises(
        InputError, match=f"uncertainty.samples: too many for so many tokens, given {draws} draws"
    ):
        Point.of(scenario)
