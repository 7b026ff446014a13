"""What can be swept: every scalar key of the schema, whole kinds by a word, ranges and lists inside an entry."""

from __future__ import annotations

from typing import Any

import pytest

import netsim
from netsim.scenario import scenario_schema
from tests.trace_factory import make_trace

SNR_SERIES = "time_s,snr_db\n" + "".join(f"{index / 10},{10 + index % 3}\n" for index in range(9))
ARRIVALS = "device,time_s\n0,0\n0,1\n1,0.5\n"
LIVE = "models run before a sweep: netsim run and sweep record them"


def sent(**payload: Any) -> dict[str, Any]:
    """Two drafts a round with some payload."""
    return {"policy": {"name": "spec", "gamma": 2, "payload": payload}}


def stopped(gamma: int = 4, **stop: Any) -> dict[str, Any]:
    """Several drafts a round with some rule for when to stop."""
    return {"policy": {"name": "spec", "gamma": gamma, "stop": stop}}


#: Two values of each key, and what has to stand beside them.
VALUES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "channel.bandwidth_hz": ([1e5, 1e6], {}),
    "channel.coherence_time_s": ([0.01, 0.02], {}),
    "channel.fading.carrier_hz": ([1e9, 2e9], {"channel": {"fading": {"name": "clarke", "speed_m_s": 2}}}),
    "channel.fading.device_offset_s": (
        [0, 0.1],
        {"channel": {"fading": {"name": "recorded", "file": "SNR", "end": "loop"}}},
    ),
    "channel.fading.doppler_hz": ([5, 10], {"channel": {"fading": {"name": "clarke"}}}),
    "channel.fading.end": (["hold", "loop"], {"channel": {"fading": {"name": "recorded", "file": "SNR"}}}),
    "channel.fading.file": (["SNR", "SNR2"], {"channel": {"fading": {"name": "recorded", "end": "loop"}}}),
    "channel.fading.k_db": ([0, 6], {"channel": {"fading": {"name": "rician"}}}),
    "channel.fading.m": ([0.5, 2], {"channel": {"fading": {"name": "nakagami"}}}),
    "channel.fading.name": (["none", "rayleigh"], {}),
    "channel.fading.random_start": (
        [True, False],
        {"channel": {"fading": {"name": "recorded", "file": "SNR", "end": "loop"}}},
    ),
    "channel.fading.restart": (
        ["prompt", "never"],
        {"channel": {"fading": {"name": "recorded", "file": "SNR", "end": "loop"}}},
    ),
    "channel.fading.rho": ([0, 0.9], {"channel": {"fading": {"name": "gauss-markov"}}}),
    "channel.fading.speed_m_s": ([1, 2], {"channel": {"fading": {"name": "clarke", "carrier_hz": 3e9}}}),
    "channel.rate.gap_db": ([0, 3], {}),
    "channel.rate.harq.block_symbols": ([100, 500], {"channel": {"rate": "cqi"}}),
    "channel.rate.harq.combining": (
        ["chase", "none"],
        {"channel": {"rate": {"name": "cqi", "harq": {"block_symbols": 300}}}},
    ),
    "channel.rate.harq.max_transmissions": (
        [1, 4],
        {"channel": {"rate": {"name": "cqi", "harq": {"block_symbols": 300}}}},
    ),
    "channel.rate.harq.round_trip_slots": (
        [0, 4],
        {"channel": {"rate": {"name": "cqi", "harq": {"block_symbols": 300}}}},
    ),
    "channel.rate.name": (["shannon", "cqi"], {}),
    "channel.rate.outdated": ([True, False], {"channel": {"rate": "cqi"}}),
    "channel.snr_db": ([0, 20], {}),
    "devices": ([1, 2], {}),
    "downlink.rate_bps": ([1e3, float("inf")], {}),
    "energy.amplifier_efficiency": ([0.3, 1], {}),
    "energy.compute_w": ([1, 2], {}),
    "energy.idle_w": ([0, 1], {}),
    "energy.transmit_w": ([0.1, 0.2], {}),
    "eos": (["stop", "ignore"], {}),
    "latency.catch_up": ([True, False], {}),
    "latency.grant": ([0, 0.01], {}),
    "latency.llm": ([0.05, 0.1], {}),
    "latency.prefill": ([True, False], {}),
    "latency.propagation": ([0, 0.01], {}),
    "latency.slm": ([0.01, 0.02], {}),
    "latency.uncertainty": ([0, 0.01], {}),
    "off_tree": (["follow", "refuse"], {}),
    "payload.count_indices": ([True, False], {}),
    "payload.probability_bits": ([4, 8], {}),
    "payload.quantise": ([True, False], {}),
    "payload.vocabulary_size": ([1000, "trace"], {}),
    "policy.above": ([1, 2], {"trace": "SCORED", "policy": {"name": "scored"}}),
    "policy.bonus": ([True, False], {"policy": {"name": "spec", "gamma": 2}}),
    "policy.combine": (
        ["and", "or"],
        {"trace": "SCORED", "policy": {"name": "scored", "above": 2, "threshold": 0.3}},
    ),
    "policy.draft": (["x", "x_hat"], {"policy": {"name": "cu-hlm", "threshold": 0.3, "k": 4}}),
    "policy.exponent": ([0, 1], {"policy": {"name": "channel-aware", "threshold": 0.3}}),
    "policy.gamma": ([1, 4], {"policy": {"name": "spec"}}),
    "policy.k": ([4, 8], {"policy": {"name": "cu-hlm", "threshold": 0.3}}),
    "policy.name": (["slm", "hlm"], {}),
    "policy.payload.bits": ([8, 16], sent(name="top-k-softmax", k=4)),
    "policy.payload.downlink_entries": ([2, 4], sent(name="probability-only")),
    "policy.payload.draft": (["x", "x_hat"], sent(name="top-k", k=4)),
    "policy.payload.k": ([2, 4], sent(name="top-k")),
    "policy.payload.levels": ([24, 100], sent(name="lattice")),
    "policy.payload.name": (["full", "probability-only"], sent(name="full")),
    "policy.skip_probability": ([0.2, 0.8], {"policy": {"name": "rand-hlm"}}),
    "policy.skipped": (["verify", "keep"], stopped(name="uncertain", threshold=0.3, gamma=1)),
    "policy.stop.at_least": ([0.2, 0.8], stopped(name="probability")),
    "policy.stop.bucket": ([1, 2], stopped(name="entropy-bucket", limit=0.5)),
    "policy.stop.limit": ([0.5, 1], stopped(name="entropy-bucket", bucket=2)),
    "policy.stop.name": (["probability", "product"], stopped(at_least=0.5)),
    "policy.stop.threshold": ([0.1, 0.5], stopped(name="uncertain")),
    "policy.threshold": ([0, 0.5], {"policy": {"name": "u-hlm"}}),
    "requests.arrivals.file": (
        ["ARR", "ARR2"],
        {"requests": {"arrivals": {"name": "recorded"}}, "devices": 2},
    ),
    "requests.arrivals.name": (["closed"], {}),
    "requests.arrivals.rate_hz": ([1, 10], {"requests": {"arrivals": {"name": "poisson"}}}),
    "requests.deadline_s": ([1, 10], {}),
    "requests.per_device": ([1, 2], {}),
    "requests.until_s": ([5, 50], {}),
    "requests.warmup_s": (
        [0, 0.01],
        {"requests": {"arrivals": {"name": "poisson", "rate_hz": 100}, "per_device": 4}},
    ),
    "server.replicas": ([1, 2], {"devices": 2}),
    "server.window_s": ([0, 0.01], {"devices": 2}),
    "token_seeds": (["recorded", "fresh"], {}),
    "tokens": ([2, 4], {}),
    "trace": (["TRACE", "TRACE2"], {}),
    "uncertainty.measure": (["temperature", "margin"], {}),
    "uncertainty.samples": ([5, 20], {}),
    "uplink.scheduler.name": (["fifo", "round-robin"], {"devices": 2}),
    "uplink.scheduler.slot_s": ([0.001, 0.002], {"uplink": {"scheduler": "round-robin"}}),
    "uplink.scheduler.window_slots": ([10, 100], {"uplink": {"scheduler": "proportional-fair"}}),
}
SPEC = {"name": "spec", "gamma": 2}
AUTO = {"name": "spec", "gamma": "auto", "acceptance": 0.5}
GELATO = {"name": "gelato", "budget_w": 1, "v": 1, "gamma_max": 2, "limit": 1, "bucket": 1, "acceptance": 0.5}
SERIES = {"channel": {"fading": {"name": "recorded", "file": "SNR", "end": "loop"}}}
VALUES |= {
    "channel.fading.device_offset_s": ([0, 0.01], SERIES),
    "channel.fading.random_start": ([False, True], SERIES),
    "channel.fading.restart": (["prompt", "never"], SERIES),
    "channel.rate.harq.round_trip_slots": (
        [0, 8],
        {"channel": {"rate": {"name": "cqi", "harq": {"block_symbols": 300, "max_transmissions": 4}}}},
    ),
    "channel.rate.outdated": ([False, True], {"channel": {"rate": {"name": "cqi", "gap_db": 3}}}),
    "core.jitter.name": (["none"], {"core": {"rtt_s": 0.01}}),
    "core.jitter.std_s": ([0.001, 0.002], {"core": {"rtt_s": 0.01, "jitter": {"name": "gamma"}}}),
    "core.loss": ([0, 0.1], {}),
    "core.rtt_s": ([0, 0.05], {}),
    "core.timeout_s": ([0.1, 0.2], {"core": {"loss": 0.1}}),
    "downlink.bandwidth_hz": ([1e5, 1e6], {"downlink": {"snr_db": 10}}),
    "downlink.snr_db": ([0, 20], {}),
    "energy.amplifier_efficiency": ([0.4, 1], {}),
    "policy.acceptance": ([0.3, 0.6], {"policy": {"name": "spec", "gamma": "auto"}}),
    "policy.bonus": ([True, False], {"policy": SPEC}),
    "policy.bucket": ([1, 2], {"policy": {key: value for key, value in GELATO.items() if key != "bucket"}}),
    "policy.budget_w": (
        [0.5, 1],
        {"policy": {key: value for key, value in GELATO.items() if key != "budget_w"}},
    ),
    "policy.exploration": ([0, 1], {"policy": {"name": "spec", "gamma": "bandit", "most": 2}}),
    "policy.fall_back": (["slm", "llm"], {"policy": AUTO}),
    "policy.gamma": ([1, 2], {"policy": {"name": "spec"}}),
    "policy.gamma_max": (
        [1, 2],
        {"policy": {key: value for key, value in GELATO.items() if key != "gamma_max"}},
    ),
    "policy.limit": ([1, 2], {"policy": {key: value for key, value in GELATO.items() if key != "limit"}}),
    "policy.most": ([1, 2], {"policy": AUTO}),
    "policy.overlap": ([False, True], {"policy": {**SPEC, "bonus": False}}),
    "policy.payload.bits": ([8, 16], {"policy": {**SPEC, "payload": {"name": "top-k-softmax", "k": 4}}}),
    "policy.payload.downlink_entries": (
        [2, 4],
        {"policy": {**SPEC, "payload": {"name": "probability-only"}}},
    ),
    "policy.payload.draft": (["x", "x_hat"], {"policy": {**SPEC, "payload": {"name": "top-k", "k": 4}}}),
    "policy.payload.k": ([2, 4], {"policy": {**SPEC, "payload": {"name": "top-k"}}}),
    "policy.payload.levels": ([8, 16], {"policy": {**SPEC, "payload": {"name": "lattice"}}}),
    "policy.payload.name": (["full", "probability-only"], {"policy": SPEC}),
    "policy.rate": (["current", "mean"], {"policy": AUTO}),
    "policy.skipped": (
        ["verify", "keep"],
        {"policy": {"name": "spec", "gamma": 1, "stop": {"name": "uncertain", "threshold": 0.3}}},
    ),
    "policy.stop.at_least": ([0.2, 0.5], {"policy": {**SPEC, "stop": {"name": "product"}}}),
    "policy.stop.bucket": ([1, 2], {"policy": {**SPEC, "stop": {"name": "entropy-bucket", "limit": 1}}}),
    "policy.stop.limit": ([1, 2], {"policy": {**SPEC, "stop": {"name": "entropy-bucket", "bucket": 1}}}),
    "policy.stop.name": (["fixed"], {"policy": SPEC}),
    "policy.stop.threshold": ([0.1, 0.5], {"policy": {**SPEC, "stop": {"name": "uncertain"}}}),
    "policy.v": ([0, 1], {"policy": {key: value for key, value in GELATO.items() if key != "v"}}),
    "requests.warmup_s": ([0, 1e-6], {}),
}
SITE = {
    "environment": "umi", "carrier_hz": 3.5e9, "base_height_m": 10.0, "device_height_m": 1.5,
    "transmit_dbm": 23, "noise_figure_db": 5, "radius_m": 100.0,
}  # fmt: skip
VALUES |= {
    f"site.{key}": ([value, other], {"site": SITE})
    for key, value, other in (
        ("environment", "umi", "uma"), ("carrier_hz", 2e9, 3e9), ("base_height_m", 10, 12), ("device_height_m", 1.5, 2),
        ("transmit_dbm", 20, 23), ("noise_figure_db", 3, 5), ("shadowing", True, False), ("radius_m", 50, 100), ("antenna_gain_db", 0, 3),
    )
}  # fmt: skip
VALUES["site.environment"] = (["umi"], {"site": SITE})
PARAMETRIC = {
    "kind": "parametric", "vocabulary_size": 100, "uncertainty": {"alpha": 1, "beta": 1}, "rejection": {"a": 0.8, "b": 0},
    "prompts": 2,
}  # fmt: skip
STATISTICS: dict[str, list[Any]] = {
    "kind": ["parametric"], "prompt_tokens": [4, 8], "prompts": [1, 2], "rejection.a": [0.5, 0.8],
    "rejection.b": [0, 0.1], "rejection.delta": [0.3, 0.6], "uncertainty.alpha": [1, 2], "uncertainty.beta": [1, 2],
    "uncertainty.distribution": ["beta"], "vocabulary_size": [100, 200],
}  # fmt: skip
VALUES |= {f"trace.{key}": (values, {"trace": PARAMETRIC}) for key, values in STATISTICS.items()}
#: Keys of which no two values go with one trace or one profile, and why.
ELSEWHERE = {
    "uncertainty.theta_max": "a trace is recorded for one",
    "server.max_batch": "batches have to be measured: tests/netsim/engines/test_server.py",
    "policy.theta": "needs a calibrated trace: test_build_policy.py",
    "trace.folder": "a word names it: the axis is trace",
    **dict.fromkeys(
        (f"trace.{key}" for key in ("device", "dtype", "llm", "num_prompts", "slm", "temperature", "top_p")),
        LIVE,
    ),
}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files that the values above stand for."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for name, text in {"SNR": SNR_SERIES, "SNR2": SNR_SERIES, "ARR": ARRIVALS, "ARR2": ARRIVALS}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        made[name] = str(folder / f"{name}.csv")
    for name in ("TRACE", "TRACE2"):
        made[name] = str(make_trace(folder / name, prompts=2, num_tokens=4, top_p=1.0).folder)
    made["SCORED"] = str(make_trace(folder / "SCORED", prompts=2, num_tokens=4, scored=True).folder)
    return made


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def scalar_keys() -> list[str]:
    """The swept paths of the schema that hold no block."""
    axes = scenario_schema()["properties"]["sweep"]["properties"]
    blocks = {path.rpartition(".")[0] for path in axes}
    return [path for path in axes if path not in blocks or path == "trace"]


def test_every_scalar_key_is_swept_below() -> None:
    assert set(scalar_keys()) - {"site"} == (set(VALUES) | set(ELSEWHERE)) - {"site"}


@pytest.mark.parametrize("axis", sorted(VALUES))
def test_a_sweep_over(axis: str, names: dict[str, str]) -> None:
    values, beside = VALUES[axis]
    content = {
        "name": "swept",
        "trace": "TRACE",
        "policy": "hlm",
        "tokens": 4,
        "seeds": 1,
        "latency": {"slm": 0.01, "llm": 0.02},
        **beside,
        "sweep": {axis: values},
    }
    table = netsim.sweep(filled(content, names))
    assert len(table) == len(values)
    assert table["throughput_tok_s"].gt(0).all()
    # Numbers beside words are words in a table.
    shown = filled(values, names)
    mixed = len({type(value) for value in shown} - {int, float}) and {int, float} & {
        type(value) for value in shown
    }
    column = table["scenario.tokens" if axis == "tokens" else axis]
    assert column.tolist() == [str(value) if mixed else value for value in shown]
