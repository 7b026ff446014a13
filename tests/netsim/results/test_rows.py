"""Every column of a row, against a time line written out in plain Python from the definitions."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netsim import load_scenario, simulate
from netsim.point import Point
from netsim.results.columns import NAMES
from netsim.scenario import Scenario
from tests.trace_factory import make_trace
from traces.format.trace import Trace

TOKENS, VOCABULARY = 8, 16
#: Both sum the same numbers in another order: a few hundred roundings of 1e-16.
EXACT = 1e-12
SCENARIO = """
name: columns
trace: {folder}
policy: {policy}
payload: {{vocabulary_size: 5000, probability_bits: 6}}
channel: {{fading: rayleigh, snr_db: 3, bandwidth_hz: 2e5, coherence_time_s: 0.02}}
latency: {{uncertainty: 0.003, grant: 0.004, propagation: 0.0005, prefill: {prefill}, catch_up: {catch_up}}}
downlink: {{rate_bps: 1e4}}
core: {{rtt_s: 0.006}}
energy: {{transmit_w: 0.2, compute_w: 2.0, idle_w: 0.05}}
tokens: 8
"""
POLICIES = ["{name: slm}", "{name: llm}", "{name: hlm}", "{name: u-hlm, threshold: 0.3}", "{name: oracle}"]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(
        tmp_path_factory.mktemp("columns"), prompts=3, num_tokens=TOKENS, vocabulary_size=VOCABULARY
    )


def scenario_of(trace: Trace, tmp_path: Path, **options: str) -> Scenario:
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO.format(folder=trace.folder, **options))
    return load_scenario(path)


def drain(gains: np.ndarray, start_s: float, bits: float) -> float:
    """Seconds to send the bits, block by block."""
    time_s, left = start_s, bits
    while left > 0:
        block = int(time_s / 0.02 + 1e-9)
        rate = 2e5 * math.log2(1 + 10**0.3 * gains[block])
        end_s = (block + 1) * 0.02
        if left <= rate * (end_s - time_s):
            return time_s + left / rate - start_s
        left -= rate * (end_s - time_s)
        time_s = end_s
    return 0.0


def slm(positions: int) -> float:
    """The factory's latency profile of a pass over so many positions."""
    return 0.02 * (1 + (positions - 1) / 100)


def llm(positions: int) -> float:
    return 0.05 * (1 + (positions - 1) / 100)


def expected_columns(  # noqa: C901, PLR0915  (one time line, written out from top to bottom)
    point: Point, seed: int, *, prefill: bool, catch_up: bool
) -> dict[str, float | None]:
    rounds, ids = point.rounds(seed), 13  # ceil(log2 5000)
    assert isinstance(point.trace, Trace)
    policy = point.scenario.policy.name
    per_token: list[dict[str, float]] = []
    lasts = []
    firsts, skipped_right, skipped, rejected, sent = [], 0, 0, 0, 0
    for index, number in enumerate(point.trace.prompts):
        prompt = len(point.trace.prompt(number).tokens)
        gains = -np.log1p(-np.random.default_rng([2, seed, 0, number]).random(20_000))
        clock, unseen, told = 0.0, 0, False
        for t in range(TOKENS):
            stage = dict.fromkeys(
                ("slm", "u", "grant", "up", "core", "llm", "down", "air", "bits", "calls", "extra"), 0.0
            )
            begin = clock
            if policy != "llm":
                measuring = 0.003 if policy == "u-hlm" else 0.0
                stage["slm"], stage["u"] = slm(1), measuring
                extra = slm(prompt) - slm(1) if t == 0 else 0.0
                stage["slm" if prefill else "extra"] += extra
                clock += slm(1) + extra + measuring
            transmits = bool(rounds.transmitted[index, t])
            if policy != "llm":
                skipped += not transmits
                skipped_right += (not transmits) and bool(rounds.accepted[index, t])
                sent += transmits
                rejected += transmits and not rounds.accepted[index, t]
            calls = transmits or policy == "llm"
            if calls and (transmits or not told):
                own_prompt = ids * prompt if not told else 0
                prompt_air = drain(gains, clock + 0.004, own_prompt)
                bits = 5000 * (6 + ids) + ids * (1 + unseen) if transmits else 0
                air = drain(gains, clock + 0.004 + prompt_air, bits)
                clock += 0.004 + prompt_air + air + 0.0005 + 0.003
                stage["core"] = 0.006
                if transmits:
                    stage["grant"], stage["up"], stage["air"], stage["bits"] = 0.004, air + 0.0005, air, bits
                    stage["up" if prefill else "extra"] += prompt_air
                else:
                    stage["up" if prefill else "extra"] += 0.004 + prompt_air + 0.0005
                if prefill:
                    stage["air"] += prompt_air
                    stage["bits"] += own_prompt
            if calls:
                ordinary = llm(1 + (unseen if catch_up else 0))
                extra = llm(prompt + t) - ordinary if not told else 0.0
                down = ids / 1e4 + 0.0005
                if policy == "llm" and told:
                    # A stream: on its way once, and a token is sent while the next one is computed.
                    down = max(ids / 1e4 - ordinary, 0.0)
                stage["llm"], stage["calls"], stage["down"] = ordinary, 1, down
                stage["llm" if prefill else "extra"] += extra
                back = 0.0 if policy == "llm" and told else 0.003
                clock += ordinary + extra + back + stage["down"]
                told, unseen = True, 0
            else:
                unseen += 1
            stage["total"] = clock - begin - (0 if prefill else stage["extra"])
            if t == 0:
                firsts.append(clock)
            per_token.append(stage)
        lasts.append(clock)
    means = pd.DataFrame(per_token).mean().to_dict()
    totals = np.array([stage["total"] for stage in per_token])
    gaps = totals.reshape(-1, TOKENS)[:, 1:]
    busy = means["slm"] + means["u"]
    idle = totals.mean() - busy - means["air"]
    drafts = policy != "llm"
    return {
        "seed": seed,
        "token_seed": seed % 2,
        "tokens": len(per_token),
        "throughput_tok_s": len(per_token) / totals.sum(),
        "latency_mean_s": totals.mean(),
        "latency_p50_s": np.quantile(totals, 0.5),
        "latency_p95_s": np.quantile(totals, 0.95),
        "latency_p99_s": np.quantile(totals, 0.99),
        "slm_s": means["slm"],
        "uncertainty_s": means["u"],
        "grant_s": means["grant"],
        "uplink_s": means["up"],
        "core_s": means["core"],
        "queue_s": 0.0,
        "llm_s": means["llm"],
        "downlink_s": means["down"],
        "first_token_s": sum(firsts) / len(firsts),
        "request_mean_s": sum(lasts) / len(lasts),
        "outage": 0.0,
        "unfinished": 0.0,
        "deadline_met": None,
        "jain": 1.0,
        "transmission_rate": sent / len(per_token) if drafts else None,
        "true_skip_rate": skipped_right / skipped if skipped else None,
        "rejection_rate": rejected / sent if sent else None,
        "uplink_bits": means["bits"],
        "llm_calls": means["calls"],
        "device_energy_j": 0.2 * means["air"] + 2.0 * busy + 0.05 * idle,
        "llm_nll": float(rounds.llm_nll.mean()),
        "on_trace": 1.0,
        "source_top_p": 1.0,
        # Every exchange is one token: its seconds are the token's.
        **{f"exchange_p{percent}_s": np.quantile(totals, percent / 100) for percent in (50, 95, 99)},
        "between_tokens_mean_s": gaps.mean(),
        **{f"between_tokens_p{percent}_s": np.quantile(gaps, percent / 100) for percent in (50, 99)},
        "downlink_bits": ids * means["calls"],
        "drafted": 1.0 if drafts else 0.0,
        "vain_s": 0.0,
        "wasted_drafts": rejected / len(per_token),
        "tokens_per_exchange": 1.0,
        "accepted_per_exchange": (sent - rejected) / sent if sent else None,
    }


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("prefill", "catch_up"), [(False, True), (True, True), (False, False)])
def test_every_column(trace: Trace, tmp_path: Path, policy: str, prefill: bool, catch_up: bool) -> None:
    options = {"policy": policy, "prefill": str(prefill).lower(), "catch_up": str(catch_up).lower()}
    scenario = scenario_of(trace, tmp_path, **options)
    for seed in (0, 5):
        row = simulate(scenario, seed)
        expected = expected_columns(Point.of(scenario), seed, prefill=prefill, catch_up=catch_up)
        for name, value in expected.items():
            if value is None:
                assert row[name] is None, name
            else:
                # The hand-written drain walks absolute times, which cost it a few more digits.
                assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-15), name
        checked = {*expected, "engine"}
        assert checked >= set(NAMES) - set(LATER)


#: Columns with tests of their own.
LATER = (
    "upload_entries", "output_tv", "trace_kind", "late_over_early", "exchange_p50_s", "exchange_p95_s",
    "exchange_p99_s", "downlink_bits", "drafted", "wasted_drafts", "tokens_per_exchange", "accepted_per_exchange",
    "cosine", "cosine_llm", "rouge_l", "rouge_l_llm",
)  # fmt: skip


def test_throughput_is_the_closed_form_where_all_is_constant(trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "constant.yaml"
    path.write_text(
        f"name: constant\ntrace: {trace.folder}\npolicy: {{name: hlm}}\ntokens: {TOKENS}\n"
        "payload: {vocabulary_size: 32000, probability_bits: 8, count_indices: false}\n"
        "channel: {fading: none, snr_db: 10, bandwidth_hz: 1e6}\n"
        "latency: {slm: 0.02, llm: 0.05, catch_up: false}\n"
    )
    row = simulate(load_scenario(path), 0)
    assert row["throughput_tok_s"] == pytest.approx(
        1 / (0.02 + 736000 / (1e6 * math.log2(11)) + 0.05), rel=EXACT
    )
    assert row["uplink_bits"] == 736000
    stages = ("slm_s", "uncertainty_s", "grant_s", "uplink_s", "core_s", "queue_s", "llm_s", "downlink_s")
    assert sum(float(row[name] or 0) for name in stages) == pytest.approx(row["latency_mean_s"], rel=EXACT)


def test_mean_throughput_under_rayleigh_agrees_with_an_independent_monte_carlo(
    trace: Trace, tmp_path: Path
) -> None:
    """The drained payload, by its own vectorised Monte-Carlo: other draws, other code, the same mean."""
    path = tmp_path / "rayleigh.yaml"
    path.write_text(
        f"name: rayleigh\ntrace: {trace.folder}\npolicy: {{name: hlm}}\ntokens: {TOKENS}\n"
        "payload: {vocabulary_size: 2000, count_indices: false}\n"
        "channel: {fading: rayleigh, snr_db: 5, bandwidth_hz: 2e5, coherence_time_s: 0.01}\n"
        "latency: {slm: 0.013, llm: 0.021, catch_up: false}\n"
    )
    scenario = load_scenario(path)
    point = Point.of(scenario)
    rows = [point.row(seed) for seed in range(200)]
    simulated = np.array([row["throughput_tok_s"] for row in rows], float)
    rng = np.random.default_rng(99)
    independent = np.array([throughput_of_a_row(rng, bits=2000 * (8 + 11)) for _ in range(600)])
    # Means of 200 and of 600 independent rows; four standard errors of their difference.
    error = math.hypot(
        simulated.std(ddof=1) / math.sqrt(len(simulated)),
        independent.std(ddof=1) / math.sqrt(len(independent)),
    )
    assert simulated.mean() == pytest.approx(independent.mean(), abs=4 * error)
    # The test has teeth: the error is far below the spread that 1 % of throughput would need.
    assert error < 0.01 * simulated.mean()


def throughput_of_a_row(rng: np.random.Generator, bits: int) -> float:
    """Three sessions of eight rounds, drawn anew: compute, then drain the payload block by block."""
    total_s = 0.0
    for _ in range(3):
        rates = 2e5 * np.log2(1 + 10**0.5 * rng.exponential(size=4000))
        clock = 0.0
        for _ in range(TOKENS):
            clock += 0.013
            left = float(bits)
            while left > 0:
                block = int(clock / 0.01 + 1e-9)
                room = rates[block] * ((block + 1) * 0.01 - clock)
                clock = clock + left / rates[block] if left <= room else (block + 1) * 0.01
                left -= room
            clock += 0.021
        total_s += clock
    return 3 * TOKENS / total_s


def test_the_mean_settles_as_seeds_grow(trace: Trace, tmp_path: Path) -> None:
    """Standard errors of means of 4 and of 16 seeds: their ratio is 2 where the variance exists."""
    path = tmp_path / "settle.yaml"
    path.write_text(
        f"name: settle\ntrace: {trace.folder}\npolicy: {{name: hlm}}\ntokens: {TOKENS}\ntoken_seeds: recorded\n"
        "channel: {fading: rayleigh, snr_db: 0, bandwidth_hz: 1e5, coherence_time_s: 0.005}\n"
    )
    point = Point.of(load_scenario(path))
    values = np.array([point.row(2 * seed)["uplink_s"] for seed in range(512)], float)
    means_16 = values.reshape(32, 16).mean(axis=1).std(ddof=1)
    means_4 = values.reshape(128, 4).mean(axis=1).std(ddof=1)
    # Each standard deviation of n means is known to 1/sqrt(2 (n - 1)): 13 % and 6 %; four times that.
    assert means_4 / means_16 == pytest.approx(2.0, rel=4 * math.hypot(0.127, 0.063))
