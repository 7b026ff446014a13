"""The sdist and the wheel of it, built here, do the main job from an empty folder; nothing of the clone is in reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOST_MB = 15
#: What a clone has beside what is built: not looked at, so that the sdist can't lean on it.
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "results", "tests")
SWEEP = """\
name: two
trace: tiny-cu
channel: {snr_db: 5}
latency: {slm: tinyllama-1.1b, llm: llama-2-7b}
eos: ignore
tokens: 8
seeds: 2
sweep: {policy: [hlm, {name: u-hlm, threshold: risk-prone}]}
"""


def run(words: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with no path but the one that is given."""
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=folder, env=plain | environment, capture_output=True, text=True, check=False, timeout=900
    )


@pytest.fixture(scope="module", name="wheel")
def build_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist, without a look at any index."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE)
    hook = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    done = run(["-c", hook, str(folder)], folder / "source")
    assert done.returncode == 0, done.stderr
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "sdist", filter="data")
    [unpacked] = (folder / "sdist").iterdir()
    pip = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    done = run([*pip, str(unpacked)], folder)
    assert done.returncode == 0, done.stderr
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module", name="installed")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)  # noqa: S202  (built above)
    return folder


def netsim(
    installed: Path, folder: Path, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The installed command; an editable clone of the same Python comes after it, and is refused if it came first."""
    return run(["-m", "netsim", *words], folder, PYTHONPATH=str(installed), **environment)


def test_the_wheel_is_small_and_holds_no_tests(wheel: Path) -> None:
    assert wheel.stat().st_size <= MOST_MB * 1e6
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"analysis", "channels", "models", "netsim", "scenarios", "traces"}
    for needed in (
        "models/profiles/llama-2-7b.json",
        "scenarios/papers/published-u-hlm.yaml",
        "traces/tiny-demo/trace.json",
    ):
        assert needed in names
    assert [name for name in names if "tests" in name.split("/") or name.endswith(".pyc")] == []


def test_the_demo_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    done = netsim(installed, tmp_path, "demo")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("cells: ")] == []
    assert "trace: tiny-demo, the first prompts of tiny" in done.stdout
    assert (tmp_path / "results/quickstart/results.parquet").is_file()
    assert list((tmp_path / "results/quickstart").glob("*.png"))


def test_a_sweep_of_ones_own(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(SWEEP)
    where = netsim(installed, tmp_path, "list", "traces")
    assert "tiny-demo" in where.stdout
    assert " tiny " not in where.stdout
    done = netsim(installed, tmp_path, "sweep", "two.yaml", "--quiet")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "results/two/summary.csv").read_text().count("\n") == 3


def test_a_template_names_what_is_installed(installed: Path, tmp_path: Path) -> None:
    assert netsim(installed, tmp_path, "new").returncode == 0
    assert "trace: tiny-demo   # the first prompts of tiny" in (tmp_path / "quickstart.yaml").read_text()
    assert netsim(installed, tmp_path, "validate", "quickstart.yaml").returncode == 0


def test_a_trace_that_is_not_installed_is_told_with_what_there_is(installed: Path, tmp_path: Path) -> None:
    done = netsim(installed, tmp_path, "replay", "tiny", "--policy", "hlm")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "no such trace, given 'tiny', allowed: tiny-calibration, tiny-cu, tiny-demo, tiny-full" in done.stderr
    )
