"""Imports run one way, between packages and between the rooms in them: the tables of docs/design.md, read off the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {"analysis", "channels", "models", "netsim", "traces"}
#: What each package may import of ours.
ARROWS: dict[str, set[str]] = {
    "channels": set(),
    "traces": set(),
    "models": {"traces"},
    "netsim": {"channels", "traces"},
    "analysis": {"channels", "netsim", "traces"},
}
#: All that the two packages at the bottom may import of others, beside the standard library.
FOREIGN = {
    "channels": {"llvmlite", "numba", "numpy", "scipy"},
    "traces": {"numba", "numpy", "pydantic", "safetensors"},
}
#: Rooms (folders) and loose modules of each package, from the bottom to the top: an import goes down.
FLOORS: dict[str, list[set[str]]] = {
    "netsim": [
        {"errors", "startup"},
        {"radio", "costs"},
        {"deciding"},
        {"engines"},
        {"results"},
        {"scenario"},
        {"point"},
        {"sweeps"},
        {"__init__", "extend"},
        {"cli"},
        {"__main__"},
    ],
    "traces": [{"__init__", "streams", "measures"}, {"uncertainty"}, {"format"}, {"speculative"}],
    "analysis": [
        {"__init__"},
        {"figures"},
        {"calibration", "report", "tables"},
        {"accuracy"},
        {"field", "reproduction", "validation"},
    ],
}
#: Arrows between the rooms of netsim that a reader has to keep in mind, at most.
MOST_ARROWS = 60
ONLY_IN_MODELS = {"tokenizers", "torch", "transformers"}
ONLY_LATE = {"dask", "distributed"}


def imports(tree: ast.AST, *, late: bool = False) -> Iterator[tuple[str, bool]]:
    """Every imported module's first name, and whether it waits for a function's call or for a type checker."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import hides its package"
            yield (node.module or "").partition(".")[0], late
        else:
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            is_for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            yield from imports(node, late=late or is_function or is_for_types)


def faults(package: str, file_name: str, source: str) -> list[str]:
    """What a module imports that its package may not."""
    found = []
    for name, late in imports(ast.parse(source)):
        late_command = package == "netsim" and file_name.startswith("cli/") and late
        if name in OURS - {package}:
            allowed = name in ARROWS[package] or late_command
        elif name in ONLY_IN_MODELS:
            allowed = package == "models"
        elif name in ONLY_LATE:
            allowed = late and package == "netsim"
        else:
            allowed = package not in FOREIGN or name in {package, *FOREIGN[package], *sys.stdlib_module_names}
        if not allowed:
            found.append(f"{package}/{file_name} imports {name}")
    return found


@pytest.mark.parametrize("package", sorted(OURS))
def test_a_package_imports_only_along_the_arrows(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    assert [
        fault
        for file in files
        for fault in faults(package, file.relative_to(ROOT / package).as_posix(), file.read_text("utf-8"))
    ] == []


@pytest.mark.parametrize(
    ("package", "file_name", "source"),
    [
        ("channels", "a.py", "import traces.tree"),
        ("channels", "a.py", "import simpy"),
        ("traces", "a.py", "def f():\n    import torch"),
        ("netsim", "sweep.py", "def f():\n    from analysis import figures"),
        ("netsim", "cli/__init__.py", "from analysis import figures"),
        ("netsim", "cli/run.py", "if True:\n    import models"),
        ("netsim", "cli/__init__.py", "def f():\n    import torch"),
        ("netsim", "sweep.py", "import distributed"),
        ("analysis", "a.py", "from models.pair import Pair"),
        ("models", "a.py", "from netsim import policies"),
    ],
)
def test_a_wrong_import_is_seen(package: str, file_name: str, source: str) -> None:
    assert len(faults(package, file_name, source)) == 1


def test_a_command_may_import_what_it_needs_late() -> None:
    assert faults("netsim", "cli/record.py", "def record():\n    from models import record") == []


def test_simulating_loads_neither_torch_nor_dask() -> None:
    modules = sorted({*ONLY_IN_MODELS, *ONLY_LATE})
    code = (
        "import sys, netsim, netsim.cli, channels, traces, analysis, analysis.figures.plot\n"
        f"print([name for name in {modules} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def rooms(package: str) -> Iterator[tuple[str, str, str]]:
    """Every import from one room of a package to another: the file, its room, the other room."""
    folder = ROOT / package
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.ImportFrom):
                continue
            parts = (node.module or "").split(".")
            if parts[0] != package:
                continue
            names = parts[1:2] or [
                alias.name if (folder / alias.name).exists() else "__init__" for alias in node.names
            ]
            yield from ((str(file.relative_to(ROOT)), name, other) for other in names if other != name)


@pytest.mark.parametrize("package", sorted(FLOORS))
def test_a_room_imports_only_from_rooms_below(package: str) -> None:
    floor_of = {room: floor for floor, own in enumerate(FLOORS[package]) for room in own}
    here = {
        file.relative_to(ROOT / package).with_suffix("").parts[0] for file in (ROOT / package).rglob("*.py")
    }
    assert here == set(floor_of), "every room has its floor, and every floor its rooms"
    upwards = [
        f"{file} imports {other}" for file, room, other in rooms(package) if floor_of[other] >= floor_of[room]
    ]
    assert upwards == []


def test_the_rooms_of_netsim_have_few_arrows() -> None:
    assert len({(room, other) for _, room, other in rooms("netsim")}) <= MOST_ARROWS
