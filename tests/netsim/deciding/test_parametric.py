from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import betabinom, binom

from analysis.calibration.fit import fit_rounds
from analysis.calibration.lines import DraftedRounds
from netsim import simulate
from netsim.deciding.parametric import ParametricDecider, ParametricTrace
from netsim.deciding.policies import Hlm, RandHlm, UHlm
from netsim.errors import InputError
from netsim.point import Point
from netsim.scenario import Scenario
from netsim.scenario.policy_spec import parse_policy

ALPHA, BETA, SAMPLES = 0.6, 0.8, 20


def decider(a: float, b: float, *, prompts: int = 40, tokens: int = 48) -> ParametricDecider:
    trace = ParametricTrace(32_000, ALPHA, BETA, a, b, None, prompts, 32)
    return ParametricDecider(trace, SAMPLES, tokens)


def scenario_of(policy: str, **changes: Any) -> Scenario:
    trace = {
        "kind": "parametric",
        "vocabulary_size": 32_000,
        "uncertainty": {"alpha": ALPHA, "beta": BETA},
        "rejection": {"a": 0.815, "b": -0.066, "delta": 0.29},
    }
    plain = {"latency": {"slm": 0.02, "llm": 0.05}, "channel": {"fading": {"name": "none"}}, "trace": trace}
    return Scenario(name="test", policy=parse_policy(policy), **{**plain, **changes})


def test_uncertainty_is_beta_binomial() -> None:
    rounds = decider(0.5, 0.1, prompts=200, tokens=200).rounds(Hlm(), 0)
    counts = np.bincount(np.rint(rounds.uncertainty.ravel() * SAMPLES).astype(int), minlength=SAMPLES + 1)
    expected = betabinom(SAMPLES, ALPHA, BETA).pmf(np.arange(SAMPLES + 1))
    # Five standard errors of each share of 40 000 rounds.
    assert counts / 40_000 == pytest.approx(expected, abs=5 * np.sqrt(0.25 / 40_000))


def test_intervals_cover_the_line_of_parametric_traces() -> None:
    """400 draws of outcomes: a nominal 95 % interval covers in [0.91, 0.98] with a chance of over 99.5 %."""
    drawn, covered = decider(0.7, 0.1), np.zeros(2)
    prompt = np.repeat(np.arange(40), 48)
    for seed in range(400):
        rounds = drawn.rounds(Hlm(), seed)
        rejected = (~rounds.accepted).ravel().astype(float)
        fit = fit_rounds(
            DraftedRounds(rounds.uncertainty.ravel(), rejected, prompt, SAMPLES), np.random.default_rng(seed)
        )
        covered += [fit.a.low <= 0.7 <= fit.a.high, fit.b.low <= 0.1 <= fit.b.high]
    assert (covered / 400 >= 0.91).all()
    assert (covered / 400 <= 0.98).all()


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.45, 0.8, 1.0])
def test_skipped_and_rejected_rounds_are_those_of_the_theory(threshold: float) -> None:
    """U-HLM, theorem 1 (arXiv 2412.12687), with the density in closed form: within the binomial's 99 % interval."""
    a, b = 0.815, -0.066
    rounds = decider(a, b, prompts=100, tokens=200).rounds(UHlm(threshold), 1)
    count = np.arange(SAMPLES + 1)
    below = count <= np.floor(SAMPLES * threshold + 1e-9)
    density = betabinom(SAMPLES, ALPHA, BETA).pmf(count)
    risk = (below * np.maximum(0, a * count / SAMPLES + b) * density).sum()
    unlucky = int((~rounds.transmitted & ~rounds.accepted).sum())
    low, high = binom(20_000, risk).interval(0.99)
    assert low <= unlucky <= high


def test_rand_hlm_skips_its_share_whatever_the_uncertainty() -> None:
    rounds = decider(0.5, 0.1, prompts=100, tokens=200).rounds(RandHlm(0.45), 0)
    # Five standard errors of a share of 20 000.
    assert 1 - rounds.transmitted.mean() == pytest.approx(0.45, abs=5 * np.sqrt(0.25 / 20_000))
    assert abs(np.corrcoef(rounds.transmitted.ravel(), rounds.uncertainty.ravel())[0, 1]) < 5 / np.sqrt(
        20_000
    )


def test_policies_share_their_draws() -> None:
    drawn = decider(0.5, 0.1)
    hlm, u_hlm = drawn.rounds(Hlm(), 3), drawn.rounds(UHlm(0.3), 3)
    assert (hlm.uncertainty == u_hlm.uncertainty).all()
    assert (hlm.accepted == u_hlm.accepted).all()
    assert (drawn.rounds(Hlm(), 4).uncertainty != hlm.uncertainty).any()


def test_a_row_says_that_it_is_parametric_and_leaves_empty_what_it_does_not_know() -> None:
    row = simulate(scenario_of("u-hlm:threshold=risk-prone"))
    assert row["trace_kind"] == "parametric"
    for name in ("llm_nll", "on_trace", "source_top_p", "output_tv"):
        assert row[name] is None, name
    assert row["tokens"] == 24 * 48


def test_throughput_is_the_closed_form() -> None:
    """Constant latencies and rate: 1 / (t_slm + TR * (bits / rate + t_llm)), the system model of both papers."""
    payload = {"vocabulary_size": 32_000, "count_indices": False}
    row = simulate(scenario_of("cu-hlm:threshold=0.3,k=30", payload=payload))
    rate_bps = 1e6 * np.log2(1 + 10)
    expected = 1 / (0.02 + row["transmission_rate"] * (690 / rate_bps + 0.05))
    assert row["throughput_tok_s"] == pytest.approx(expected, rel=0.05)
    plain = scenario_of(
        "cu-hlm:threshold=0.3,k=30", payload=payload, latency={"slm": 0.02, "llm": 0.05, "catch_up": False}
    )
    assert simulate(plain)["throughput_tok_s"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"payload": {"quantise": True}}, "payload.quantise: a parametric trace has no values"),
        ({"latency": {"slm": "recorded", "llm": 0.05}}, "latency.slm: .*needs a recorded trace"),
        ({"uncertainty": {"measure": "entropy"}}, "uncertainty.measure: a parametric trace"),
    ],
)
def test_what_statistics_cannot_tell_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Point.of(scenario_of("hlm", **changes))
