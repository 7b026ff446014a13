"""Scenarios from anywhere: one line each, nothing run, nothing made, nothing large allocated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netsim.startup import ROOT
from tests.command_line import netsim

GOOD = "name: x\ntrace: tiny-full\npolicy: {name: hlm}\nseeds: 2\n"
#: What a scenario says, and what is said of it; each was once accepted, a traceback, or gigabytes.
HOSTILE = {
    'policy: {name: "subprocess:Popen", args: "touch pwned", shell: true}': "policy: subprocess:Popen: code of your own",
    'policy: {name: "os:system"}': "policy: os:system: code of your own",
    'policy: {name: "builtins:dict"}': "policy: builtins:dict: code of your own",
    'channel: {fading: "builtins:int"}': "channel.fading: builtins:int: code of your own",
    'channel: {rate: "os:system"}': "channel.rate: os:system: code of your own",
    'uplink: {scheduler: "os:system"}': "uplink.scheduler: os:system: code of your own",
    'requests: {arrivals: "os:system"}': "requests.arrivals: os:system: code of your own",
    'devices: [{policy: "os:system"}]': "devices[0].policy: os:system: code of your own",
    "devices: 1000000000000": "devices: out of range, given 1000000000000, allowed: a whole number from 1 to 10000",
    "seeds: 9223372036854775808": "seeds: out of range",
    "seeds: [9223372036854775808]": "seeds: ",
    "tokens: 9223372036854775808": "tokens: out of range",
    f"tokens: {'9' * 9000}": "tokens: ",
    f"channel: {{snr_db: {'9' * 400}}}": "channel.snr_db: ",
    "channel: {snr_db: -100}": "channel.snr_db: out of range, given -100, allowed: a number from -60 to 100 dB",
    "channel: {snr_db: 3090}": "channel.snr_db: out of range",
    "channel: {bandwidth_hz: 1e-300}": "channel.bandwidth_hz: out of range",
    "channel: {coherence_time_s: 1e-12}": "channel.coherence_time_s: out of range",
    "downlink: {rate_bps: 1e-300}": "downlink.rate_bps: out of range",
    "latency: {grant: 1e300}": "latency.grant: out of range",
    "payload: {probability_bits: 1024}": "payload.probability_bits: out of range",
    "uncertainty: {samples: 2000000}": "uncertainty.samples: out of range",
    "server: {replicas: 1000000000000}": "server.replicas: out of range",
    "requests: {per_device: 1000000, arrivals: closed}": "requests.per_device: too many rounds in one row",
    "requests: {arrivals: {name: recorded, file: nosuch.csv}}": "requests.arrivals.file: no such file or directory",
    "channel: {fading: {name: recorded, file: nosuch.csv}}": "channel.fading.file: no such file or directory",
    "latency: {slm: nosuch.json}": "latency.slm: nosuch.json: can't be read",
    f"trace: {'a' * 300}": "trace: no such trace, given 'aaa",
    f"trace: {'a' * 3000}": "trace: malformed",
    f"name: {'a' * 300}": "name: malformed",
    'trace: "tiny\\0"': "trace: malformed",
    'tokens: !!int ""': "tokens: not of the type int",
    "sweep: {channel.snr_db: {start: 0, stop: 1, step: 1e-12}}": "sweep.channel.snr_db.step: too small",
    "sweep: {tokens: [4, 9223372036854775808]}": "sweep.tokens[1]: out of range",
}

WATCH = """
import sys
# The cache of compiled code is looked at where that is imported, once for all.
import netsim.point, netsim.scenario, netsim.sweeps.run
from netsim.cli import main
made, known = [], set(sys.modules)

def watch(event, args):
    if event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.mkdir", "os.remove"):
        made.append(event)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        made.append(f"open {args[0]}")

sys.addaudithook(watch)
try:
    main()
finally:
    ours = ("netsim", "channels", "traces")
    foreign = [name for name in ("subprocess_of_mine", "beside") if name in sys.modules]
    print("MADE", made, foreign, file=sys.stderr)
"""


def write(folder: Path, text: str) -> Path:
    """A scenario in which ``text`` takes the place of its key."""
    key = text.partition(":")[0]
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{key}:")]
    path = folder / f"{len(list(folder.iterdir()))}.yaml"
    path.write_text("\n".join([*lines, text, ""]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What ``netsim validate`` says of each, all in one process that is watched, under a limit of memory."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = {text: write(folder, text) for text in HOSTILE}
    before = sorted(folder.iterdir())
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30,) * 2)\n" + WATCH
    done = subprocess.run(
        [sys.executable, "-c", limited, "validate", *map(str, paths.values())],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    *lines, made = done.stderr.splitlines()
    assert done.returncode == 2, done.stderr
    assert made == "MADE [] []", (
        "validate starts no process, writes nothing and imports nothing of a scenario's"
    )
    assert sorted(folder.iterdir()) == before
    return {
        text: "\n".join(line for line in lines if line.startswith(f"{path}:")) for text, path in paths.items()
    }


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:40])
def test_one_line_that_names_the_key(text: str, said: dict[str, str]) -> None:
    [line] = said[text].splitlines()
    place, _, rest = line.partition(": ")
    assert rest.startswith(HOSTILE[text]), line
    assert len(line) < 600
    assert place.rpartition(":")[2].isdigit()


@pytest.mark.parametrize("allowed_by", ["environment", "option"])
def test_validate_imports_no_plugin_even_where_they_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed_by: str
) -> None:
    (tmp_path / "beside.py").write_text("open('imported', 'w').close()\n", encoding="utf-8")
    path = write(tmp_path, 'sweep: {policy: [hlm, {name: "beside:Mine", most: [1, 2]}]}')
    if allowed_by == "environment":
        monkeypatch.setenv("NETSIM_ALLOW_PLUGINS", "1")
    options = ["--allow-plugins"] if allowed_by == "option" else []
    done = netsim("validate", path, *options, cwd=tmp_path)
    assert (done.returncode, (tmp_path / "imported").exists()) == (0, False), done.stderr
    assert "validate runs no code of your own" in done.stderr
    assert done.stdout.startswith(f"{path}: ok, ")
    path.write_text(
        path.read_text(encoding="utf-8").replace("trace: tiny-full", "trace: tiny-fool"), encoding="utf-8"
    )
    refused = netsim("validate", path, *options, cwd=tmp_path)
    assert refused.returncode == 2
    assert "did you mean 'tiny-full'?" in refused.stderr, "what is no plug-in is looked at"


def test_a_module_beside_a_scenario_takes_nobodys_place(tmp_path: Path) -> None:
    for name in ("pandas", "simpy", "typer", "models"):
        (tmp_path / f"{name}.py").write_text(f"open('{name}-imported', 'w').close()\n", encoding="utf-8")
    path = write(tmp_path, "tokens: 4")
    done = subprocess.run(
        [sys.executable, "-m", "netsim", "validate", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("*-imported"))
