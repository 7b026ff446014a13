"""The estimate of a row's memory against what processes take, and its limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netsim.errors import InputError
from netsim.point import Point
from netsim.scenario import load_scenario
from netsim.scenario.memory import ARRAYS_BYTES, EVENTS_BYTES, LIMIT

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


@pytest.mark.parametrize("given", ["", "x", "nan", "-1", "0", "inf"])
def test_a_limit_that_is_no_size_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(LIMIT, given)
    with pytest.raises(InputError, match=f"{LIMIT}: given '{given}', allowed: a number of GiB above 0"):
        Point.of(load_scenario({**SCENARIO, "tokens": 4}))
