"""The estimate of a row's memory against what processes take, and its limit."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netsim.errors import InputError
from netsim.point import Point
from netsim.scenario import load_scenario
from netsim.scenario.memory import ARRAYS_BYTES, BLOCK_BYTES, EVENTS_BYTES, LIMIT

ROOT = Path(__file__).resolve().parents[3]
SCENARIO: dict[str, Any] = {
    "name": "large", "policy": "hlm", "latency": {"slm": 0.01, "llm": 0.02},
    "channel": {"fading": "rayleigh", "bandwidth_hz": 1e7, "coherence_time_s": 0.01},
    "trace": {"kind": "parametric", "vocabulary_size": 32000, "prompts": 8, "uncertainty": {"alpha": 1, "beta": 1.4},
              "rejection": {"a": 0.8, "b": 0.0, "delta": 0.3}},
}  # fmt: skip
MEASURE = """
import sys
from pathlib import Path
from netsim.point import Point
from netsim.scenario import load_scenario
point = Point.of(load_scenario(eval(sys.argv[1])))
point.row(0)
# Of this program alone: a resource usage begins with what the process had before it became this program.
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
print(1024 * int(peak.split()[1]))
"""


def peak_bytes(**keys: Any) -> int:
    command = [sys.executable, "-c", MEASURE, repr({**SCENARIO, **keys})]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak there")
@pytest.mark.parametrize(
    ("keys", "tokens", "estimate"),
    [({}, (10_000, 60_000), ARRAYS_BYTES), ({"devices": 8}, (1_000, 8_000), EVENTS_BYTES)],
)
def test_a_round_takes_about_what_is_estimated(
    keys: dict[str, Any], tokens: tuple[int, int], estimate: int
) -> None:
    """No row takes a fifth more than is estimated, and none is refused that would take less than half of the limit."""
    small, large = (peak_bytes(tokens=count, **keys) for count in tokens)
    taken = (large - small) / (8 * (tokens[1] - tokens[0]))
    assert 0.5 * estimate < taken < 1.2 * estimate


def test_more_than_is_allowed_is_refused_and_the_limit_can_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    large = load_scenario({**SCENARIO, "devices": 1000, "tokens": 1000})
    with pytest.raises(InputError) as caught:
        Point.of(large)
    assert str(caught.value) == (
        "devices: a row needs about 1.4 GiB, given 1000000 rounds (devices x prompts x tokens), "
        "allowed: 1 GiB (NETSIM_MEMORY_GIB=2 in the environment allows this)"
    )
    monkeypatch.setenv(LIMIT, "1.5")
    Point.of(large)


def test_one_device_that_needs_the_event_engine_needs_its_memory(tmp_path: Path) -> None:
    (tmp_path / "drive.csv").write_text("time_s,snr_db\n0,10\n0.01,12\n")
    recorded = {"fading": {"name": "recorded", "file": str(tmp_path / "drive.csv")}, "bandwidth_hz": 1e7}
    large = {**SCENARIO, "tokens": 100_000}
    Point.of(load_scenario(large))
    with pytest.raises(InputError, match=r"tokens: a row needs about 1\.12 GiB"):
        Point.of(load_scenario({**large, "channel": recorded}))


def short_blocks(devices: int, **policy: Any) -> dict[str, Any]:
    """Uploads that cross some 200 000 blocks of a microsecond."""
    channel = {"fading": "rayleigh", "bandwidth_hz": 1e6, "coherence_time_s": 1e-6, "snr_db": 10.0}
    own = {"devices": devices, "tokens": 3, "requests": {"per_device": 1}, "channel": channel}
    return {**SCENARIO, **own, **policy}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak there")
def test_a_device_keeps_about_as_many_blocks_of_fading_as_is_estimated() -> None:
    small, large = (peak_bytes(**short_blocks(devices)) for devices in (16, 64))
    # A distribution of 32 000 entries, 8 + 15 bits each, and an id of 15 bits; 1 MHz at 10 dB.
    blocks = (32_000 * (8 + 15) + 15) / (1e6 * math.log2(11)) / 1e-6
    taken = (large - small) / 48 / blocks
    # A window is doubled until an upload is over: it holds one to two times what was crossed, 1.5 by the estimate.
    assert BLOCK_BYTES / 1.5 * 0.8 < taken < BLOCK_BYTES / 1.5 * 2 * 1.1


def test_more_fading_than_is_allowed_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Point.of(load_scenario(short_blocks(10_000)))
    assert str(caught.value) == (
        "channel.coherence_time_s: fading needs about 95.1 GiB, given 10000 devices whose uploads cross some 2.13e+05 "
        "blocks each, allowed: 1 GiB (NETSIM_MEMORY_GIB=96 in the environment allows this)"
    )


def test_what_a_policy_does_not_send_needs_no_fading() -> None:
    """What is estimated is what is sent under the first seed, not the whole vocabulary."""
    recorded = {"trace": str(ROOT / "traces" / "tiny-cu"), "payload": {"vocabulary_size": 32_000}}
    truncated = {"name": "cu-hlm", "threshold": 0.3, "k": 4}
    with pytest.raises(InputError, match=r"fading needs about 9\.51 GiB"):
        Point.of(load_scenario(short_blocks(1000, **recorded)))
    Point.of(load_scenario(short_blocks(1000, **recorded, policy=truncated)))


@pytest.mark.parametrize("given", ["", "x", "nan", "-1", "0", "inf"])
def test_a_limit_that_is_no_size_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(LIMIT, given)
    with pytest.raises(InputError, match=f"{LIMIT}: given '{given}', allowed: a number of GiB above 0"):
        Point.of(load_scenario({**SCENARIO, "tokens": 4}))
