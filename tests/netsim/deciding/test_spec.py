"""``spec`` meets the policies of one draft a round, and what it bills is what goes up and down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.errors import InputError
from netsim.point import Point, simulate
from netsim.results.columns import NAMES
from netsim.results.rows import Row
from netsim.scenario import load_scenario

UNSURE = {"name": "uncertain", "threshold": 0.3}
KEEP = {"name": "spec", "gamma": 1, "bonus": False, "stop": UNSURE, "skipped": "keep"}


def row(policy: Any, trace: Any = "tiny", **content: Any) -> Row:
    scenario = {"name": "spec", "trace": trace, "policy": policy, "eos": "ignore", **content}
    return simulate(load_scenario(scenario), seed=1)


def without(one: Row, *names: str) -> Row:
    return {name: one[name] for name in NAMES if name not in names}


def test_one_draft_without_a_bonus_is_hlm_to_the_bit() -> None:
    assert row({"name": "spec", "gamma": 1, "bonus": False}) == row("hlm")


def test_keeping_the_sure_drafts_is_u_hlm_to_the_bit() -> None:
    assert row(KEEP) == row({"name": "u-hlm", "threshold": 0.3})


def test_and_with_its_largest_entries_cu_hlm() -> None:
    policy = {**KEEP, "payload": {"name": "top-k", "k": 32}}
    assert row(policy) == row({"name": "cu-hlm", "threshold": 0.3, "k": 32})


@pytest.mark.parametrize("payload", ["full", "probability-only"])
@pytest.mark.parametrize("stop", ["fixed", UNSURE, {"name": "probability", "at_least": 0.5}])
def test_the_text_of_what_drafts_from_x_is_hlms(payload: Any, stop: Any) -> None:
    def text(policy: Any) -> NDArray[np.int64]:
        scenario = {"name": "spec", "trace": "tiny", "policy": policy, "eos": "ignore"}
        return Point.of(load_scenario(scenario)).rounds(1).token

    spec = {"name": "spec", "gamma": 5, "payload": payload, "stop": stop}
    np.testing.assert_array_equal(text(spec), text("hlm"))


def test_bits_up_and_down_of_every_exchange() -> None:
    """The papers' V, dssd: 23 bits a draft up, ids included; a count, and an id or V values down."""
    billed = {"vocabulary_size": 32_000, "probability_bits": 8}
    policy = {"name": "spec", "gamma": 4, "payload": "probability-only"}
    scenario = {"name": "spec", "trace": "tiny", "policy": policy, "payload": billed, "eos": "ignore"}
    _, work = Point.of(load_scenario(scenario)).plan(0)
    assert (work.bits == 23.0 * work.drafted)[work.valid].all()
    rejected = (work.kept < work.drafted)[work.valid]
    down = work.downlink_bits[work.valid]
    count = np.ceil(np.log2(work.drafted[work.valid] + 1))
    np.testing.assert_array_equal(down[rejected], count[rejected] + 256_000)
    np.testing.assert_array_equal(down[~rejected], count[~rejected] + 15)


def test_the_llms_pass_covers_every_draft_and_the_bonus() -> None:
    scenario = {"name": "spec", "trace": "tiny", "policy": {"name": "spec", "gamma": 4}, "eos": "ignore"}
    _, work = Point.of(load_scenario(scenario)).plan(0)
    later = work.valid.copy()
    later[:, 0] = False
    # After a rejection or a bonus the LLM has seen all but the last token: drafts, and one more position.
    np.testing.assert_array_equal(work.llm_positions[later], work.drafted[later] + 1)
    tokens_before = np.cumsum(work.tokens, axis=1) - work.tokens
    prompt = work.llm_positions[:, 0] - work.drafted[:, 0]
    expected = (prompt[:, None] + tokens_before - 1)[later]
    np.testing.assert_array_equal(work.llm_context[later], expected)


def test_the_whole_sequence_is_not_billed_again() -> None:
    """A known mistake: bits of a round grow with the text."""
    scenario = {"name": "spec", "trace": "tiny", "policy": {"name": "spec", "gamma": 4}, "eos": "ignore"}
    _, work = Point.of(load_scenario(scenario)).plan(0)
    assert np.unique((work.bits / np.maximum(work.drafted, 1))[work.valid]).size == 1


SECONDS = {"slm": 0.02, "llm": 0.05}
PARAMETRIC: dict[str, Any] = {
    "kind": "parametric",
    "vocabulary_size": 32_000,
    "uncertainty": {"alpha": 0.5, "beta": 0.5},
    "rejection": {"a": 0.0, "b": 0.2},
    "prompts": 200,
}


@pytest.mark.parametrize("gamma", [1, 2, 4, 8])
def test_tokens_a_round_with_independent_acceptance_are_phi(gamma: int) -> None:
    """phi = (1 - alpha^(gamma + 1)) / (1 - alpha), alpha = 0.8 (arXiv 2211.17192, equation 1).

    Texts of 4000 tokens end inside a round, which moves the mean by less than (gamma + 1) / 4000. The tokens of a
    round vary by at most their range, and there are some 200 * 4000 / phi rounds: five standard errors.
    """
    tokens = 4000
    one = row(
        {"name": "spec", "gamma": gamma},
        PARAMETRIC,
        tokens=tokens,
        uncertainty={"samples": 1},
        latency=SECONDS,
    )
    phi = (1 - 0.8 ** (gamma + 1)) / 0.2
    room = 5 * (gamma + 1) / 2 / np.sqrt(200 * tokens / phi) + (gamma + 1) / tokens
    assert one["tokens_per_exchange"] == pytest.approx(phi, abs=room)


def test_a_rule_on_a_parametric_trace_stops_where_it_is_unsure() -> None:
    """u is 0 or 1 by halves (K = 1, q from an even beta): a round of sure drafts has a geometric length."""
    policy = {"name": "spec", "gamma": 32, "bonus": False, "stop": {"name": "uncertain", "threshold": 0.5}}
    sure = {**PARAMETRIC, "rejection": {"a": 0.0, "b": 0.0}}
    one = row(policy, sure, tokens=2000, uncertainty={"samples": 1}, latency=SECONDS)
    # 200 * 2000 / 2 rounds of mean 2 and variance 2: five standard errors, and the ends of texts.
    assert one["tokens_per_exchange"] == pytest.approx(2.0, abs=5 * np.sqrt(2 / 200_000) + 2 / 2000)
    assert one["wasted_drafts"] == 0


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"name": "spec", "gamma": 33}, "policy.gamma: out of range, given 33"),
        (
            {**KEEP, "gamma": 2},
            "policy.gamma: one unsure draft a round, given 2, allowed: 1 with skipped: keep",
        ),
        ({"name": "spec", "gamma": 1, "skipped": "keep"}, "policy.stop: nothing says which drafts are sure"),
        ({"name": "spec", "gamma": 2, "payload": "latice"}, "did you mean 'lattice'"),
        ({"name": "spec", "gamma": 2, "stop": {"name": "product"}}, "policy.stop.at_least: missing"),
    ],
)
def test_what_can_not_be_is_refused(policy: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        row(policy)
    assert message in str(caught.value)


def test_a_parametric_trace_has_no_distributions_to_send() -> None:
    for part in (
        {"payload": {"name": "lattice", "levels": 9}},
        {"stop": {"name": "product", "at_least": 0.5}},
    ):
        with pytest.raises(InputError, match="a parametric trace has no distributions"):
            row({"name": "spec", "gamma": 2, **part}, PARAMETRIC, latency=SECONDS)


@pytest.mark.parametrize("engine", ["arrays", "events"])
def test_the_responses_of_llm_are_one_stream(engine: str) -> None:
    """20 ms a token and 50 ms on the way: 50 tokens/s but for one way, where an RTT a token gave 14.3."""
    scenario = {
        "name": "stream", "trace": "tiny", "policy": "llm", "eos": "ignore", "tokens": 48,
        "latency": {"slm": 0.01, "llm": 0.02, "propagation": 0.05},
    }  # fmt: skip
    one = Point.of(load_scenario(scenario)).row(0, engine)
    assert one["throughput_tok_s"] == pytest.approx(48 / (48 * 0.02 + 0.05), rel=1e-12)
    # A round of hlm asks and is answered: both ways, every time.
    hlm = Point.of(load_scenario({**scenario, "policy": "hlm"})).row(0, engine)
    assert hlm["downlink_s"] == pytest.approx(0.05, rel=1e-12)


@pytest.mark.parametrize("engine", ["arrays", "events"])
def test_a_downlink_of_its_own_snr(engine: str) -> None:
    """W log2(1 + SNR) by hand: 11 bits of an id at 2e5 * log2(1 + 10^0.3) bit/s."""
    scenario = {
        "name": "downlink", "trace": "tiny", "policy": "hlm", "eos": "ignore",
        "latency": SECONDS, "downlink": {"snr_db": 3, "bandwidth_hz": 2e5},
    }  # fmt: skip
    one = Point.of(load_scenario(scenario)).row(0, engine)
    assert one["downlink_s"] == pytest.approx(11 / (2e5 * np.log2(1 + 10**0.3)), rel=1e-9)


@pytest.mark.parametrize(
    ("downlink", "message"),
    [
        ({"snr_db": 3, "rate_bps": 1e6}, "downlink.snr_db: follows from rate_bps, allowed: one of the two"),
        ({"bandwidth_hz": 1e6}, "downlink.bandwidth_hz: nothing looks at it, allowed: with snr_db"),
    ],
)
def test_a_downlink_has_one_source_of_its_rate(downlink: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        row("hlm", downlink=downlink)
    assert message in str(caught.value)


def test_a_downlink_on_which_nothing_gets_through_is_refused() -> None:
    with pytest.raises(InputError, match=r"downlink\.snr_db: nothing gets through, given -20"):
        row("hlm", downlink={"snr_db": -20}, channel={"rate": "cqi"})


@pytest.mark.parametrize(
    ("server", "rate_bps", "pace_s"),
    [({"replicas": 3}, 1e6, 0.02), ({"max_batch": 3}, 1e6, 0.02), ({"replicas": 3}, 500.0, 0.022)],
)
def test_a_stream_has_the_pace_of_the_server_or_of_a_slower_downlink(
    server: dict[str, int], rate_bps: float, pace_s: float
) -> None:
    """Of several devices too: the first token waits for the way and for its 11 bit, the others for whoever is slower."""
    scenario = {
        "name": "stream", "trace": "tiny", "policy": "llm", "eos": "ignore", "tokens": 48,
        "latency": {"slm": 0.01, "llm": 0.02, "propagation": 0.05}, "downlink": {"rate_bps": rate_bps},
        "payload": {"vocabulary_size": 2048},
    }  # fmt: skip
    first_s = 0.02 + 0.05 + 11 / rate_bps
    one = {engine: Point.of(load_scenario(scenario)).row(0, engine) for engine in ("arrays", "events")}
    assert one["arrays"]["throughput_tok_s"] == pytest.approx(one["events"]["throughput_tok_s"], rel=1e-12)
    shared = {"devices": 3, "server": server, "uplink": {"scheduler": "equal-split"}}
    three = Point.of(load_scenario({**scenario, **shared})).row(0)
    for row in (*one.values(), three):
        assert row["llm_s"] == pytest.approx(0.02, rel=1e-12)
        assert row["downlink_s"] == pytest.approx((first_s + 47 * pace_s) / 48 - 0.02, rel=1e-9)
    # A token takes what one device's takes, and what it waits for batches; replicas for all let nobody wait.
    together_s, alone_s = (row["latency_mean_s"] for row in (three, one["arrays"]))
    assert isinstance(together_s, float)
    assert isinstance(alone_s, float)
    waits_s = together_s - alone_s
    assert waits_s == pytest.approx(three["queue_s"], rel=1e-9, abs=1e-12)
    assert ("replicas" in server) == (three["queue_s"] == 0)
