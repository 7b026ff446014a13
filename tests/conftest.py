"""Settings of every test."""

from __future__ import annotations

import matplotlib as mpl
from hypothesis import settings

# No window system on a machine that runs tests.
mpl.use("agg")
# The same examples on every machine and every run; a shared, busy one must not fail an example for being slow.
settings.register_profile("netsim", derandomize=True, deadline=None)
settings.load_profile("netsim")
