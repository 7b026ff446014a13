"""Where netsim runs: in a notebook's kernel, as a class of the program itself, from an installation that can't be written to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netsim.startup import PACKAGES, ROOT

SCENARIO = """\
name: two
trace: tiny-demo
channel: {snr_db: 5}
latency: {slm: tinyllama-1.1b, llm: llama-2-7b}
eos: ignore
tokens: 8
seeds: 2
sweep: {policy: [hlm, {name: u-hlm, threshold: 0.3}]}
"""
PROGRAM = """
import netsim
from netsim.deciding.policies import UHlm
from netsim.extend import PolicyContext, PolicyKind

class Half(PolicyKind):
    '''Skips below one half.'''

    def build(self, context: PolicyContext) -> UHlm:
        return UHlm(0.5)

base = {"name": "own", "trace": "tiny-demo", "latency": {"slm": 0.01, "llm": 0.02}, "tokens": 8, "eos": "ignore", "seeds": 2}
sweep = {"policy": ["__main__:Half", {"name": "u-hlm", "threshold": 0.5}]}
table = netsim.sweep({**base, "channel": {"snr_db": 5}, "sweep": sweep}, jobs=JOBS)
own, same = (rows["throughput_tok_s"].tolist() for _, rows in table.groupby("policy.name"))
assert own == same and len(own) == 2, (own, same)
"""

#: Of the clone, what a simulation needs and no compiled code.
NOT_INSTALLED = shutil.ignore_patterns("__pycache__", "qwen*", "tiny", "tiny-c*", "tiny-full")
NOT_KEPT = "netsim: no folder to keep compiled code in, so that every start compiles it anew; NUMBA_CACHE_DIR may name one\n"


def run(words: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("backend", ["module://a_kernel.of_its_own", "TkAgg"])
def test_how_a_notebook_draws_is_not_how_a_command_draws(backend: str, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(SCENARIO)
    swept = run(["-m", "netsim", "sweep", "two.yaml", "--quiet"], tmp_path, MPLBACKEND=backend)
    assert (swept.returncode, swept.stderr) == (0, "")
    drawn = run(["-m", "netsim", "plot", "results/two", "--out", "a.png"], tmp_path, MPLBACKEND=backend)
    assert (drawn.returncode, drawn.stderr) == (0, "")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_class_of_the_program_itself_is_swept_in_one_process(tmp_path: Path) -> None:
    done = run(["-c", PROGRAM.replace("JOBS", "1")], tmp_path, NETSIM_ALLOW_PLUGINS="1")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_class_of_the_program_itself_is_refused_in_other_processes(tmp_path: Path) -> None:
    done = run(["-c", PROGRAM.replace("JOBS", "2")], tmp_path, NETSIM_ALLOW_PLUGINS="1")
    assert done.stderr.splitlines()[-1].endswith(
        "__main__:Half: a class of this very program is not found by other processes, "
        "allowed: one process (jobs 1), or a module of its own"
    )


def test_finished_cells_are_not_taken_for_those_of_a_class_that_may_have_changed(tmp_path: Path) -> None:
    call = 'run_sweep({**base, "channel": {"snr_db": 5}, "policy": "__main__:Half"}, Path("out"))'
    start = PROGRAM.partition("sweep =")[0]
    code = f"from pathlib import Path\nfrom netsim.sweeps.run import run_sweep\n{start}{call}\n"
    done = run(["-c", code], tmp_path, NETSIM_ALLOW_PLUGINS="1")
    assert "no file that tells finished cells of another version, allowed: fresh=True" in done.stderr
    assert not (tmp_path / "out").exists()
    again = run(
        ["-c", code.replace('Path("out")', 'Path("out"), fresh=True')], tmp_path, NETSIM_ALLOW_PLUGINS="1"
    )
    assert (again.returncode, again.stderr) == (0, "")


@pytest.fixture(scope="module", name="installed")
def install_read_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our packages in a folder that nobody may write to."""
    site = tmp_path_factory.mktemp("installed") / "site"
    for name in (*PACKAGES, "netsim"):
        shutil.copytree(ROOT / name, site / name, ignore=NOT_INSTALLED)
    for path in [site, *site.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    return site


def without_rights(installed: Path, folder: Path, *words: str, **environment: str) -> tuple[int, str, str]:
    """Run Python on the installed packages without HOME, where rights are those that the files say, whoever runs it."""
    command = [sys.executable, *words]
    if os.geteuid() == 0:
        # Root may write anywhere, unless it gives that up.
        command = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override", *command]
    plain = {name: value for name, value in os.environ.items() if name in ("PATH", "OMP_NUM_THREADS")}
    paths = {"PYTHONPATH": str(installed), "TMPDIR": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=plain | paths | environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_read_only_installation_without_a_home(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(SCENARIO)
    words = ["-m", "netsim", "sweep", "two.yaml", "--quiet", "--jobs", "2"]
    nowhere = {"XDG_CACHE_HOME": str(installed / "no"), "XDG_CONFIG_HOME": str(installed / "no")}
    status, _, errors = without_rights(installed, tmp_path, *words, **nowhere)
    assert (status, errors) == (0, NOT_KEPT)
    assert list((tmp_path / "results/two").glob("*.png"))
    assert not list(tmp_path.glob("netsim-*")), "what was compiled for this process alone is gone"
    assert not list(installed.rglob("__pycache__"))


def test_a_read_only_installation_keeps_compiled_code_in_the_cache_of_its_user(
    installed: Path, tmp_path: Path
) -> None:
    own = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    # The place that numba has found for one function; it is asked for nothing else, since compiling takes long.
    code = "import netsim; from channels.drain import drain; print(drain._cache.cache_path)"
    status, output, errors = without_rights(installed, tmp_path, "-c", code, **own)
    assert (status, errors) == (0, "")
    assert output.startswith(str(tmp_path / "cache"))
