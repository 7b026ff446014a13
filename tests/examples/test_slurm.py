"""The Slurm job file, run here with local processes in the place of ``srun``'s nodes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from netsim.startup import ROOT

SCENARIO = """
name: small
trace: tiny-full
policy: {name: hlm}
tokens: 4
eos: ignore
seeds: 2
sweep: {channel.snr_db: [0, 10]}
"""


def test_the_job_file_sweeps_as_one_machine_does(tmp_path: Path) -> None:
    scenario = tmp_path / "small.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text('#!/bin/sh\nexec "$@"\n', encoding="utf-8")
    srun.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{srun.parent}:{os.environ['PATH']}",
        "NETSIM_PYTHON": sys.executable,
        "NETSIM_SHARED": str(tmp_path),
        "NETSIM_DASK_HOST": "127.0.0.1",
        "SLURM_CPUS_PER_TASK": "1",
    }
    command = ["bash", "examples/slurm.sbatch", str(scenario), str(tmp_path / "cluster")]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    alone = [sys.executable, "-m", "netsim", "sweep", str(scenario), "--out", str(tmp_path / "alone"), "-q"]
    subprocess.run(alone, cwd=ROOT, check=True, timeout=120)
    cluster, one = (pd.read_parquet(tmp_path / name / "results.parquet") for name in ("cluster", "alone"))
    pd.testing.assert_frame_equal(cluster, one, check_exact=True)
    assert not list(tmp_path.glob(".netsim-dask.*")), "what the job wrote for its workers is gone"
