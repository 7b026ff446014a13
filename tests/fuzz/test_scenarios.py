"""Mutated and random scenarios: done or refused in lines, in bounded time and memory, nothing touched outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.scenario.yaml_file import dump_yaml
from tests.fuzz.budget import examples
from tests.fuzz.commands import command, judge
from tests.fuzz.hostile import damaged, mutated
from tests.fuzz.schema import scenarios
from tests.trace_factory import make_trace

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="forks, and bounds memory as Linux does"
)
CORPUS = Path(__file__).parent / "corpus" / "scenarios"

#: Everything that a scenario can say, in small numbers.
BASES: list[dict[str, Any]] = [
    {
        "name": "one", "policy": {"name": "u-hlm", "threshold": 0.3}, "tokens": 4, "seeds": 2, "eos": "ignore",
        "channel": {"fading": {"name": "rician", "k_db": 3}, "snr_db": 5, "bandwidth_hz": 1e7, "coherence_time_s": 0.01},
        "latency": {"slm": 0.02, "llm": 0.05}, "uncertainty": {"samples": 20, "theta_max": 2},
        "payload": {"vocabulary_size": 32000}, "downlink": {"rate_bps": 1e7},
        "sweep": {"channel.snr_db": [0, 10], "policy": [{"name": "slm"}, {"name": "hlm"}]},
    },
    {
        "name": "several", "policy": {"name": "hlm"}, "tokens": 3, "seeds": [3], "devices": 3,
        "uplink": {"scheduler": "round-robin"}, "server": {"replicas": 2}, "latency": {"slm": 0.02, "llm": 0.05},
        "requests": {"arrivals": {"name": "poisson", "rate_hz": 2}, "per_device": 1, "until_s": 60},
        "channel": {"bandwidth_hz": 1e7},
    },
    {
        "name": "drafts", "tokens": 4, "seeds": 1, "eos": "ignore", "latency": {"slm": 0.02, "llm": 0.05},
        "payload": {"vocabulary_size": 32000, "quantise": False},
        "channel": {"fading": "rayleigh", "bandwidth_hz": 1e7, "coherence_time_s": 0.01},
        "policy": {"name": "spec", "gamma": 3, "payload": {"name": "top-k-lattice", "k": 4, "levels": 100},
                   "stop": {"name": "probability", "at_least": 0.2}},
    },
    {
        "name": "placed", "policy": {"name": "rand-hlm", "skip_probability": 0.5}, "tokens": 3, "seeds": 1,
        "devices": [{"position_m": [40, 30]}, {"position_m": [100, 0], "policy": "slm"}],
        "latency": {"slm": 0.02, "llm": 0.05}, "energy": {"compute_w": 3, "idle_w": 0.1},
        "site": {"environment": "umi", "carrier_hz": 3.5e9, "base_height_m": 10, "device_height_m": 1.5,
                 "transmit_dbm": 23, "noise_figure_db": 7, "radius_m": 150},
        "channel": {"bandwidth_hz": 1e7, "rate": "cqi"},
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trace(tmp_path_factory.mktemp("fuzz") / "trace", num_tokens=4).folder


def write(folder: Path, trace: Path, content: Any) -> Path:
    path = folder / "s.yaml"
    if isinstance(content, dict):
        content = {"trace": str(trace), **content}
    try:
        path.write_text(dump_yaml(content), encoding="utf-8", errors="surrogatepass")
    except Exception:  # noqa: BLE001  (what can't be written as YAML is no scenario)
        path.write_text(repr(content), encoding="utf-8", errors="surrogatepass")
    return path


@pytest.mark.parametrize("content", BASES, ids=lambda content: content["name"])
def test_what_is_mutated_is_well(content: Any, trace: Path, tmp_path: Path) -> None:
    ended = command(tmp_path, "run", write(tmp_path, trace, content))
    assert ended.status == 0, ended.stderr


@pytest.mark.parametrize("what", ["validate", "run", "sweep"])
@examples(20)
@given(content=st.sampled_from(BASES).flatmap(mutated))
def test_mutated(what: str, content: Any, trace: Path, tmp_path: Path) -> None:
    out: list[str | Path] = ["--out", tmp_path / "out", "--fresh", "-q"] if what == "sweep" else []
    judge(command(tmp_path, what, write(tmp_path, trace, content), *out))


@examples(30)
@given(content=scenarios())
def test_random_by_the_schema(content: Any, trace: Path, tmp_path: Path) -> None:
    judge(command(tmp_path, "validate", write(tmp_path, trace, content)))


@examples(20)
@given(data=st.data())
def test_damaged_text(data: st.DataObject, trace: Path, tmp_path: Path) -> None:
    path = write(tmp_path, trace, BASES[0])
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    judge(command(tmp_path, "validate", path))


@pytest.mark.parametrize("what", ["validate", "run"])
@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.stem)
def test_corpus(path: Path, what: str, tmp_path: Path) -> None:
    ended = command(tmp_path, what, path)
    judge(ended)
    assert (path.stem, what) in FINE or ended.status == 2
    assert not (tmp_path / "pwned").exists()


#: Those that are done, not refused.
FINE: set[tuple[str, str]] = {
    (name, what) for name in ("sweep-tokens", "coherence-1us", "zero-time") for what in ("validate", "run")
}
