"""How fast the simulator is; ``python -m benchmarks --help``. Nothing here is asserted: machines differ."""

from __future__ import annotations
