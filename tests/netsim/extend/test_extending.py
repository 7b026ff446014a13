"""The recipes of ``docs/extending.md``, run as they stand: as plug-ins beside a scenario, and as kinds of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netsim.startup import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(?:python|yaml)\n# (\w+: [\w.-]+)\n(.*?)```", PAGE, re.DOTALL))
#: Each recipe's file, the name of its scenario, the folder of its family, and the word that names it there.
RECIPES = {
    "sometimes_sure.py": ("policy", "policies", "sometimes-sure"),
    "two_state.py": ("fading", "fadings", "two-state"),
    "shortest_first.py": ("scheduler", "schedulers", "shortest-first"),
    "without_indices.py": ("payload", "payloads", "without-indices"),
}
GOOD = {"name": "recipe", "trace": "tiny-full", "policy": "hlm", "tokens": 4, "seeds": 1}


def scenario(name: str) -> str:
    block = str(BLOCKS[f"scenario: {name}"])
    keys = {line.partition(":")[0] for line in block.splitlines()}
    return block + "".join(f"{key}: {value}\n" for key, value in GOOD.items() if key not in keys)


def netsim(folder: Path, *words: str, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "netsim", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done


def test_every_recipe_of_the_page_is_run() -> None:
    assert {f"file: {name}" for name in RECIPES} == {key for key in BLOCKS if key.startswith("file")}


@pytest.mark.parametrize("file", RECIPES)
def test_a_recipe_beside_a_scenario(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(BLOCKS[f"file: {file}"], encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(scenario(RECIPES[file][0]), encoding="utf-8")
    [row] = json.loads(netsim(tmp_path, "run", str(path), "--allow-plugins", "--json").stdout)
    assert row["throughput_tok_s"] > 0
    checks = subprocess.run(
        [sys.executable, "-c", BLOCKS[f"check: {file}"]],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert checks.returncode == 0, checks.stderr


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's code apart, to add files to."""
    folder = tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("__pycache__", "*.safetensors", "tiny*", "*.jsonl")
    for package in ("analysis", "channels", "models", "netsim", "traces"):
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    (folder / "traces" / "tiny-full").symlink_to(ROOT / "traces" / "tiny-full")
    return folder


def test_a_new_file_in_a_familys_folder_is_a_kind_everywhere(clone: Path, tmp_path: Path) -> None:
    for file, (_, folder, _) in RECIPES.items():
        (clone / "netsim" / "scenario" / folder / file).write_text(BLOCKS[f"file: {file}"], encoding="utf-8")
    schema = json.dumps(json.loads(netsim(tmp_path, "schema", path=clone).stdout))
    for file, (name, folder, word) in RECIPES.items():
        rows = json.loads(netsim(tmp_path, "list", folder, "--json", path=clone).stdout)
        assert word in {row["name"] for row in rows}
        assert f'"{word}"' in schema
        path = tmp_path / f"{word}.yaml"
        module = file.removesuffix(".py")
        path.write_text(re.sub(rf'"{module}:\w+"', word, scenario(name)), encoding="utf-8")
        [row] = json.loads(netsim(tmp_path, "run", str(path), "--json", path=clone).stdout)
        assert row["throughput_tok_s"] > 0


def insert(file: Path, end: str, entry: str) -> None:
    """Put an entry at the end of a list in a file of the clone."""
    source = file.read_text(encoding="utf-8")
    assert source.count(end) == 1
    file.write_text(source.replace(end, entry + end), encoding="utf-8")


def test_a_column_is_one_entry(clone: Path, tmp_path: Path) -> None:
    entry = BLOCKS["column: skipped_tokens"]
    insert(clone / "netsim" / "results" / "columns.py", ")  # fmt: skip\n#: Names", entry)
    listed = json.loads(netsim(tmp_path, "list", "columns", "--json", path=clone).stdout)
    assert "skipped_tokens" in {row["name"] for row in listed}
    path = tmp_path / "mine.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in (GOOD | {"policy": "slm"}).items()))
    [row] = json.loads(netsim(tmp_path, "run", str(path), "--json", path=clone).stdout)
    assert row["skipped_tokens"] == row["tokens"]  # slm keeps them all


def test_a_figure_is_one_entry(clone: Path, tmp_path: Path) -> None:
    insert(
        clone / "analysis" / "figures" / "kinds.py",
        ")  # fmt: skip\nLOG_FIGURES",
        BLOCKS["figure: queue-vs-snr"],
    )
    path = tmp_path / "mine.yaml"
    path.write_text(
        "".join(f"{key}: {value}\n" for key, value in GOOD.items()) + "sweep: {channel.snr_db: [0, 10]}\n"
    )
    netsim(tmp_path, "sweep", str(path), "--out", "out", path=clone)
    netsim(tmp_path, "plot", "out", "--kind", "queue-vs-snr", path=clone)
    assert (tmp_path / "out" / "queue-vs-snr.png").is_file()
