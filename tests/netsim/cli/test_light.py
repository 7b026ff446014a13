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
#: A command, and what stands in no module that it imports.
LIGHT = {
    "--help": SIMULATION | FIGURES | MODELS | NUMBERS | {"pydantic", "rich"},
    # Of an option's help, typer asks pydantic where it is installed.
    "sweep --help": SIMULATION | FIGURES | MODELS | NUMBERS | {"rich"},
    "list": SIMULATION | FIGURES | MODELS,
    "list policies": SIMULATION | FIGURES | MODELS,
    "list traces": SIMULATION | FIGURES | MODELS,
    "schema": SIMULATION | FIGURES | MODELS,
    "validate scenarios/quickstart.yaml": FIGURES | MODELS,
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
