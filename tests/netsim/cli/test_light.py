"""What a command does not need is not imported for it; no clock is asked, as that would depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from netsim.startup import ROOT

SIMULATION = {"joblib", "netsim.point", "netsim.sweeps.parallel", "pandas", "pyarrow"}
FIGURES = {"bokeh", "matplotlib", "seaborn"}
MODELS = {"dask", "distributed", "torch", "transformers"}
NUMBERS = {"numba", "numpy", "scipy", "simpy"}
#: What takes the longest to import; numba imports ``scipy.linalg`` when something compiled is first called.
COMPILED = {"numba", "scipy"}
#: What no row is computed with.
NO_ROWS = {"joblib", "pandas", "rich"}
#: What numba does not import of scipy either: laws that few scenarios name, and statistics.
NO_LAWS = {"scipy.interpolate", "scipy.special", "scipy.stats"}
#: A command, and what stands in no module that it imports.
LIGHT = {
    "--help": SIMULATION | FIGURES | MODELS | NUMBERS | {"pydantic", "rich"},
    # Of an option's help, typer asks pydantic where it is installed.
    "sweep --help": SIMULATION | FIGURES | MODELS | NUMBERS | {"rich"},
    "list": SIMULATION | FIGURES | MODELS | COMPILED,
    "list policies": SIMULATION | FIGURES | MODELS | COMPILED,
    "list traces": SIMULATION | FIGURES | MODELS | COMPILED,
    "schema": SIMULATION | FIGURES | MODELS | COMPILED,
    "validate scenarios/quickstart.yaml": FIGURES | MODELS | COMPILED | NO_ROWS,
    "validate scenarios/network.yaml": FIGURES | MODELS | COMPILED | NO_ROWS,
}
#: Runs a command, whatever comes of it, and prints what it imported.
PROBE = """
import contextlib, io, json, sys
from netsim.__main__ import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("command", LIGHT)
def test_what_a_command_does_not_need_is_not_imported(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *command.split()], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert LIGHT[command] & set(json.loads(done.stdout)) == set()


def test_what_is_imported_late_is_the_function_and_not_a_module() -> None:
    code = (
        "import sys, netsim\n"
        "assert 'numba' not in sys.modules and {'simulate', 'sweep', 'load_scenario'} <= set(dir(netsim))\n"
        "import netsim.point, netsim.sweeps.run\n"
        "assert netsim.simulate is netsim.point.simulate and netsim.sweep is netsim.sweeps.run.sweep\n"
        "assert callable(netsim.load_scenario) and not hasattr(netsim, 'simulation')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_a_process_that_computes_imports_only_what_its_rows_need() -> None:
    code = (
        "import pickle, sys\n"
        "from netsim.scenario import load_grid\n"
        "from netsim.sweeps.chunks import missing_chunks, sweep_points\n"
        "from netsim.sweeps.parallel import compute\n"
        "points = sweep_points(load_grid('scenarios/quickstart.yaml'), 'auto')\n"
        "outcome = compute(next(missing_chunks(points, [0], {})))\n"
        "pickle.dumps(outcome)\n"
        "assert len(outcome.rows) and not outcome.failures\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert (NO_ROWS | NO_LAWS | FIGURES | MODELS) & set(done.stdout.split()) == set()


def test_a_sweep_imports_what_its_end_needs_when_its_cells_are_computed() -> None:
    code = (
        "import sys, tempfile\n"
        "from pathlib import Path\n"
        "import netsim.sweeps.parallel\n"
        "from netsim.sweeps.run import run_sweep\n"
        "of = netsim.sweeps.parallel.compute\n"
        "def compute(chunk):\n"
        "    outcome = of(chunk)\n"
        "    print(*sys.modules)\n"
        "    sys.exit()\n"
        "netsim.sweeps.parallel.compute = compute\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    run_sweep('scenarios/quickstart.yaml', Path(folder) / 'new', quiet=False)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert (NO_ROWS | NO_LAWS | FIGURES | MODELS) & set(done.stdout.split()) == set()


def test_who_hands_cells_to_processes_compiles_nothing() -> None:
    code = (
        "import sys, tempfile\n"
        "from pathlib import Path\n"
        "from netsim.scenario import load_grid\n"
        "from netsim.sweeps.run import run_sweep\n"
        "from netsim.sweeps.store import Store\n"
        "def write_products(*_):\n"
        "    print(*sys.modules)\n"
        "    sys.exit()\n"
        "Store.write_products = write_products\n"
        "grid = load_grid('scenarios/quickstart.yaml', ['tokens=2', 'seeds=1'])\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    run_sweep(grid, Path(folder) / 'new', jobs=2)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert (COMPILED | {"pandas", "rich"} | FIGURES | MODELS) & set(done.stdout.split()) == set()
