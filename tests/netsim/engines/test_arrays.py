"""Both engines agree on every column, whatever the scenario."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from channels.gains import LinkNeverSends
from netsim.engines import air_times
from netsim.errors import InputError
from netsim.point import Point, array_blocks
from netsim.radio import sessions
from netsim.results.columns import NAMES
from netsim.results.rows import Row
from netsim.scenario import Scenario
from tests.trace_factory import make_trace
from traces.format.trace import Trace

TOKENS, VOCABULARY, TOKEN_SEEDS = 7, 16, 2

shares = st.floats(0, 1)
levels = st.integers(1, 60)
payload_kinds = st.one_of(
    st.sampled_from(["full", "probability-only"]),
    st.builds(lambda k: {"name": "top-k", "k": k}, st.integers(1, VOCABULARY)),
    st.builds(lambda k: {"name": "top-k-softmax", "k": k}, st.integers(1, VOCABULARY)),
    st.builds(lambda number: {"name": "lattice", "levels": number}, levels),
    st.builds(
        lambda k, number: {"name": "top-k-lattice", "k": k, "levels": number},
        st.integers(1, VOCABULARY),
        levels,
    ),
    st.builds(lambda k: {"name": "probability-only", "downlink_entries": k}, st.integers(1, VOCABULARY)),
)
stop_kinds = st.one_of(
    st.just("fixed"),
    st.builds(lambda share: {"name": "uncertain", "threshold": share}, shares),
    st.builds(lambda share: {"name": "probability", "at_least": share}, shares),
    st.builds(lambda share: {"name": "product", "at_least": share}, shares),
    st.builds(
        lambda limit, bucket: {"name": "entropy-bucket", "limit": limit, "bucket": bucket},
        st.floats(0, 3),
        st.floats(0, 3),
    ),
)
speculative = st.one_of(
    st.fixed_dictionaries(
        {
            "name": st.just("spec"),
            "gamma": st.integers(1, 32),
            "bonus": st.booleans(),
            "payload": payload_kinds,
            "stop": stop_kinds,
        }
    ),
    st.builds(
        lambda share, bonus, payload: {
            "name": "spec",
            "gamma": 1,
            "bonus": bonus,
            "payload": payload,
            "stop": {"name": "uncertain", "threshold": share},
            "skipped": "keep",
        },
        shares,
        st.booleans(),
        payload_kinds,
    ),
)
overlapping = st.builds(
    lambda gamma, payload: {
        "name": "spec",
        "gamma": gamma,
        "bonus": False,
        "payload": payload,
        "overlap": True,
    },
    st.integers(1, 8),
    payload_kinds,
)
policies = st.one_of(
    speculative,
    overlapping,
    st.sampled_from([{"name": name} for name in ("slm", "llm", "hlm", "oracle")]),
    st.builds(lambda share: {"name": "u-hlm", "threshold": share}, st.floats(0, 1)),
    st.builds(
        lambda share, k: {"name": "cu-hlm", "threshold": share, "k": k},
        st.floats(0, 1),
        st.integers(1, VOCABULARY),
    ),
    st.builds(lambda share: {"name": "rand-hlm", "skip_probability": share}, st.floats(0, 1)),
)
fadings = st.one_of(
    st.sampled_from([{"name": "none"}, {"name": "rayleigh"}]),
    st.builds(lambda k_db: {"name": "rician", "k_db": k_db}, st.floats(-10, 20)),
    st.builds(lambda m: {"name": "nakagami", "m": m}, st.floats(0.5, 10)),
    st.builds(lambda rho: {"name": "gauss-markov", "rho": rho}, st.floats(0, 0.99)),
    st.builds(lambda doppler: {"name": "clarke", "doppler_hz": doppler}, st.floats(1, 50)),
)
channels = st.fixed_dictionaries(
    {
        "fading": fadings,
        # One upload takes from microseconds to hundreds of blocks.
        "snr_db": st.floats(-15, 40),
        "bandwidth_hz": st.sampled_from([2e4, 1e5, 1e6, 1e8]),
        "coherence_time_s": st.sampled_from([1e-3, 0.01, 1.0]),
        "rate": st.fixed_dictionaries(
            {"name": st.sampled_from(["shannon", "cqi"]), "gap_db": st.sampled_from([0.0, 3.0])}
        ),
    }
)
seconds = st.one_of(st.just(0.0), st.floats(1e-4, 0.3))
latencies = st.fixed_dictionaries(
    {
        "slm": st.one_of(st.just("recorded"), seconds),
        "llm": st.one_of(st.just("recorded"), seconds),
        "uncertainty": seconds,
        "grant": seconds,
        "propagation": seconds,
        "prefill": st.booleans(),
        "catch_up": st.booleans(),
    }
)
payloads = st.fixed_dictionaries(
    {
        "vocabulary_size": st.one_of(st.just("trace"), st.integers(VOCABULARY, 40_000)),
        "probability_bits": st.integers(1, 16),
        "count_indices": st.booleans(),
    }
)
cores = st.builds(
    lambda jitter, loss: {
        "rtt_s": 0.03,
        "jitter": jitter,
        "loss": loss,
        "timeout_s": 0.2,
    },
    st.one_of(
        st.just("none"),
        st.builds(lambda name: {"name": name, "std_s": 0.02}, st.sampled_from(["gamma", "lognormal"])),
    ),
    st.sampled_from([0.0, 0.1, 0.5]),
)
scenarios = st.fixed_dictionaries(
    {
        "policy": policies,
        "channel": channels,
        "latency": latencies,
        "payload": payloads,
        "downlink": st.fixed_dictionaries({"rate_bps": st.sampled_from([float("inf"), 1e4])}),
        "energy": st.fixed_dictionaries(
            {"transmit_w": seconds, "compute_w": seconds, "idle_w": seconds},
        ),
        "core": st.one_of(st.just({}), cores),
        "tokens": st.integers(1, TOKENS),
        "eos": st.sampled_from(["stop", "ignore"]),
    }
)


@pytest.fixture(scope="module", params=[None, 3], ids=["no end", "token 3 ends"])
def trace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(
        tmp_path_factory.mktemp("arrays"),
        prompts=3,
        token_seeds=range(TOKEN_SEEDS),
        num_tokens=TOKENS,
        vocabulary_size=VOCABULARY,
        eos=request.param,
    )


def point_of(trace: Trace, content: dict[str, Any]) -> Point:
    return Point.of(Scenario.model_validate({"name": "any", "trace": str(trace.folder), **content}))


def differences(row: Row, other: Row) -> list[str]:
    """Columns in which two rows differ: by more than 1e-9 relative and 1e-12, or in being empty."""
    return [name for name in NAMES if name != "engine" and row[name] != close_to(other[name])]


def close_to(value: object) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value


@given(content=scenarios, seed=st.integers(0, 2**31))
def test_both_engines_agree(trace: Trace, content: dict[str, Any], seed: int) -> None:
    try:
        point = point_of(trace, content)
        arrays = point.row(seed, "arrays")
    except (InputError, LinkNeverSends):
        reject()  # a link that can hardly ever send is refused at once, or where it is needed
    events = point.row(seed, "events")
    assert (arrays["engine"], events["engine"]) == ("arrays", "events")
    assert differences(arrays, events) == []


def test_a_difference_would_be_seen(trace: Trace) -> None:
    row = point_of(trace, {"policy": {"name": "slm"}, "tokens": TOKENS}).row(0)
    latency_s = row["latency_mean_s"]
    assert isinstance(latency_s, float)
    assert differences(row, {**row, "latency_mean_s": latency_s * (1 + 3e-9)}) == ["latency_mean_s"]
    assert differences(row, {**row, "rejection_rate": 0.0}) == ["rejection_rate"]
    assert differences({**row, "rejection_rate": 0.0}, row) == ["rejection_rate"]


@pytest.mark.parametrize("core", [{}, {"rtt_s": 0.03}])
@pytest.mark.parametrize("prefill", [False, True])
def test_points_and_seeds_timed_together_are_those_timed_alone(
    trace: Trace, core: dict[str, Any], prefill: bool
) -> None:
    named = [{"name": "hlm"}, {"name": "llm"}, {"name": "u-hlm", "threshold": 0.3}, {"name": "slm"}]
    # Not every SNR has every policy, and one has a policy twice.
    swept = [(0.0, policy) for policy in named] + [(-5.0, policy) for policy in named]
    swept += [(-7.0, named[0]), (-7.0, named[2]), (-7.0, named[0])]
    points = [
        point_of(
            trace,
            {
                "channel": {"bandwidth_hz": 2e4, "snr_db": snr_db},
                "tokens": TOKENS,
                "policy": policy,
                "core": core,
                "latency": {"prefill": prefill},
            },
        )
        for snr_db, policy in swept
    ]
    seeds = [5, 0, 1, 2, 7]
    together = {
        (number, row["seed"]): row
        for block in array_blocks(points, seeds)
        for number, (row, _) in zip(block.points, block.rows(), strict=True)
    }
    assert len(together) == len(points) * len(seeds)
    for (number, seed), row in together.items():
        assert isinstance(seed, int)
        assert row == points[number].row(seed, "arrays")


@pytest.mark.parametrize(
    ("module", "name"),
    [(air_times, "BLOCKS_AT_ONCE"), (air_times, "MOST_BLOCKS_AT_ONCE"), (sessions, "MOST_BLOCKS_KEPT")],
)
@pytest.mark.parametrize("most", [1, 300])
def test_rows_do_not_depend_on_how_many_blocks_are_at_hand(
    trace: Trace, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, most: int
) -> None:
    """Sessions one by one, or alone; gains drawn anew for every link."""

    def rows() -> list[Row]:
        points = [
            point_of(
                trace,
                {"channel": {"bandwidth_hz": 2e4, "snr_db": snr_db}, "tokens": TOKENS, "policy": policy},
            )
            for snr_db in (-7.0, 0.0)
            for policy in ({"name": "hlm"}, {"name": "u-hlm", "threshold": 0.3})
        ]
        return [row for block in array_blocks(points, range(4)) for row, _ in block.rows()]

    expected = rows()
    monkeypatch.setattr(module, name, most)
    assert rows() == expected


def test_auto_takes_arrays_where_nothing_is_shared(trace: Trace) -> None:
    assert point_of(trace, {"policy": {"name": "hlm"}, "tokens": TOKENS}).row(0)["engine"] == "arrays"
