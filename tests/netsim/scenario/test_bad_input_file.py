"""A bad file and a bad override, and what they are told, word for word."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from netsim.errors import InputError
from netsim.scenario import load_scenario

GOOD = "name: a\ntrace: tiny\npolicy: {name: hlm}\n"
TOP = (
    "name, trace, policy, uncertainty, payload, channel, latency, devices, site, requests, uplink, core, server, downlink, energy, "
    "tokens, eos, seeds, token_seeds, off_tree, sweep"
)


def faults(content: str | bytes, *overrides: str) -> list[str]:
    """The lines a user sees for a file of this content in the current folder."""
    Path("s.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        load_scenario("s.yaml", overrides)
    return str(caught.value).splitlines()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", f"s.yaml: not a scenario, given nothing, allowed: a block with the keys {TOP}"),
        ("# nothing\n", f"s.yaml: not a scenario, given nothing, allowed: a block with the keys {TOP}"),
        ("\n- a\n- b\n", f"s.yaml:2: not a scenario, given ['a', 'b'], allowed: a block with the keys {TOP}"),
        (b"name: a\nx: \xff\n", "s.yaml:2: not text, given byte 0xff, allowed: UTF-8"),
        (
            "name: \x01\n",
            "s.yaml: not YAML: unacceptable character #x0001: special characters are not allowed",
        ),
        ("%YAML 1.1\n---\nname: a\n", "s.yaml:1: wrong YAML version, given 1.1, allowed: 1.2"),
        ("--- {name: a}\n--- {name: b}\n", "s.yaml:2: not YAML: but found another document"),
        ("name: " + "[" * 500, "s.yaml: nested too deeply, allowed: at most 32 levels"),
        ("name: &a [*a]\n", "s.yaml:1: nested too deeply, allowed: at most 32 levels"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
                for old, new in zip("abcdefg", "bcdefgh", strict=True)
            ),
            "s.yaml:1: too large, allowed: at most 100000 keys and values, those behind aliases included",
        ),
    ],
)
def test_a_file_that_is_no_scenario(content: str | bytes, fault: str) -> None:
    assert faults(content) == [fault]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError) as missing:
        load_scenario("nowhere.yaml")
    assert (
        str(missing.value) == "nowhere.yaml: can't be read: no such file or directory, allowed: a YAML file"
    )
    with pytest.raises(InputError) as folder:
        load_scenario(tmp_path)
    assert str(folder.value) == f"{tmp_path}: can't be read: is a directory, allowed: a YAML file"


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        (
            "channel.snr_db=ten",
            "--set channel.snr_db: wrong type, given 'ten', allowed: a number from -60 to 100 dB",
        ),
        (
            "channel={snr_db: '1'}",
            "--set channel: channel.snr_db: wrong type, given '1', allowed: a number from -60 to 100 dB",
        ),
        (
            "channel.fading=rician",
            "--set channel.fading: channel.fading.k_db: missing, allowed: a number from -60 to 60 dB",
        ),
        ("tokens", "--set tokens: not a setting, given 'tokens', allowed: path.to.key=value"),
        ("a..b=1", "--set a..b: not a setting, given 'a..b=1', allowed: path.to.key=value"),
        ("tokens=[", "--set tokens: not YAML: expected the node content, but found '<stream end>'"),
        ("tokens.x=1", "--set tokens.x: no place for x, given 8, allowed: a block"),
        (
            "policy={name: slm, name: llm}",
            "--set policy: name: duplicate key, given again after line 1, allowed: each key once",
        ),
        (
            "chanel.snr_db=1",
            f"--set chanel.snr_db: chanel: unknown key, given 'chanel', allowed: {TOP}; did you mean 'channel'?",
        ),
        (
            "energy.idle_w=1",
            (
                "--set energy.idle_w: set by the axis energy of the sweep, "
                "allowed: --set energy=… or --set sweep.energy=…"
            ),
        ),
    ],
)
def test_a_bad_override(override: str, fault: str) -> None:
    assert faults(GOOD + "tokens: 8\nsweep: {energy: [{idle_w: 3}]}\n", override) == [fault]


def test_an_error_crosses_to_another_process_whole() -> None:
    with pytest.raises(InputError) as caught:
        load_scenario("nowhere.yaml")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (our own bytes)
    assert again.faults == caught.value.faults
