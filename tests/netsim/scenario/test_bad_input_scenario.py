"""What a bad scenario file is told, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.errors import InputError
from netsim.scenario import load_scenario

GOOD = "name: a\ntrace: tiny\npolicy: {name: hlm}\n"
TOP = (
    "name, trace, policy, uncertainty, payload, channel, latency, devices, site, requests, uplink, core, server, downlink, energy, "
    "tokens, eos, seeds, token_seeds, off_tree, sweep"
)
POLICIES = (
    "slm, llm, hlm, rand-hlm, u-hlm, cu-hlm, oracle, channel-aware, scored, spec, gelato or module:Class"
)


def faults(text: str, *overrides: str) -> list[str]:
    """The lines a user sees for a file of this content in the current folder."""
    Path("s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_scenario("s.yaml", overrides)
    return str(caught.value).splitlines()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "channel: {snrdb: 10}",
            (
                "4: channel.snrdb: unknown key, given 'snrdb', "
                "allowed: fading, snr_db, bandwidth_hz, coherence_time_s, rate; did you mean 'snr_db'?"
            ),
        ),
        ("sweeep: {}", f"4: sweeep: unknown key, given 'sweeep', allowed: {TOP}; did you mean 'sweep'?"),
        ("<<: {tokens: 3}", f"4: <<: unknown key, given '<<', allowed: {TOP}"),
        (
            "channel:\n  snr_db: '10'",
            "5: channel.snr_db: wrong type, given '10', allowed: a number from -60 to 100 dB",
        ),
        (
            "channel: {snr_db: ten}",
            "4: channel.snr_db: wrong type, given 'ten', allowed: a number from -60 to 100 dB",
        ),
        (
            "channel: {snr_db: true}",
            "4: channel.snr_db: wrong type, given true, allowed: a number from -60 to 100 dB",
        ),
        (
            "channel: {snr_db: .nan}",
            "4: channel.snr_db: out of range, given .nan, allowed: a number from -60 to 100 dB",
        ),
        (
            "channel:\n  snr_db:",
            "5: channel.snr_db: wrong type, given null, allowed: a number from -60 to 100 dB",
        ),
        (
            "channel: {bandwidth_hz: .inf}",
            "4: channel.bandwidth_hz: out of range, given .inf, allowed: a number from 1 to 1000000000000 Hz",
        ),
        (
            "channel: {coherence_time_s: 0}",
            "4: channel.coherence_time_s: out of range, given 0, allowed: a number from 1e-07 to 1000000 s",
        ),
        (
            "channel: {fading: raleigh}",
            (
                "4: channel.fading: unknown value, given 'raleigh', allowed: none, rayleigh, rician, nakagami, "
                "gauss-markov, clarke, recorded or module:Class; did you mean 'rayleigh'?"
            ),
        ),
        ("channel: {fading: rician}", "4: channel.fading.k_db: missing, allowed: a number from -60 to 60 dB"),
        (
            "channel: {rate: shanon}",
            "4: channel.rate: unknown value, given 'shanon', allowed: shannon, cqi or module:Class; did you mean 'shannon'?",
        ),
        (
            "downlink: {rate_bps: .nan}",
            "4: downlink.rate_bps: out of range, given .nan, allowed: a number of at least 1 bit/s, or .inf",
        ),
        ("payload: {quantise: off}", "4: payload.quantise: wrong type, given 'off', allowed: true or false"),
        (
            "latency: {slm: '0.02'}",
            (
                "4: latency.slm: wrong type, given '0.02', "
                "allowed: seconds from 0 to 1e+06, recorded, or the name of a latency profile"
            ),
        ),
        (
            "energy: 3",
            "4: energy: wrong type, given 3, allowed: a block with the keys transmit_w, amplifier_efficiency, compute_w, idle_w",
        ),
        ("tokens: 48.5", "4: tokens: wrong type, given 48.5, allowed: a whole number from 1 to 1000000"),
        ("tokens: 0", "4: tokens: out of range, given 0, allowed: a whole number from 1 to 1000000"),
        ("eos: halt", "4: eos: unknown value, given 'halt', allowed: stop or ignore"),
        (
            "seeds: [1, 1]",
            (
                "4: seeds: wrong value, given [1, 1], "
                "allowed: a count from 1 to 100000, or a list of different whole numbers from 0 to 2^63 - 1"
            ),
        ),
        ("devices: []", "4: devices: empty list, given [], allowed: 1 to 10000 devices"),
        (
            "devices:\n  - {snr_db: 3}\n  - {snr: 3}",
            "6: devices[1].snr: unknown key, given 'snr', allowed: snr_db, policy, slm, position_m, velocity_m_s; did you mean 'snr_db'?",
        ),
        (
            "tokens: 1\ntokens: 2",
            "5: tokens: duplicate key, given again after line 4, allowed: each key once",
        ),
        (
            "tokens: !!python/none",
            "4: tokens: unknown tag, given 'tag:yaml.org,2002:python/none', allowed: values without a tag",
        ),
        ("tokens: [1", "5: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("channel:\n\tsnr_db: 3", "5: not YAML: a tab, allowed: indentation by spaces"),
        ("tokens: *count", "4: not YAML: found undefined alias 'count'"),
        (
            "sweep: []",
            "4: sweep: wrong type, given [], allowed: a block of axes, each under the path of its key",
        ),
        ("sweep: {tokens: []}", "4: sweep.tokens: empty axis, given [], allowed: at least one value"),
        (
            "sweep: {tokens: 3}",
            "4: sweep.tokens: wrong type, given 3, allowed: a list, or {start, stop, step}",
        ),
        ("sweep: {tokens: [3, 3]}", "4: sweep.tokens: listed twice, given 3, allowed: each value once"),
        ("sweep: {seeds: [3, 4]}", "4: sweep.seeds: not an axis, given 'seeds', allowed: the path of a key"),
        (
            "sweep: {tokens: {start: 1, stop: 3, step: -1}}",
            "4: sweep.tokens.step: leads nowhere, given -1, allowed: a step that leads from start to stop",
        ),
        (
            "sweep: {tokens: {start: 1, stop: 3, step: '1'}}",
            "4: sweep.tokens.step: wrong type, given '1', allowed: a number from -1e+15 to 1e+15",
        ),
        (
            "sweep: {channel.snr_db: {start: 0, stop: 1, step: 1e-9}}",
            "4: sweep.channel.snr_db.step: too small, given 1e-09, allowed: at most 100000 values",
        ),
        (
            "sweep:\n  channel.snr_db:\n  - 5\n  - '6'",
            "7: sweep.channel.snr_db[1]: wrong type, given '6', allowed: a number from -60 to 100 dB",
        ),
        (
            "sweep: {tokens: {start: 0, stop: 1, step: 1}, channel.snr_db: [1, 2]}",
            "4: sweep.tokens[0]: out of range, given 0, allowed: a whole number from 1 to 1000000",
        ),
        (
            "sweep: {channel.snrdb: [5, 6]}",
            (
                "4: sweep.channel.snrdb: unknown key, given 'snrdb', "
                "allowed: fading, snr_db, bandwidth_hz, coherence_time_s, rate; did you mean 'snr_db'?"
            ),
        ),
        ("tokens: 8\nsweep: {tokens.x: [5]}", "5: sweep.tokens.x: no place for x, given 8, allowed: a block"),
        (
            "sweep:\n  policy:\n    - {name: slm}\n    - {name: u-hlm}",
            "7: sweep.policy[1].threshold: missing, allowed: a number from 0 to 1, risk-averse or risk-prone",
        ),
        (
            "sweep: {policy.threshold: [1], policy: [{name: hlm}]}",
            "4: sweep.policy.threshold: undone by the axis policy after it, allowed: the block before its key",
        ),
    ],
)
def test_one_fault(text: str, fault: str) -> None:
    assert faults(f"{GOOD}{text}\n") == [f"s.yaml:{fault}"]


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        (
            "{name: u-hml, threshold: 0.3}",
            f"policy.name: unknown value, given 'u-hml', allowed: {POLICIES}; did you mean 'u-hlm'?",
        ),
        ("{threshold: 0.3}", f"policy.name: missing, allowed: {POLICIES}"),
        ("u-hlm", "policy.threshold: missing, allowed: a number from 0 to 1, risk-averse or risk-prone"),
        (
            "{name: u-hlm, threshold: risk-avers}",
            (
                "policy.threshold: unknown value, given 'risk-avers', "
                "allowed: a number from 0 to 1, risk-averse or risk-prone; did you mean 'risk-averse'?"
            ),
        ),
        (
            "{name: u-hlm, threshold: 1.5}",
            "policy.threshold: out of range, given 1.5, allowed: a number from 0 to 1, risk-averse or risk-prone",
        ),
        (
            "{name: hlm, threshold: 0.3}",
            "policy.threshold: unknown key, given 'threshold', allowed: name",
        ),
        (
            "{name: rand-hlm, skip_probability: 2}",
            "policy.skip_probability: out of range, given 2, allowed: a number from 0 to 1",
        ),
        (
            "{name: cu-hlm, threshold: 0.3, k: auto}",
            "policy.theta: missing, given k: auto, allowed: a number above 0",
        ),
        (
            "{name: cu-hlm, threshold: 0.3, k: 3, theta: 0.1}",
            "policy.theta: not used, given k: 3, allowed: only with k: auto or k: online",
        ),
        (
            "{name: cu-hlm, threshold: 0.3, k: 101}",
            "policy.k: out of range, given 101, allowed: 1 to payload.vocabulary_size, which is 100",
        ),
    ],
)
def test_a_bad_policy(policy: str, fault: str) -> None:
    text = f"name: a\ntrace: tiny\npolicy: {policy}\npayload: {{vocabulary_size: 100}}\n"
    assert faults(text) == [f"s.yaml:3: {fault}"]


def test_all_faults_are_said_in_the_order_of_the_file() -> None:
    text = "tokens: 0\nname: a/b\nseeds: 3\nseeds: 4\nsweep:\n  channel.snr_db: [x, 1]\n  eos: [stop, halt]\n"
    assert faults(text, "devices=0") == [
        "--set devices: out of range, given 0, allowed: a whole number from 1 to 10000",
        "s.yaml:1: trace: missing, allowed: the name or folder of a trace, or a block with a kind: recorded, live or parametric",
        f"s.yaml:1: policy: missing, allowed: a word, or a block with a name: {POLICIES}",
        "s.yaml:1: tokens: out of range, given 0, allowed: a whole number from 1 to 1000000",
        "s.yaml:2: name: malformed, given 'a/b', allowed: up to 100 letters, digits, '.', '_' and '-', the first a letter or digit",
        "s.yaml:4: seeds: duplicate key, given again after line 3, allowed: each key once",
        "s.yaml:6: sweep.channel.snr_db[0]: wrong type, given 'x', allowed: a number from -60 to 100 dB",
        "s.yaml:7: sweep.eos[1]: unknown value, given 'halt', allowed: stop or ignore",
    ]


def test_a_long_value_is_cut_and_a_fault_is_one_line() -> None:
    [fault] = faults(GOOD + 'eos: "' + "x\\n" * 100 + '"\n')
    assert fault.startswith("s.yaml:4: eos: unknown value, given 'x\\nx")
    assert len(fault) < 150


def test_a_faulty_sweep_hides_no_other_fault_and_causes_none() -> None:
    text = "name: a\ntrace: tiny\ntokens: 0\nsweep: {policy: []}\n"
    assert faults(text) == [
        "s.yaml:3: tokens: out of range, given 0, allowed: a whole number from 1 to 1000000",
        "s.yaml:4: sweep.policy: empty axis, given [], allowed: at least one value",
    ]
