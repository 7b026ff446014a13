"""A recording killed at random moments, and the same command again: the bytes of one that was not."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from models.pair import load_pair
from models.plan import Plan
from models.record import record
from netsim.deciding.policies import Hlm, UHlm
from tests.random_pair import save_random_pair
from traces.format.manifest import MANIFEST, Prompt, read_manifest
from traces.format.nodes import Sampler
from traces.speculative.walk import Measure, Policy

PROMPTS = tuple(Prompt(id=str(n), tokens=(5 + n, 40, 7 * n + 60)) for n in range(3))
POLICIES: dict[str, Policy] = {"hlm": Hlm(), "u-hlm:threshold=0.9": UHlm(0.9)}
#: Passes of a few rows, so that groups become complete one after the other.
PLAN = Plan(
    "random", PROMPTS, 24, (0, 1, 2), Sampler(1.0, 0.9), Measure(20, 2.0), POLICIES, eos=None, batch=2
)
GROUPS = 9


def run(models: tuple[Path, Path], folder: Path) -> None:
    """Record the plan; a process of its own."""
    torch.set_num_threads(1)
    record(load_pair(*models), PLAN, folder, lambda *_: None)


def done(folder: Path) -> int:
    """Groups that the manifest lists."""
    return len(read_manifest(folder).shards) if (folder / MANIFEST).exists() else 0


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_at_random_moments_and_resumed_gives_the_same_bytes(tmp_path: Path) -> None:
    models = save_random_pair(tmp_path)
    # The server has imported torch once; every recording is a fresh fork of it.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["models.record", "tests.random_pair"])
    whole = processes.Process(target=run, args=(models, tmp_path / "whole"))
    whole.start()
    whole.join()
    rng = np.random.default_rng(0)
    for trial in range(5):
        folder = tmp_path / f"killed-{trial}"
        recording = processes.Process(target=run, args=(models, folder))
        recording.start()
        wanted, started = int(rng.integers(1, 6)), time.monotonic()
        while done(folder) < wanted and time.monotonic() < started + 120:
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0, 0.1)))  # somewhere within a group, which takes about as long
        assert recording.pid is not None
        os.kill(recording.pid, signal.SIGKILL)
        recording.join()
        assert 0 < done(folder) < GROUPS
        assert recording.exitcode == -signal.SIGKILL
        resumed = processes.Process(target=run, args=(models, folder))
        resumed.start()
        resumed.join()
        assert contents(folder) == contents(tmp_path / "whole")
