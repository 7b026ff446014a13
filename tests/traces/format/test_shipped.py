"""The traces that ship: what is promised of them, checked on their own bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from netsim import load_scenario
from netsim.deciding.policies import Hlm, Oracle, Slm, UHlm
from netsim.point import Point
from netsim.scenario import Scenario, load_grid
from netsim.scenario.families import PolicyKind
from netsim.scenario.sources.built_in import RecordedTraceSettings
from tests.traces.speculative.test_exactness import LEAST_P, hlm_nodes, one_round, pooled_p_value
from traces.format.trace import Trace
from traces.speculative.draws import token_draws
from traces.speculative.walk import Measure, Policy, walk

ROOT = Path(__file__).resolve().parents[3]
TINY, FULL, CALIBRATION = (ROOT / "traces" / name for name in ("tiny", "tiny-full", "tiny-calibration"))
QWEN, QWEN_CALIBRATION = (ROOT / "traces" / name for name in ("qwen", "qwen-calibration"))
#: Those drawn from published statistics replay nothing.
SCENARIOS = [
    path
    for path in sorted((ROOT / "scenarios").rglob("*.yaml"))
    if isinstance(load_scenario(path).trace, RecordedTraceSettings)
]


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def test_sizes() -> None:
    assert size_mb(TINY) <= 40
    assert size_mb(FULL) <= 5
    assert size_mb(QWEN) <= 40


def test_scope() -> None:
    trace = Trace.open(TINY)
    assert trace.is_complete
    assert len(trace.prompts) >= 24
    assert trace.manifest.num_tokens >= 48
    assert len(trace.manifest.token_seeds) >= 8
    assert 0.95 <= trace.manifest.sampler.top_p <= 0.99
    assert Trace.open(FULL).manifest.sampler.top_p == 1
    for folder in (TINY, FULL, CALIBRATION):
        assert json.loads((folder / "latency.json").read_text())["slm"]["device"] == "cpu"


def test_the_real_pair_is_what_its_card_says() -> None:
    trace, calibration = Trace.open(QWEN), Trace.open(QWEN_CALIBRATION)
    for own in (trace, calibration):
        assert own.is_complete
        assert len(own.prompts) == 24
        assert (own.manifest.sampler.temperature, own.manifest.sampler.top_p) == (1.0, 0.95)
        assert own.vocabulary_size == 151_936
    assert sum(shard.num_nodes for shard in trace.manifest.shards) == 23_330
    assert {f"u-hlm:threshold={count / 20:g}" for count in range(21)} <= set(trace.manifest.policies)
    fitted = trace.manifest.calibration
    assert fitted is not None
    card = (ROOT / "models" / "qwen" / "README.md").read_text(encoding="utf-8")
    assert f"a = {fitted.a:.3f}, b = {fitted.b:.3f}" in card
    assert f"| Delta = P(y_d < x_d) | {fitted.delta:.3f} |" in card
    assert f"| mean rejection | {fitted.mean_rejection:.3f} |" in card
    assert fitted.rounds == 2091


@pytest.mark.parametrize(("folder", "others"), [(TINY, CALIBRATION), (QWEN, QWEN_CALIBRATION)])
def test_calibration_prompts_are_others(folder: Path, others: Path) -> None:
    ours = {prompt.tokens for prompt in Trace.open(folder).manifest.prompts}
    assert ours.isdisjoint(prompt.tokens for prompt in Trace.open(others).manifest.prompts)


@pytest.mark.parametrize("folder", [TINY, FULL, QWEN], ids=lambda folder: folder.name)
def test_hlm_is_exact(folder: Path) -> None:
    forest, nodes = hlm_nodes(Trace.open(folder), 4)
    assert pooled_p_value(forest, nodes, one_round(forest, nodes, Hlm(), 7)) > LEAST_P


def _trace_of(loaded: Scenario) -> Trace:
    assert isinstance(loaded.trace, RecordedTraceSettings)
    return loaded.trace.build()


#: Payloads whose drafts are drawn from what is sent.
FROM_SENT = {"top-k-softmax", "lattice", "top-k-lattice"}


def _has_another_text(policy: PolicyKind) -> bool:
    """Whether what comes out is no recorded text: ``on_trace`` says so."""
    payload = getattr(policy, "payload", None)
    return getattr(payload, "name", "") in FROM_SENT or getattr(payload, "downlink_entries", None) is not None


def test_there_are_scenarios_to_replay() -> None:
    assert len(SCENARIOS) >= 8


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_shipped_scenarios_replay_exactly(scenario: Path) -> None:
    loaded = load_scenario(scenario)
    points = {str(point.scenario.policy): point for point in load_grid(loaded).points}
    token_seeds = _trace_of(loaded).manifest.token_seeds
    for point in points.values():
        if _has_another_text(point.scenario.policy):
            continue
        ready = Point.of(point.scenario)
        for seed in token_seeds:
            rounds = ready.rounds(seed)
            assert rounds.on_tree[rounds.valid].all(), point.scenario.policy


def test_every_threshold_replays_exactly_and_the_ends_are_what_they_must_be() -> None:
    trace = Trace.open(TINY)
    groups = [(prompt, seed) for prompt in trace.prompts[:4] for seed in trace.manifest.token_seeds]
    forest, tokens = trace.forest(groups), trace.manifest.num_tokens
    draws = token_draws(groups, tokens, 20)
    policies: list[Policy] = [Hlm(), Slm(), Oracle(), *(UHlm(count / 20) for count in range(21))]
    hlm, slm, oracle, *thresholds = walk(forest, forest.roots, policies, draws, tokens, Measure())
    for rounds in (hlm, slm, oracle, *thresholds):
        assert rounds.on_tree[rounds.valid].all()
    np.testing.assert_array_equal(hlm.token, oracle.token)
    np.testing.assert_array_equal(thresholds[-1].token, slm.token)
    assert not thresholds[-1].transmitted.any()
    assert (thresholds[0].transmitted | (thresholds[0].uncertainty == 0)).all()
    assert (oracle.transmitted == ~hlm.accepted).all()


def test_the_quickstarts_thresholds_divide_the_rounds() -> None:
    rates: dict[str, list[float]] = {}
    for point in load_grid(load_scenario(ROOT / "scenarios" / "quickstart.yaml")).points:
        if point.coordinates["channel.snr_db"] == 10:
            ready = Point.of(point.scenario)
            rounds = [ready.rounds(seed) for seed in range(8)]
            sent = np.mean([part.transmitted[part.valid].mean() for part in rounds])
            rates.setdefault(str(point.coordinates["policy.name"]), []).append(float(sent))
    # Wanted: about 0.55 and 0.35, and rand-hlm at the skip share of the first.
    assert rates["u-hlm"] == pytest.approx([0.55, 0.35], abs=0.06)
    assert rates["rand-hlm"][0] == pytest.approx(rates["u-hlm"][0], abs=0.02)


def test_the_cards_latencies_are_the_profiles() -> None:
    card = (ROOT / "models" / "qwen" / "README.md").read_text(encoding="utf-8")
    profile = json.loads((ROOT / "models" / "profiles" / "qwen.json").read_text(encoding="utf-8"))
    for model in ("slm", "llm"):
        measured = profile[model]
        assert (measured["contexts"][0], measured["positions"], measured["batches"][-1]) == (
            0,
            [1, 8, 48, 176],
            4,
        )
        median_s = [*(cell[0] for cell in measured["median_s"][0]), measured["median_s"][0][0][-1]]
        cells = [f"{1000 * own:.0f} ms" if own < 1 else f"{own:.2f} s" for own in median_s]
        assert f"| {model.upper()}, empty cache | {' | '.join(cells)} |" in card
