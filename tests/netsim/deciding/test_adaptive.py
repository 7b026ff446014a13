"""Policies that choose the number of drafts, against tables and formulas of the literature."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from analysis.figures.plot import plot
from netsim.costs.energy import Power
from netsim.costs.latency import ConstantLatency
from netsim.costs.workload import Costs, Terms
from netsim.deciding.adaptive import BanditGamma, EnergyQueue, Gelato, Spent
from netsim.deciding.policies import Hlm, Llm, Slm
from netsim.deciding.recorded import Decider
from netsim.deciding.round_cost import RoundCost, round_costs
from netsim.errors import InputError
from netsim.point import Point
from netsim.results.columns import NAMES
from netsim.results.rows import Row
from netsim.scenario import load_scenario
from netsim.sweeps.replay import replay_rows
from tests.trace_factory import make_trace
from traces.format.trace import Trace
from traces.speculative.blocks import Blocks
from traces.speculative.exchanges import exchanges_of
from traces.speculative.grouping import independent_tokens, round_tokens, without_bonus
from traces.speculative.payloads import ProbabilityOnly
from traces.speculative.walk import Measure

#: TK-SLT (arXiv 2509.04576): the best gamma by alpha and L, for L = .01 .1 .2 .4 .6.
SPEED_RATIOS = (0.01, 0.1, 0.2, 0.4, 0.6)
OPTIMA = {0.4: (4, 2, 1, 1, 1), 0.6: (7, 3, 2, 1, 1), 0.8: (14, 6, 4, 2, 1)}
AUTO = {"name": "spec", "gamma": "auto"}


def parametric(alpha: float, ratio: float, policy: dict[str, Any], **content: Any) -> Point:
    """Independent acceptance; a draft's upload and pass take ``ratio`` of the LLM's pass, of a second."""
    upload_s = (32_000 * (8 + 15) + 15) / (1e9 * np.log2(11))
    trace = {
        "kind": "parametric", "vocabulary_size": 32_000, "uncertainty": {"alpha": 0.5, "beta": 0.5},
        "rejection": {"a": 0.0, "b": 1 - alpha}, "prompts": 40,
    }  # fmt: skip
    scenario = {
        "name": "tk-slt", "trace": trace, "policy": policy, "uncertainty": {"samples": 1}, "tokens": 1000,
        "channel": {"fading": "none", "snr_db": 10, "bandwidth_hz": 1e9},
        "latency": {"slm": ratio - upload_s, "llm": 1.0}, **content,
    }  # fmt: skip
    return Point.of(load_scenario(scenario))


@pytest.mark.parametrize("alpha", OPTIMA)
def test_the_best_number_of_drafts_is_that_of_tk_slt(alpha: float) -> None:
    chosen = [parametric(alpha, ratio, {**AUTO, "rate": "mean"}).policy for ratio in SPEED_RATIOS]
    assert [own.gamma for own in chosen if isinstance(own, Blocks)] == list(OPTIMA[alpha])


def test_where_drafting_does_not_pay_the_llm_goes_on_alone() -> None:
    """S(gamma) = phi / (1 + gamma L) is 1.4 / 1.6 at best for alpha .4 and L .6, and 2.44 / 1.2 for alpha .8 and L .1."""
    fallen = {**AUTO, "rate": "mean", "fall_back": "llm"}
    assert parametric(0.4, 0.6, fallen).policy == Llm()
    assert isinstance(parametric(0.8, 0.1, fallen).policy, Blocks)
    assert parametric(0.4, 0.6, {**fallen, "fall_back": "slm"}).policy == Slm()


def test_the_chosen_number_is_the_fastest_when_simulated() -> None:
    """Throughput of every fixed gamma: the best one is within 2 % of the chosen (S is flat around its top)."""
    speeds = [
        parametric(0.8, 0.2, {"name": "spec", "gamma": gamma}).row(0)["throughput_tok_s"]
        for gamma in range(1, 9)
    ]
    chosen = parametric(0.8, 0.2, {**AUTO, "rate": "mean"}).row(0)["throughput_tok_s"]
    assert chosen == speeds[3]
    assert max(map(float, speeds)) < 1.02 * float(chosen)  # type: ignore[arg-type]


@dataclass(frozen=True)
class PerPosition:
    """A pass takes as long as its positions."""

    position_s: float

    def seconds(self, context: ArrayLike, positions: ArrayLike, batch: ArrayLike = 1) -> NDArray[np.float64]:
        return np.asarray(positions, np.float64) * self.position_s


@pytest.mark.parametrize("linear", [True, False])
def test_the_cost_of_a_token_is_that_of_ucb_specstop(linear: bool) -> None:
    """C(k) = (k (c_d + c_v) + 2 d + c_v) / phi(k), arXiv 2606.20591; with a constant pass k c_v is not there."""
    draft_s, verify_s, delay_s, alpha = 0.01, 0.03, 0.02, 0.7
    llm = PerPosition(verify_s) if linear else ConstantLatency(verify_s)
    costs = Costs(ConstantLatency(draft_s), llm, 0.0, 0.0, delay_s, True, 32_000, 8, True, np.inf)
    tokens = independent_tokens(alpha, 8)
    cost = round_costs(
        costs, Terms(bonus=True, payload=ProbabilityOnly()), tokens, tokens - without_bonus(tokens), 50
    )
    k = np.arange(1, 9)
    phi = (1 - alpha ** (k + 1)) / (1 - alpha)
    expected = (k * (draft_s + verify_s * linear) + 2 * delay_s + verify_s) / phi
    np.testing.assert_allclose(1 / cost.tokens_per_s(np.inf)[1:], expected, rtol=1e-12)


def test_a_bandit_settles_on_the_cheapest_arm() -> None:
    bandit = BanditGamma(Blocks(4), exploration=0.3).chooser()
    rng, costs_s = np.random.default_rng([0]), np.array([4.0, 2.0, 1.0, 3.0])
    chosen = []
    for _ in range(2000):
        policy = bandit.choose(1.0)
        assert isinstance(policy, Blocks)
        arm = policy.gamma - 1
        chosen.append(arm)
        tokens = int(rng.integers(1, arm + 3))
        bandit.observe(Spent(tokens, float(costs_s[arm] * (arm + 3) / 2 * rng.uniform(0.5, 1.5)), 0.0, 0.0))
    assert chosen[:4] == [0, 1, 2, 3]
    assert np.mean(np.array(chosen[1000:]) == 2) > 0.9


def test_the_energy_queue_is_charged_with_what_exceeds_the_budget() -> None:
    cost = RoundCost((1.0, 1.8, 2.4), (0.0, 10.0, 20.0), (0.0, 0.1, 0.2), (0.3, 0.3, 0.3))
    queue = EnergyQueue(Gelato(Blocks(2), budget_w=0.5, v=1.0, cost=cost, power=Power(1.0, 2.0, 0.1)))
    queue.observe(Spent(2, 0.6, 0.2, 0.1))
    assert queue.queue_j == pytest.approx(1.0 * 0.1 + 2.0 * 0.2 + 0.1 * 0.3 - 0.5 * 0.6)
    # v * tokens / seconds - Q * joules at 100 bit/s: 1 / 0.3, 1.8 / 0.5, 2.4 / 0.7, and 0.03, 0.33, 0.63 joules.
    queue.queue_j = 0.0
    assert queue.choose(100.0) == Blocks(1)
    queue.queue_j = 1.0
    assert queue.choose(100.0) == Llm()
    queue.observe(Spent(1, 100.0, 0.0, 0.0))
    assert queue.queue_j == 0.0


def row(policy: dict[str, Any], engine: str = "auto", **content: Any) -> Row:
    scenario = {
        "name": "adaptive", "trace": "tiny", "policy": policy, "eos": "ignore", "latency": {"propagation": 0.005},
        "tokens": 24, **content,
    }  # fmt: skip
    return Point.of(load_scenario(scenario)).row(1, engine)


def test_a_rate_that_never_changes_is_the_mean_rate() -> None:
    """The walk exchange by exchange in the middle of the simulation, and the arrays ahead of it."""
    channel = {"fading": "none", "snr_db": 0}
    live = row(AUTO, channel=channel)
    ahead = row({**AUTO, "rate": "mean"}, channel=channel)
    assert (live["engine"], ahead["engine"]) == ("events", "arrays")
    for name in NAMES:
        if name not in ("engine", "cosine", "cosine_llm", "rouge_l", "rouge_l_llm"):
            value = ahead[name]
            assert live[name] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), name


def test_what_is_chosen_follows_the_channel_and_text_does_not() -> None:
    good, bad = (row(AUTO, channel={"snr_db": snr_db, "bandwidth_hz": 2e6}) for snr_db in (30, -5))
    assert float(good["tokens_per_exchange"]) > float(bad["tokens_per_exchange"])  # type: ignore[arg-type]
    assert good["llm_nll"] == bad["llm_nll"] == row({"name": "hlm"})["llm_nll"]


GELATO = {
    "name": "gelato",
    "budget_w": 0.1,
    "payload": "probability-only",
    "gamma_max": 6,
    "limit": 0.0,
    "bucket": 1e6,
}


def test_gelato_without_worth_stays_within_its_budget_and_with_much_is_as_fast_as_can_be() -> None:
    def watts(of: Row) -> float:
        return float(of["device_energy_j"]) / float(of["latency_mean_s"])  # type: ignore[arg-type]

    frugal, fast = row({**GELATO, "v": 0.0}), row({**GELATO, "v": 1e12})
    assert watts(frugal) <= 0.1 < watts(fast)
    assert (
        fast["throughput_tok_s"]
        == row({**AUTO, "payload": "probability-only", "most": 6, "fall_back": "llm"})["throughput_tok_s"]
    )
    # What the queue holds is at most what v makes worth while, v * (tokens a second) / (joules of a round), some
    # 1e-6 * 100 / 6e-3 J: a few per cent of the 0.5 J that the budget allows in this run.
    between = row({**GELATO, "v": 1e-6})
    assert 0.05 < watts(between) <= 0.1 * 1.1
    assert 0.1 < float(between["drafted"]) < float(fast["drafted"])  # type: ignore[arg-type]


def test_the_queue_over_time_is_in_the_token_log_and_can_be_drawn(tmp_path: Path) -> None:
    """The queue of each exchange, worked out anew from the log's own seconds and bits."""
    scenario = {
        "name": "queue", "trace": "tiny", "policy": {**GELATO, "v": 1e-6}, "eos": "ignore", "tokens": 24,
        "latency": {"propagation": 0.005},
    }  # fmt: skip
    log = Point.of(load_scenario(scenario)).token_log(1)
    first = log[log["energy_queue_j"].notna()]
    assert len(first) > 100
    assert first["energy_queue_j"].iloc[0] == 0
    queue_j = [0.0]
    for _, own in first.iloc[:-1].iterrows():
        air_s = own["uplink_s"] - 0.005 * (own["uplink_s"] > 0)
        seconds = own["end_s"] - own["start_s"]
        queue_j.append(max(0.0, queue_j[-1] + 0.2 * air_s + 2.0 * own["slm_s"] - 0.1 * seconds))
    # Logs of a few seconds: ends are sums of clock readings, some 1e-15 s off.
    np.testing.assert_allclose(first["energy_queue_j"], queue_j, atol=1e-10)
    assert max(queue_j) > 0
    log.to_parquet(tmp_path / "tokens.parquet")
    picture, _ = plot(tmp_path / "tokens.parquet", "energy-queue")
    assert picture.stat().st_size > 0
    del log["energy_queue_j"]
    log.to_parquet(tmp_path / "tokens.parquet")
    with pytest.raises(ValueError, match="not a token log"):
        plot(tmp_path / "tokens.parquet", "energy-queue")


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(tmp_path_factory.mktemp("grouping"), prompts=3, num_tokens=12, vocabulary_size=16)


@pytest.mark.parametrize("gamma", [1, 2, 4, 7])
@pytest.mark.parametrize("bonus", [True, False])
def test_grouped_acceptances_are_the_rounds_of_the_walk(trace: Trace, gamma: int, bonus: bool) -> None:
    decider = Decider(trace, Measure(), 12)
    path = decider.rounds(Hlm(), 0)
    tokens = round_tokens(path.accepted, path.length, 8)
    expected = exchanges_of(decider.rounds(Blocks(gamma, bonus), 0))
    mean = expected.emitted.sum() / expected.length.sum()
    assert (tokens if bonus else without_bonus(tokens))[gamma - 1] == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            {"name": "spec", "gamma": 4, "most": 8},
            "policy.most: nothing looks at it, given 8, allowed: with gamma: auto or bandit",
        ),
        ({**AUTO, "exploration": 2.0}, "policy.exploration: nothing looks at it"),
        (
            {**AUTO, "stop": {"name": "uncertain", "threshold": 0.3}},
            "policy.stop: auto expects every draft to be made",
        ),
        ({**AUTO, "acceptance": 1.0}, "policy.acceptance: out of range, given 1"),
        ({"name": "spec", "gamma": "autp"}, "did you mean 'auto'"),
    ],
)
def test_what_can_not_be_is_refused(policy: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        row(policy)
    assert message in str(caught.value)


def test_without_a_calibration_the_acceptance_has_to_be_given(trace: Trace) -> None:
    with pytest.raises(InputError, match=r"policy\.acceptance: needs a trace that is calibrated"):
        row(AUTO, trace=str(trace.folder), tokens=12)
    assert row({**AUTO, "acceptance": 0.5}, trace=str(trace.folder), tokens=12)["tokens"] == 36


def test_a_replay_has_no_time_to_choose_by(trace: Trace) -> None:
    with pytest.raises(InputError, match=r"policy\.gamma: is chosen by what rounds take"):
        replay_rows(trace.folder, ["spec:gamma=auto,acceptance=0.5"])
